"""Which settings of the sign-in are refused at start."""

import contextlib
from typing import Any

import pytest

from libs.common.contracts.errors import SettingsError
from services.gateway.settings import GatewaySettings, check_demo, check_sign_in
from services.gateway.tests.fakes import TOKEN
from services.gateway.tests.identity_provider import oidc_settings


def test_demo_sign_in_is_refused_where_others_reach_it_or_real_money_moves() -> None:
    def settings(host: str) -> GatewaySettings:
        return GatewaySettings(
            database_url="postgresql+psycopg2://x", internal_token=TOKEN, host=host
        )

    check_demo(settings("127.0.0.1"), {"PAYDOWN_DISPATCHER_PROVIDER_URL": "http://127.0.0.1:8200"})
    for host in ("0.0.0.0", "10.1.2.3", "gateway"):
        with pytest.raises(SettingsError, match=r"127\.0\.0\.1"):
            check_demo(settings(host), {})
    for published, fine in (
        ("127.0.0.1", True),
        ("0.0.0.0", False),
        ("10.1.2.3", False),
    ):  # of a container, which listens on all its addresses
        inside = settings("0.0.0.0").model_copy(update={"published_host": published})
        with (
            contextlib.nullcontext()
            if fine
            else pytest.raises(SettingsError, match="PUBLISHED_HOST must be")
        ):
            check_demo(inside, {})
    with pytest.raises(SettingsError, match="moves money"):
        check_demo(
            settings("127.0.0.1"),
            {"PAYDOWN_DISPATCHER_PROVIDER_URL": "https://production.methodfi.com"},
        )


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"oidc_issuer": ""}, "OIDC_ISSUER"),
        ({"oidc_client_id": ""}, "OIDC_CLIENT_ID"),
        ({"oidc_client_secret": ""}, "OIDC_CLIENT_SECRET"),
        ({"oidc_roles": "{}"}, "OIDC_ROLES"),
        ({"oidc_issuer": "http://sso.example"}, "OIDC_ISSUER must begin with https"),
        ({"public_url": "http://paydown.example"}, "PUBLIC_URL must begin with https"),
        ({"public_url": "", "host": "0.0.0.0"}, "PUBLIC_URL is needed"),
    ],
)
def test_an_incompletely_configured_provider_stops_the_start_with_one_sentence(
    changed: dict[str, Any], named: str
) -> None:
    read = GatewaySettings(
        **{
            "database_url": "postgresql+psycopg2://x",
            "internal_token": TOKEN,
            **oidc_settings("https://sso.example"),
            **changed,
        }
    )
    with pytest.raises(SettingsError, match=named) as error:
        check_sign_in(read, {})
    assert "shh" not in str(error.value)
    assert "\n" not in str(error.value)


def test_a_completely_configured_provider_does_not() -> None:
    variants: list[dict[str, Any]] = [
        {},
        {"host": "0.0.0.0", "public_url": "https://paydown.example"},
        {"oidc_issuer": "https://sso.example/realms/x"},
    ]
    for more in variants:
        check_sign_in(
            GatewaySettings(
                **{
                    "database_url": "postgresql+psycopg2://x",
                    "internal_token": TOKEN,
                    **oidc_settings("https://sso.example"),
                    **more,
                }
            ),
            {"PAYDOWN_DISPATCHER_PROVIDER_URL": "https://production.methodfi.com"},
        )
