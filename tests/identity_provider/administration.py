"""Keycloak's administration: people, groups, and a sign-in in two levels."""

from dataclasses import dataclass, field
from typing import Any

import httpx

from devtools import keycloak

LEVELS = (("password", "auth-username-password-form"), ("one-time-code", "auth-otp-form"))


@dataclass
class Administration:
    """The realm `paydown` of a Keycloak that runs."""

    address: str
    client: httpx.Client = field(default_factory=lambda: httpx.Client(trust_env=False))

    def call(self, method: str, path: str, json: Any = None) -> Any:  # Any: JSON
        """One call; its answer, None if that is empty."""
        token = self.client.post(
            f"{self.address}/realms/master/protocol/openid-connect/token",
            data={
                "grant_type": "password",
                "client_id": "admin-cli",
                "username": keycloak.ADMIN[0],
                "password": keycloak.ADMIN[1],
            },
        ).json()["access_token"]
        answer = self.client.request(
            method,
            f"{self.address}/admin/realms/paydown{path}",
            json=json,
            headers={"Authorization": f"Bearer {token}"},
        )
        assert answer.is_success, (method, path, answer.text)
        return answer.json() if answer.content else None

    def user_id(self, name: str) -> str:
        (found,) = self.call("GET", f"/users?username={name}&exact=true")
        return str(found["id"])

    def enable(self, name: str, *, enabled: bool) -> None:
        self.call("PUT", f"/users/{self.user_id(name)}", {"enabled": enabled})

    def sign_out(self, name: str) -> None:
        """End a person's sessions; the clients are told by the back channel."""
        self.call("POST", f"/users/{self.user_id(name)}/logout", {})

    def set_group(self, name: str, group: str, *, member: bool) -> None:
        (found,) = self.call("GET", f"/groups?search={group}&exact=true")
        path = f"/users/{self.user_id(name)}/groups/{found['id']}"
        self.call("PUT" if member else "DELETE", path, {} if member else None)

    def sign_in_by_levels(self) -> None:
        """Make the sign-in one of two levels: a password, and for the second a one-time code."""
        flow = "/authentication/flows/levels"
        top = {"alias": "levels", "providerId": "basic-flow", "topLevel": True, "builtIn": False}
        self.call("POST", "/authentication/flows", top)
        self.call("POST", f"{flow}/executions/execution", {"provider": "auth-cookie"})
        self._add_flow("levels", "steps")
        for number, (name, form) in enumerate(LEVELS, 1):
            self._add_flow("steps", name)
            path = f"/authentication/flows/{name}/executions/execution"
            for provider in ("conditional-level-of-authentication", form):
                self.call("POST", path, {"provider": provider})
            condition = self.call("GET", f"/authentication/flows/{name}/executions")[0]
            config = {"loa-condition-level": str(number), "loa-max-age": "0"}
            self.call(
                "POST",
                f"/authentication/executions/{condition['id']}/config",
                {"alias": name, "config": config},
            )
        for one in self.call("GET", f"{flow}/executions"):
            wanted = "REQUIRED"
            if one["level"] == 0:
                wanted = "ALTERNATIVE"
            elif one.get("authenticationFlow"):
                wanted = "CONDITIONAL"
            self.call("PUT", f"{flow}/executions", {**one, "requirement": wanted})
        self.call("PUT", "", {"browserFlow": "levels"})

    def _add_flow(self, parent: str, name: str) -> None:
        self.call(
            "POST",
            f"/authentication/flows/{parent}/executions/flow",
            {"alias": name, "type": "basic-flow", "description": "", "provider": ""},
        )
