"""Short waits and plain http are only for the simulator: local, or the container named as it."""

import pytest

from libs.common.contracts.errors import SettingsError
from services.dispatcher.settings import DispatcherSettings

GIVEN = {
    f"PAYDOWN_DISPATCHER_{name}": value
    for name, value in {
        "DATABASE_URL": "postgresql+psycopg2://x",
        "INTERNAL_TOKEN": "x" * 16,
        "PROVIDER_KEY": "sk_x",
        "SEAL_KEYS": "a:b",
        "PROFILE": "demo",
    }.items()
}


@pytest.mark.parametrize(
    ("url", "simulator", "fine"),
    [
        ("http://127.0.0.1:8200", "", True),
        ("http://simulator:8200", "simulator", True),
        ("http://simulator:8200", "", False),
        ("http://other:8200", "simulator", False),
        ("https://production.methodfi.com", "simulator", False),
        ("https://production.methodfi.com", "", False),
        ("https://production.methodfi.com", "production.methodfi.com", False),
    ],
)
def test_the_demo_profile_is_for_the_simulator_alone(
    url: str, simulator: str, *, fine: bool
) -> None:
    given = {
        **GIVEN,
        "PAYDOWN_DISPATCHER_PROVIDER_URL": url,
        "PAYDOWN_DISPATCHER_SIMULATOR_HOST": simulator,
    }
    if fine:
        assert DispatcherSettings.read(given).timing.grace_s < 60
    else:
        with pytest.raises(SettingsError):
            DispatcherSettings.read(given)


@pytest.mark.parametrize(
    ("url", "environment", "fine"),
    [
        ("https://production.methodfi.com", "production", True),
        ("https://production.methodfi.com", "", False),
        ("https://production.methodfi.com", "sandbox", False),
        ("https://sandbox.methodfi.com", "sandbox", True),
        ("https://sandbox.methodfi.com", "", True),
        ("https://sandbox.methodfi.com", "production", False),
        ("https://dev.methodfi.com", "production", False),
        ("http://127.0.0.1:8200", "production", False),
        ("http://127.0.0.1:8200", "simulator", True),
        ("https://production.methodfi.com.example.com", "production", False),
    ],
)
def test_a_key_of_one_environment_is_not_sent_to_another(
    url: str, environment: str, *, fine: bool
) -> None:
    given = {
        **GIVEN,
        "PAYDOWN_DISPATCHER_PROFILE": "current",
        "PAYDOWN_DISPATCHER_PROVIDER_URL": url,
        "PAYDOWN_DISPATCHER_PROVIDER_ENVIRONMENT": environment,
    }
    if fine:
        assert DispatcherSettings.read(given).provider_url == url
    else:
        with pytest.raises(SettingsError):
            DispatcherSettings.read(given)
