"""Preflight: what the provider knows of a batch before anybody approves it.

That is: merchants, the corporation and its accounts, and known people and loans that were disabled.
"""

from typing import Any

from sqlalchemy import Connection, Engine, Row

from libs.common.contracts.events.preparation import Institution, SourceProblem
from libs.common.messaging import outbox
from services.dispatcher import handlers
from services.dispatcher.handlers import PreflightFindings
from services.dispatcher.preparation.provisioning import Provisioner
from services.dispatcher.provider.client import Unreachable
from services.dispatcher.provider.reader import Reader
from services.dispatcher.store import (
    batches,
    merchants,
    object_preparation,
    provider_objects,
    sources,
)
from services.dispatcher.store.transaction import now

INACTIVE_MAX = 10_000
#: Lists of the provider, and the statuses there of what cannot be used any more.
INACTIVE = (("/entities", ("disabled",)), ("/accounts", ("disabled", "closed")))
REASONS = {
    "no_merchant": "The provider has no student-loan merchant for this institution.",
    "several_merchants": (
        "The provider has several student-loan merchants for this institution; "
        "a person must choose."
    ),
}
UNCONFIRMED = "The provider has not confirmed the source accounts yet."


class Preflight:
    """Answers each revision of a batch once.

    If the provider cannot be asked within `limit_s`, the answer says so.
    """

    def __init__(
        self, engine: Engine, reader: Reader, provisioner: Provisioner, limit_s: float
    ) -> None:
        self.engine, self.reader, self.limit_s = engine, reader, limit_s
        self.provisioner = provisioner

    def check(self) -> bool:
        """Take every batch that is being checked a step further; whether one was answered."""
        with self.engine.begin() as connection:
            due = batches.list_due_preflights(connection)
        answered = [self._check(batch) for batch in due]
        return any(answered)

    def _check(self, batch: Row[Any]) -> bool:
        """Ask the provider; whether the batch was answered."""
        is_late = bool(batch.age_s >= self.limit_s)
        try:
            self.provisioner.read_merchants(batch.institutions)
            self._read_inactive()
        except Unreachable as error:
            if is_late:
                status = error.answer.status or "no connection"
                self._answer(batch, f"The provider did not answer ({status}).")
            return is_late
        with self.engine.begin() as connection:
            object_preparation.ensure_sources(connection, batch.batch_id)
            unconfirmed = sources.count_unconfirmed(connection, batch.batch_id)
        if unconfirmed and not is_late:
            return False
        self._answer(batch, UNCONFIRMED if unconfirmed else "")
        return True

    def _read_inactive(self) -> None:
        """Mark known people and accounts that the provider has disabled or closed since."""
        for path, statuses in INACTIVE:
            for status in statuses:
                lines, _ = self.reader.all(path, {"status": status})
                if lines:
                    with self.engine.begin() as connection:
                        ids = [str(line["id"]) for line in lines]
                        provider_objects.mark_inactive(connection, ids)

    def _answer(self, batch: Row[Any], problem: str) -> None:
        """Publish the preflight; a `problem` says why the batch could not be checked."""
        with self.engine.begin() as connection:
            event = handlers.preflight_done(
                batch.batch_id,
                batch.revision,
                problem,
                self._findings(connection, batch),
                now(connection),
            )
            outbox.add(connection, [event])
            batches.record_preflights(connection, [(batch.batch_id, batch.revision)])

    def _findings(self, connection: Connection, batch: Row[Any]) -> PreflightFindings:
        institutions = merchants.list_merchants(connection, batch.institutions)
        refused = sources.list_refused(connection, batch.batch_id)
        return PreflightFindings(
            institutions=tuple(
                Institution(
                    institution_id=row.institution_id,
                    merchant_id=row.merchant_id,
                    reason=REASONS.get(row.reason, row.reason),
                )
                for row in institutions
            ),
            source_problems=tuple(
                SourceProblem(
                    source_account_id=row.source_account_id,
                    code=row.code or "refused",
                    message=row.reason,
                )
                for row in refused
            ),
            inactive_people=tuple(provider_objects.list_inactive_people(connection, INACTIVE_MAX)),
            inactive_loans=tuple(provider_objects.list_inactive_loans(connection, INACTIVE_MAX)),
        )
