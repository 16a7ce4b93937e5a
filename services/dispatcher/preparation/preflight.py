"""Preflight: what the provider knows of a batch before anybody approves it.

That is: merchants, the corporation and its accounts, and known people and loans that were disabled.
"""

from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Connection, Engine, Row

from libs.common.contracts.events.preparation import (
    Institution,
    RefusedLoan,
    RefusedPerson,
    SourceProblem,
)
from libs.common.messaging import outbox
from services.dispatcher import handlers
from services.dispatcher.domain.merchants import check_merchant
from services.dispatcher.handlers import PreflightFindings
from services.dispatcher.preparation.disabled_objects import DisabledObjects
from services.dispatcher.preparation.provisioning import Provisioner
from services.dispatcher.provider.client import Unreachable
from services.dispatcher.provider.reader import Reader
from services.dispatcher.store import (
    batches,
    mended_merchants,
    merchants,
    object_preparation,
    object_retries,
    provider_objects,
    sources,
)
from services.dispatcher.store.transaction import now

INACTIVE_MAX = 10_000
#: So many refused people and loans are tried again for a batch, in all its revisions and turns, and
#: so many disabled objects are read for a revision.
RETRIES_MAX = 200
REREADS_MAX = 200
#: Lists of the provider, and the statuses there of what cannot be used any more.
INACTIVE = (("/entities", ("disabled",)), ("/accounts", ("disabled", "closed")))
REASONS = {
    "no_merchant": "The provider has no student-loan merchant for this institution.",
    "several_merchants": (
        "The provider has several student-loan merchants for this institution; "
        "a person must choose."
    ),
    "unknown_merchant": "The provider has no merchant {}, which a person chose.",
    "no_student_loan_merchant": (
        "The provider's merchant {}, which a person chose, is none for student loans."
    ),
}
#: Statuses with which the provider says that there is no such merchant.
UNKNOWN_MERCHANT = (400, 404)
UNCONFIRMED = "The provider has not confirmed the source accounts yet."


class ReadOnce(NamedTuple):
    """What was read at the provider for one revision of a batch: the merchants people chose."""

    revision: int
    mended: tuple[Institution, ...]


class Preflight:
    """Answers each revision of a batch once.

    What the provider refused for another batch is tried once more for this one, and disabled
    objects are read again, before the answer. If the provider cannot be asked within `limit_s`, the
    answer says so; what is known as refused is in it all the same.
    """

    def __init__(
        self, engine: Engine, reader: Reader, provisioner: Provisioner, limit_s: float
    ) -> None:
        self.engine, self.reader, self.limit_s = engine, reader, limit_s
        self.provisioner = provisioner
        self.disabled = DisabledObjects(engine, reader)
        #: What was read for the revisions that are being checked, by batch.
        self.read_for: dict[UUID, ReadOnce] = {}

    def check(self) -> bool:
        """Take every batch that is being checked a step further; whether one was answered."""
        with self.engine.begin() as connection:
            due = batches.list_due_preflights(connection)
        revisions = {batch.batch_id: batch.revision for batch in due}
        self.read_for = {
            batch_id: read
            for batch_id, read in self.read_for.items()
            if read.revision == revisions.get(batch_id)
        }
        answered = [self._check(batch) for batch in due]
        return any(answered)

    def _check(self, batch: Row[Any]) -> bool:
        """Ask the provider; whether the batch was answered."""
        is_late = bool(batch.age_s >= self.limit_s)
        try:
            self.provisioner.read_merchants(batch.institutions)
            mended = self._read_once(batch).mended
        except Unreachable as error:
            if is_late:
                status = error.answer.status or "no connection"
                self._answer(batch, f"The provider did not answer ({status}).", ())
            return is_late
        with self.engine.begin() as connection:
            object_preparation.ensure_sources(connection, batch.batch_id)
            refused = object_retries.list_refused(connection, batch.batch_id, RETRIES_MAX)
            if not is_late:
                object_retries.retry_once(connection, batch.batch_id, refused)
            under_way = object_retries.count_under_way(connection, batch.batch_id)
            unconfirmed = sources.count_unconfirmed(connection, batch.batch_id)
        if (unconfirmed or under_way) and not is_late:
            return False
        self._answer(batch, UNCONFIRMED if unconfirmed else "", mended)
        return True

    def _check_mended(self, batch_id: UUID) -> tuple[Institution, ...]:
        """Read the merchants at the provider that people chose for institutions of a batch.

        Raises:
            Unreachable: one was not read.
        """
        with self.engine.connect() as connection:
            mended = mended_merchants.list_mended(connection, batch_id)
        return tuple(self._mended(*one) for one in mended.items())

    def _mended(self, institution_id: str, merchant_id: str) -> Institution:
        """The answer about an institution whose merchant a person chose."""
        try:
            code = check_merchant(self.reader.get(f"/merchants/{merchant_id}"))
        except Unreachable as error:
            if error.answer.status not in UNKNOWN_MERCHANT:
                raise
            code = "unknown_merchant"
        return Institution(
            institution_id=institution_id,
            merchant_id="" if code else merchant_id,
            reason=REASONS.get(code, "").format(merchant_id),
        )

    def _read_once(self, batch: Row[Any]) -> ReadOnce:
        """Read what is disabled and what people chose once: not again while its tries run."""
        if batch.batch_id not in self.read_for:
            mended = self._check_mended(batch.batch_id)
            self._read_inactive()
            self.disabled.read_again(REREADS_MAX)
            self.read_for[batch.batch_id] = ReadOnce(batch.revision, mended)
        return self.read_for[batch.batch_id]

    def _read_inactive(self) -> None:
        """Mark known people and accounts that the provider has disabled or closed since.

        What a list shows counts as read just now, so that only what is in none is read by itself.
        """
        for path, statuses in INACTIVE:
            for status in statuses:
                lines, _ = self.reader.all(path, {"status": status})
                if lines:
                    with self.engine.begin() as connection:
                        ids = [str(line["id"]) for line in lines]
                        provider_objects.mark_inactive(connection, ids)
                        object_retries.mark_listed(connection, ids)

    def _answer(self, batch: Row[Any], problem: str, mended: tuple[Institution, ...]) -> None:
        """Publish the preflight; a `problem` says why the batch could not be checked."""
        with self.engine.begin() as connection:
            event = handlers.preflight_done(
                batch.batch_id,
                batch.revision,
                problem,
                self._findings(connection, batch, mended),
                now(connection),
            )
            outbox.add(connection, [event])
            batches.record_preflights(connection, [(batch.batch_id, batch.revision)])

    def _findings(
        self, connection: Connection, batch: Row[Any], mended: tuple[Institution, ...]
    ) -> PreflightFindings:
        chosen = {one.institution_id: one for one in mended}
        institutions = merchants.list_merchants(connection, batch.institutions)
        refused = sources.list_refused(connection, batch.batch_id)
        return PreflightFindings(
            institutions=tuple(
                chosen.get(row.institution_id)
                or Institution(
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
            refused_people=tuple(
                RefusedPerson(
                    employee_id=row.employee_id,
                    person_index=row.person_index,
                    code=row.code,
                    message=row.reason,
                )
                for row in object_retries.list_refused_people(connection, INACTIVE_MAX)
            ),
            refused_loans=tuple(
                RefusedLoan(
                    employee_id=row.employee_id,
                    person_index=row.person_index,
                    loan_index=row.loan_index,
                    code=row.code,
                    message=row.reason,
                )
                for row in object_retries.list_refused_loans(connection, INACTIVE_MAX)
            ),
        )
