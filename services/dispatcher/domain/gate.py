"""The gate: everything that may stand against sending a payment, decided in one place. Pure."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID


class Refusal(StrEnum):
    """Why a payment may not be sent now."""

    KILL_SWITCH = "kill_switch"
    QUARANTINED = "quarantined"  # a restored database waits for two people
    CLOCK_UNKNOWN = "clock_unknown"  # what the provider's clock shows is not known
    BATCH_NOT_PAYING = "batch_not_paying"  # waiting, paused, cancelled or not known
    NOT_WALKED = "not_walked"  # the provider's list was not read for this batch since the start
    SOURCE_STOPPED = "source_stopped"
    SOURCE_REFUSED = "source_refused"  # the provider refused or disabled it, for this batch


@dataclass(frozen=True)
class Gate:
    """What is known in the transaction that writes the intent; its rows are locked until its end.

    `batch_states` are our states of batches by their ids. `walked` are the batches for which the
    provider's list has been read since this process began and since time last passed over it.
    `stopped_accounts` are blind indexes of source accounts. `refused_sources` are those, by batch,
    that the provider refused under the batch's own EIN.
    """

    kill_switch: bool
    quarantined: bool
    clock_known: bool
    batch_states: Mapping[UUID, str]
    walked: Collection[UUID]
    stopped_accounts: Collection[str]
    refused_sources: Collection[tuple[UUID, str]] = ()

    def refusal(self, batch_id: UUID, account_index: str) -> Refusal | None:
        """Return why a payment of this batch and source account may not be sent; None if it may.

        The same holds for a first send, a re-send and an attempt under a new key.
        """
        if self.kill_switch:
            return Refusal.KILL_SWITCH
        if self.quarantined:
            return Refusal.QUARANTINED
        if not self.clock_known:
            return Refusal.CLOCK_UNKNOWN
        if self.batch_states.get(batch_id) != "paying":
            return Refusal.BATCH_NOT_PAYING
        if batch_id not in self.walked:
            return Refusal.NOT_WALKED
        if (batch_id, account_index) in self.refused_sources:
            return Refusal.SOURCE_REFUSED
        return Refusal.SOURCE_STOPPED if account_index in self.stopped_accounts else None

    def open_batches(self) -> list[UUID]:
        """Return the batches of which payments may be sent, as far as their sources may pay."""
        return [batch_id for batch_id in self.batch_states if not self.refusal(batch_id, "")]
