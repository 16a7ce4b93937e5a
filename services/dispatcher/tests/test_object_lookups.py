"""Look-ups of provider objects: one that was never made has failed, and says so."""

from types import SimpleNamespace
from typing import Any

from services.dispatcher.domain.protocol import Timing
from services.dispatcher.tracking.object_lookup import conclude

TIMING = Timing()


def missed(absent: int, lookups: int = 3) -> tuple[str, str, str]:
    """(status, reason code, outcome of the attempt) after walks that did not show the object."""
    row: Any = SimpleNamespace(object_id="o", purpose="create", provider_id=None, absent=absent)
    change, outcome = conclude(row, None, lookups, TIMING)
    return change.status, change.reason_code, outcome


def test_an_object_is_asked_for_anew_until_it_was_never_made_often_enough() -> None:
    assert missed(0, lookups=1) == ("in_doubt", "", "open")
    assert missed(0) == ("unprocessed", "", "absent")
    assert missed(TIMING.rekeys_max) == ("failed", "not_created", "absent")
