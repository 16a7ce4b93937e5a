"""`python -m ops healthcheck`: whether the service of this container is ready."""

import os
import urllib.request

ANSWER_LIMIT_S = 2


def is_ready() -> bool:
    """Whether the address in HEALTH_URL answers 200. Without HEALTH_URL there is nothing to ask."""
    url = os.environ.get("HEALTH_URL", "")
    if not url:
        return True
    try:
        # the deployment chose the address
        with urllib.request.urlopen(url, timeout=ANSWER_LIMIT_S) as answer:  # noqa: S310 - our own address
            return bool(answer.status == 200)
    except OSError:
        return False
