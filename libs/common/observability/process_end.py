"""How a process ends that must not go on."""

import os
import sys
from typing import Any

from libs.common.observability.logs import log

EXIT_CODE = 70


def end_process(event: str, **fields: Any) -> None:
    """Log why, without values, and end the process at once; its manager starts it again."""
    log.critical(event, next="the process ends; its manager starts it again", **fields)
    sys.stdout.flush()
    os._exit(EXIT_CODE)
