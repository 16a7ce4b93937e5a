"""What the provider knows of a batch before anybody approves it: merchants, the corporation and its accounts, who is still active."""

from typing import Any

from sqlalchemy import Engine, Row

from libs.common.contracts.events.preparation import Institution, SourceProblem
from libs.common.database.engine import run
from libs.common.messaging import outbox
from services.dispatcher import handlers
from services.dispatcher.preparation.provisioning import Provisioner, ensure_sources
from services.dispatcher.provider.client import Unreachable
from services.dispatcher.provider.reader import Reader
from services.dispatcher.store import payments

REASONS = {
    "no_merchant": "The provider has no student-loan merchant for this institution.",
    "several_merchants": "The provider has several student-loan merchants for this institution; a person must choose.",
}


class Preflight:
    """Answers each revision of a batch once; if the provider cannot be asked in time it says so instead of guessing."""

    def __init__(
        self, engine: Engine, reader: Reader, preparer: Provisioner, limit_s: float
    ) -> None:
        self.engine, self.reader, self.preparer, self.limit_s = engine, reader, preparer, limit_s

    def check(self) -> bool:
        """Take every batch that is being checked a step further; whether one was answered."""
        with self.engine.begin() as connection:
            run(
                connection,
                """UPDATE batch SET preflight_since = now()
                               WHERE status = 'checking' AND preflight_revision < revision AND preflight_since IS NULL""",
            )
            due = run(
                connection,
                """
                SELECT batch_id, revision, institutions, extract(epoch FROM now() - preflight_since)::float8 AS age_s FROM batch
                WHERE status = 'checking' AND preflight_revision < revision ORDER BY batch_id""",
            ).all()
        answered = [self._check(batch) for batch in due]
        return any(answered)

    def _check(self, batch: Row[Any]) -> bool:
        try:
            self.preparer.merchants(batch.institutions)
            self._inactive()
        except Unreachable as error:
            if batch.age_s < self.limit_s:
                return False
            self._answer(
                batch,
                False,
                f"The provider did not answer ({error.answer.status or 'no connection'}).",
            )
            return True
        with self.engine.begin() as connection:
            ensure_sources(connection, batch.batch_id)
            unsettled = run(
                connection,
                """
                SELECT count(*) FROM source s JOIN object c ON c.natural_key = 'corporation:' || s.ein
                JOIN object a ON a.holder_id = c.object_id AND a.number_index = s.account_index
                WHERE s.batch_id = :batch_id AND NOT (a.status IN ('pending', 'failed', 'inactive') OR c.status IN ('failed', 'inactive'))""",
                batch_id=batch.batch_id,
            ).scalar()
        if unsettled and batch.age_s < self.limit_s:
            return False
        self._answer(
            batch,
            not unsettled,
            "" if not unsettled else "The provider has not confirmed the source accounts yet.",
        )
        return True

    def _inactive(self) -> None:
        """Known people and accounts that the provider has disabled or closed since."""
        for path, statuses in (("/entities", ("disabled",)), ("/accounts", ("disabled", "closed"))):
            for status in statuses:
                lines, _ = self.reader.all(path, {"status": status})
                if lines:
                    with self.engine.begin() as connection:
                        run(
                            connection,
                            """
                            UPDATE object SET status = 'inactive', reason_code = 'inactive', reason = 'The provider has disabled or closed it.'
                            WHERE provider_id = ANY(CAST(:ids AS text[])) AND status = 'pending'""",
                            ids=[str(line["id"]) for line in lines],
                        )

    def _answer(self, batch: Row[Any], checked: bool, message: str) -> None:
        with self.engine.begin() as connection:
            institutions = [
                Institution(
                    institution_id=r.institution_id,
                    merchant_id=r.merchant_id,
                    reason=REASONS.get(r.reason, r.reason),
                )
                for r in run(
                    connection,
                    "SELECT * FROM merchant WHERE institution_id = ANY(CAST(:ids AS text[])) ORDER BY 1",
                    ids=batch.institutions,
                )
            ]
            problems = [
                SourceProblem(
                    source_account_id=r.source_account_id,
                    code=r.code or "refused",
                    message=r.reason,
                )
                for r in run(
                    connection,
                    """
                SELECT s.source_account_id, coalesce(nullif(a.reason_code, ''), c.reason_code) AS code,
                       coalesce(nullif(a.reason, ''), c.reason) AS reason
                FROM source s JOIN object c ON c.natural_key = 'corporation:' || s.ein
                JOIN object a ON a.holder_id = c.object_id AND a.number_index = s.account_index
                WHERE s.batch_id = :batch_id AND (a.status IN ('failed', 'inactive') OR c.status IN ('failed', 'inactive')) ORDER BY 1""",
                    batch_id=batch.batch_id,
                )
            ]
            people = [
                r.employee_id
                for r in run(
                    connection,
                    """
                SELECT DISTINCT employee_id FROM object WHERE kind = 'individual' AND status = 'inactive' ORDER BY 1 LIMIT 10000""",
                )
            ]
            loans = [
                r.number_index
                for r in run(
                    connection,
                    """
                SELECT DISTINCT number_index FROM object WHERE kind = 'liability' AND status = 'inactive' ORDER BY 1 LIMIT 10000""",
                )
            ]
            outbox.add(
                connection,
                [
                    handlers.preflight_done(
                        batch.batch_id,
                        batch.revision,
                        checked,
                        message,
                        institutions,
                        problems,
                        people,
                        loans,
                        payments.now(connection),
                    )
                ],
            )
            run(
                connection,
                "UPDATE batch SET preflight_revision = :revision WHERE batch_id = :id AND preflight_revision < :revision",
                id=batch.batch_id,
                revision=batch.revision,
            )
