"""An ingest on a real database, without its loops: a test runs each step.

A test also plays the other services: it sends their messages.
"""

import asyncio
import base64
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from io import BufferedReader
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient, Response
from sqlalchemy import Engine

from libs.common.contracts.approved_payments import digest_batch
from libs.common.contracts.envelope import Event
from libs.common.contracts.events.batches import BatchChanged
from libs.common.contracts.events.ledger import CertificateIssued, JournalPosted, Outcome
from libs.common.contracts.events.payments import PaymentApproved
from libs.common.contracts.events.preparation import (
    DispatchChanged,
    Institution,
    PreflightDone,
    SourceProblem,
)
from libs.common.contracts.registry import parse
from libs.common.database.engine import connect, run
from libs.common.testing.approved_payments import digest_of_messages
from libs.common.web.internal_auth import Actor
from libs.common.web.problem_details import install_error_handlers
from services.ingest import approvals, consumers, registry, staging
from services.ingest.encryption import FieldEncryption
from services.ingest.finalize import finalize_next
from services.ingest.roster import sandbox
from services.ingest.roster.cross_row_rules import RosterSummary
from services.ingest.roster.row_rules import ParsedRow
from services.ingest.roster.xml_parser import ReadLimits
from services.ingest.routes.context import Dependencies
from services.ingest.routes.router import build_router
from services.ingest.settings import IngestSettings
from services.ingest.staging import RosterReader
from services.ingest.store import batches
from services.ingest.uploads import UploadFolder

TOKEN = "a-token-of-the-tests"
NO_MERCHANT = "ins_116527"
PEOPLE = {
    "paula": "preparer",
    "peter": "preparer",
    "anna": "approver",
    "adam": "approver",
    "otto": "auditor",
    "maria": "preparer,approver",
    "ada": "admin",
}
KEY = base64.b64encode(bytes(range(32))).decode()


def read_here(
    source: BufferedReader, limits: ReadLimits, today: date
) -> Iterator[ParsedRow | RosterSummary]:
    yield from sandbox.read_roster(source, limits, today)


def settings(database_url: str, folder: Path, **more: Any) -> IngestSettings:
    return IngestSettings(
        database_url=database_url,
        internal_token=TOKEN,
        files_dir=folder,
        **{"seal_keys": f"k1:{KEY}", "index_key": KEY, **more},
    )


def encryption_of(read: IngestSettings) -> FieldEncryption:
    return FieldEncryption.parse(read.seal_keys, read.index_key)


@dataclass
class IngestHarness:
    engine: Engine
    web: FastAPI
    folder: UploadFolder
    encryption: FieldEncryption
    owner_url: str = ""
    sent: list[Event] = field(default_factory=list)  # the messages of other services so far

    @classmethod
    def make(cls, database_url: str, path: Path, **more: Any) -> "IngestHarness":
        read = settings(database_url, path, **more)
        engine, encryption = connect(database_url, "test"), encryption_of(read)
        folder = UploadFolder(path, encryption.cipher)
        folder.create()
        web = FastAPI()
        install_error_handlers(web)
        web.include_router(build_router(Dependencies(engine, read, folder, encryption)))
        return cls(engine, web, folder, encryption)

    def call(self, method: str, path: str, who: str = "otto", **more: Any) -> Response:
        headers = {
            **Actor(who, frozenset(PEOPLE[who].split(","))).headers(TOKEN),
            **more.pop("headers", {}),
        }

        async def answer() -> Response:
            async with AsyncClient(
                transport=ASGITransport(self.web, raise_app_exceptions=False),
                base_url="http://ingest",
            ) as client:
                return await client.request(method, path, headers=headers, **more)

        return asyncio.run(answer())

    def upload(
        self, xml: bytes, who: str = "paula", headers: dict[str, str] | None = None, **query: str
    ) -> Response:
        return self.call(
            "POST",
            "/batches",
            who,
            content=xml,
            headers=headers or {},
            params={"filename": "roster.xml", **query},
        )

    def get(self, path: str, **params: Any) -> Any:
        answer = self.call("GET", path, params=params)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def batch(self, batch_id: str) -> Any:
        return self.get(f"/batches/{batch_id}")

    def read_all(self) -> None:
        """Read all waiting files in this process: quicker than a child process for each."""
        reader = RosterReader(self.folder.open, self.encryption, read=read_here)
        while staging.read_next(self.engine, reader):
            pass

    def send(self, *events: Event) -> None:
        """Play the other services: apply their messages, in one transaction."""
        self.sent.extend(events)
        for kind, apply in (
            ((PreflightDone, DispatchChanged), consumers.apply_preparation),
            ((JournalPosted, CertificateIssued), consumers.apply_postings),
        ):
            mine = [event for event in events if isinstance(event, kind)]
            if mine:
                with self.engine.begin() as connection:
                    apply(connection, mine)

    def preflight(
        self,
        batch_id: str,
        checked: bool = True,
        problems: Sequence[SourceProblem] = (),
        **refused: Any,
    ) -> None:
        """Play the dispatcher: one institution has no merchant."""
        with self.engine.connect() as connection:
            revision = run(
                connection, "SELECT revision FROM batch WHERE batch_id = :id", id=batch_id
            ).scalar_one()
            names = (
                run(
                    connection,
                    "SELECT DISTINCT institution_id FROM batch_row WHERE batch_id = :id",
                    id=batch_id,
                )
                .scalars()
                .all()
            )
        found = tuple(
            Institution(
                institution_id=name, merchant_id="" if name == NO_MERCHANT else f"mch_{name}"
            )
            for name in names
            if name
        )
        self.send(
            PreflightDone(
                event_id=uuid4(),
                occurred_at=datetime.now(UTC),
                batch_id=UUID(batch_id),
                revision=revision,
                checked=checked,
                source_problems=tuple(problems),
                **{"institutions": found if checked else (), **refused},
            )
        )

    def finalize_all(self) -> None:
        registry.fill_all(self.engine, self.encryption)
        while finalize_next(self.engine):
            pass

    def check(self, batch_id: str, **more: Any) -> Any:
        self.preflight(batch_id, **more)
        self.finalize_all()
        return self.batch(batch_id)

    def check_again(self, batch: Any) -> Any:
        """Send a batch to the preflight once more, and check it."""
        with self.engine.begin() as connection:
            found = batches.get_batch(connection, UUID(batch["batch_id"]), lock=True)
            approvals.check_again(connection, found, datetime.now(UTC))
        return self.check(batch["batch_id"])

    def check_without_keys(self, batch_id: str) -> Any:
        """Check a batch without filling the keys of older batches before."""
        self.preflight(batch_id)
        while finalize_next(self.engine):
            pass
        return self.batch(batch_id)

    def ready(self, xml: bytes, who: str = "paula", **query: str) -> Any:
        """Upload, read, check: the batch as an approver sees it."""
        answer = self.upload(xml, who, None, **query)
        assert answer.status_code == 202, answer.text
        self.read_all()
        return self.check(answer.json()["batch_id"])

    def approve(
        self,
        batch: Any,
        who: str = "anna",
        headers: dict[str, str] | None = None,
        **more: Any,
    ) -> Response:
        body = {
            "digest": batch["digest"] or "sha256:" + "0" * 64,
            "acknowledge": batch["to_acknowledge"],
            **more,
        }
        path = f"/batches/{batch['batch_id']}/approve"
        answer = self.call("POST", path, who, json=body, headers=headers or {})
        if answer.status_code == 200 and answer.json()["status"] == "approved":
            self.check_payments(batch["batch_id"])
        return answer

    def check_payments(self, batch_id: str) -> None:
        """Every approved batch announces exactly the payments that its digest covers."""
        batch = self.published(batch_id, BatchChanged)[-1]
        payments = self.published(batch_id, PaymentApproved)
        found = digest_of_messages(UUID(batch_id), batch.sources, payments)
        assert digest_batch(batch.contents_digest, found) == batch.digest
        assert {payment.digest for payment in payments} == {batch.digest}

    def discard(self, batch: Any, who: str = "paula", reason: str = "not this one") -> Response:
        return self.call(
            "POST", f"/batches/{batch['batch_id']}/discard", who, json={"reason": reason}
        )

    def child(self, batch: Any, who: str = "paula", **which: Any) -> Response:
        return self.call(
            "POST",
            f"/batches/{batch['batch_id']}/child-batches",
            who,
            json={"reason": "corrected", **which},
        )

    def published(self, batch_id: str, kind: type[Event]) -> list[Any]:
        with self.engine.connect() as connection:
            found = run(
                connection,
                """
                SELECT message_type, body
                FROM outbox
                WHERE correlation = :id AND message_type = :kind
                ORDER BY id""",
                id=str(batch_id),
                kind=kind.name(),
            ).all()
        return [parse(row.message_type, row.body.encode()) for row in found]

    def rows(self, batch: Any, **filters: Any) -> list[Any]:
        found: list[Any] = self.get(f"/batches/{batch['batch_id']}/rows", limit=1000, **filters)[
            "items"
        ]
        return found

    def city_of(self, batch: Any) -> str:
        """The city of one of the batch's payors."""
        with self.engine.connect() as connection:
            return str(
                run(
                    connection,
                    "SELECT city FROM batch_source WHERE batch_id = :id LIMIT 1",
                    id=batch["batch_id"],
                ).scalar_one()
            )

    def live_claims(self, batch: Any) -> int:
        """How many claims the batch's family has."""
        with self.engine.connect() as connection:
            return int(
                run(
                    connection,
                    """
                    SELECT count(*)
                    FROM claim
                    JOIN batch b USING (family_id)
                    WHERE b.batch_id = :id""",
                    id=batch["batch_id"],
                ).scalar_one()
            )

    def payments(self, batch: Any) -> list[UUID]:
        with self.engine.connect() as connection:
            return list(
                run(
                    connection,
                    "SELECT payment_id FROM payment WHERE batch_id = :id ORDER BY payment_id",
                    id=batch["batch_id"],
                ).scalars()
            )

    def end(
        self,
        batch: Any,
        payments: Iterable[UUID],
        status: str = "failed",
        kind: str = "release",
        reason_code: str = "",
    ) -> None:
        """Play the ledger: these payments ended."""
        self.send(
            *[
                JournalPosted(
                    event_id=uuid4(),
                    occurred_at=datetime.now(UTC),
                    batch_id=batch["batch_id"],
                    journal_id=uuid4(),
                    payment_id=one,
                    kind=kind,
                    amount_cents=100,
                    status=status,
                    reason_code=reason_code,
                )
                for one in payments
            ]
        )

    def certify(self, batch: Any, outcome: str = "completed", version: int = 1) -> None:
        none = Outcome()
        self.send(
            CertificateIssued(
                event_id=uuid4(),
                occurred_at=datetime.now(UTC),
                batch_id=batch["batch_id"],
                version=version,
                run_id=uuid4(),
                outcome=outcome,
                digest=batch["digest"],
                total=none,
                paid=none,
                failed=none,
                cancelled=none,
                reversed=none,
                unpayable=none,
                refused=none,
                excluded=none,
            )
        )


def spaced(xml: bytes) -> bytes:
    """The same rows in other bytes."""
    return xml.replace(b"</row>", b"</row>\n ")


def next_period(batch: Any) -> str:
    return date.fromordinal(date.fromisoformat(batch["period"]).toordinal() + 14).isoformat()


def consistent(xml: bytes) -> bytes:
    """The sample with a zip of its state, so that no correction is offered."""
    return re.sub(rb"<Zip>\d+</Zip>", b"<Zip>50613</Zip>", xml)
