"""Waits of the recovery that people can see."""

from sqlalchemy import Engine

from libs.common.recovery import quarantine
from services.dispatcher.provider.reader import Reader

SLICE_S = 1.0


def wait_for(engine: Engine, reader: Reader, seconds: float, progress: str) -> None:
    """Wait and report what for; return early when stopped."""
    quarantine.report_progress(engine, progress)
    for _ in range(max(1, round(seconds / SLICE_S))):
        reader.beat()
        if reader.stop.wait(min(seconds, SLICE_S)):
            return
