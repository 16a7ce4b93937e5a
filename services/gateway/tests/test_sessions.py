"""People list and end their own sessions, and administrators everybody's."""

import pytest

from services.gateway.tests.conftest import Gateway

pytestmark = pytest.mark.database
PAGE = {"Sec-Fetch-Site": "same-origin"}


def listed(gateway: Gateway, cookie: str) -> list[dict[str, str]]:
    answer = gateway.call("GET", "/sessions", None, headers={"Cookie": cookie, **PAGE})
    assert answer.status_code == 200, answer.text
    assert cookie.partition("=")[2] not in answer.text
    items: list[dict[str, str]] = answer.json()["items"]
    return items


def end(gateway: Gateway, cookie: str, session_id: str) -> int:
    path = f"/sessions/{session_id}"
    return gateway.call("DELETE", path, None, headers={"Cookie": cookie, **PAGE}).status_code


def is_signed_in(gateway: Gateway, cookie: str) -> bool:
    return gateway.call("GET", "/me", None, headers={"Cookie": cookie}).status_code == 200


def test_one_sees_and_ends_ones_own_sessions(gateway: Gateway) -> None:
    first, second = gateway.sign_in("demo-preparer"), gateway.sign_in("demo-preparer")
    other = gateway.sign_in("demo-approver")
    (mine,) = [one for one in listed(gateway, second) if not one["current"]]
    assert len(listed(gateway, first)) == 2
    assert end(gateway, other, mine["session_id"]) == 404  # another person's
    assert is_signed_in(gateway, first)
    assert end(gateway, second, mine["session_id"]) == 200
    assert (is_signed_in(gateway, first), is_signed_in(gateway, second)) == (False, True)
    assert end(gateway, second, mine["session_id"]) == 404
    assert ("outcome", "demo-preparer", f"/api/v1/sessions/{mine['session_id']}", 200) in (
        gateway.audit_lines()
    )


def test_an_administrator_sees_and_ends_everybodys_in_person_only(gateway: Gateway) -> None:
    thief, admin = gateway.sign_in("demo-preparer"), gateway.sign_in("demo-admin")
    assert {one["person"] for one in listed(gateway, admin)} == {"demo-preparer", "demo-admin"}
    (his,) = [one for one in listed(gateway, admin) if one["person"] == "demo-preparer"]
    by_token = gateway.call("GET", "/sessions", "admin").json()["items"]
    assert {one["person"] for one in by_token} == {"demo-admin"}
    assert gateway.call("DELETE", f"/sessions/{his['session_id']}", "admin").status_code == 404
    assert end(gateway, admin, his["session_id"]) == 200
    assert not is_signed_in(gateway, thief)
