"""How a batch is shown, and how a changed audit log is found out."""

import pytest

from libs.common.contracts.statuses import UNAPPROVED_BATCHES
from services.gateway.domain import batches
from services.gateway.tests.fakes import batch, certificate, summary


@pytest.mark.parametrize(
    ("status", "state", "shown"),
    [
        ("paying", "paying", "paying"),
        ("paying", "paused", "pausing"),
        ("paused", "paused", "paused"),
        ("approved", "cancelled", "cancelling"),
        ("paying", "cancelled", "cancelling"),
        ("paused", "cancelled", "cancelling"),
        ("cancelled", "cancelled", "cancelled"),
        ("ready", None, "ready"),
        ("completed", "paying", "completed"),
        ("paused", "paying", "paused"),
    ],
)
def test_a_command_shows_at_once_and_the_status_when_the_batch_follows(
    status: str, state: str | None, shown: str
) -> None:
    assert batches.shown_status(status, state) == shown


def test_a_final_batch_waits_for_figures_that_are_final_and_come_to_its_certificate() -> None:
    ended = batch("completed", certificate=certificate(paid=5))
    assert batches.figures_match_status(ended, summary(completed=5))
    assert batches.figures_match_status(
        ended, summary(completed=4, reversed=1)
    )  # a return the next certificate will carry
    assert not batches.figures_match_status(ended, summary(completed=4, pending=1))
    assert not batches.figures_match_status(ended, summary())
    assert not batches.figures_match_status(ended, summary(completed=4))
    assert batches.figures_match_status(batch("paying"), summary(pending=5))


def test_before_the_approval_there_are_no_payments_and_nobody_need_be_asked() -> None:
    assert not any(batches.has_payments(batch(status)) for status in UNAPPROVED_BATCHES)
    shown = batches.compose(batch("ready"), None, {"eta_s": 12})
    assert (
        shown["payments"]["total"],
        shown["payment_amount_cents"]["completed"],
        shown["eta_s"],
    ) == (0, 0, 12)
