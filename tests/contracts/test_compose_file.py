"""docker-compose.yml says of Kafka and of every service what the code and the local stack say."""

import yaml

from devtools import paths
from devtools.stack import kafka
from libs.common.runtime.settings import Settings
from services.dispatcher.settings import DispatcherSettings
from services.gateway.settings import GatewaySettings
from services.ingest.settings import IngestSettings
from services.ledger.settings import LedgerSettings
from services.reports.settings import ReportsSettings
from services.webhooks.settings import WebhooksSettings
from simulator.settings import SimulatorSettings

FILE = yaml.safe_load((paths.ROOT / "docker-compose.yml").read_text())
SETTINGS: dict[str, type[Settings]] = {
    "ingest": IngestSettings,
    "dispatcher": DispatcherSettings,
    "webhooks": WebhooksSettings,
    "ledger": LedgerSettings,
    "reports": ReportsSettings,
    "gateway": GatewaySettings,
    "simulator": SimulatorSettings,
}


def test_kafka_has_the_settings_of_the_stack() -> None:
    ours = {
        f"KAFKA_{name.upper().replace('.', '_')}": value for name, value in kafka.SETTINGS.items()
    }
    given = FILE["services"]["kafka"]["environment"]
    assert {name: value for name, value in ours.items() if given.get(name) != value} == {}


def test_a_collector_is_named_once_for_all_services_and_none_by_default() -> None:
    for name, settings in SETTINGS.items():
        if "traces_url" in settings.model_fields:
            assert (
                FILE["services"][name]["environment"][f"PAYDOWN_{name.upper()}_TRACES_URL"]
                == "${PAYDOWN_TRACES_URL:-}"
            ), name


def test_every_variable_is_a_setting_of_its_service() -> None:
    for name, settings in SETTINGS.items():
        prefix, variables = f"PAYDOWN_{name.upper()}_", set(FILE["services"][name]["environment"])
        ours = {variable for variable in variables if variable.startswith(prefix)}
        assert {
            variable.removeprefix(prefix).removesuffix("_FILE").lower() for variable in ours
        } - set(settings.model_fields) == set()
        assert variables - ours <= {"HEALTH_URL", "PAYDOWN_DISPATCHER_PROVIDER_URL"}
