"""The settings class of each service in the catalog."""

import importlib

from libs.common.runtime.settings import ServiceSettings
from services import catalog


def settings_class(name: str) -> type[ServiceSettings]:
    """The class in `services/<name>/settings.py` that reads `PAYDOWN_<NAME>_*`."""
    module = importlib.import_module(f"services.{name}.settings")
    prefix = f"PAYDOWN_{name.upper()}_"
    (found,) = (
        value
        for value in vars(module).values()
        if isinstance(value, type)
        and issubclass(value, ServiceSettings)
        and value.model_config.get("env_prefix") == prefix
    )
    return found


SETTINGS = {name: settings_class(name) for name in catalog.NAMES}
