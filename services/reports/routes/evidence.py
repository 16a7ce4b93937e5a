"""HTTP: evidence for one payment, made from what is known now and kept as it was made."""

from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Response

from libs.common.web.internal_auth import Actor, Caller
from libs.common.web.problem_details import Problem
from services.reports.domain.freshness import freshness_lines
from services.reports.export.payment_evidence import PaymentEvidence
from services.reports.routes.context import Context
from services.reports.routes.files import MEDIA_TYPES
from services.reports.store import evidence, payment_queries, queries

LISTED_MAX = 100


def add_routes(routes: APIRouter, context: Context) -> None:
    """Make evidence, list what was made, and read a document again."""
    caller = Annotated[Actor, Depends(Caller(context.token))]

    @routes.post("/payments/{payment_id}/evidence")
    def make(payment_id: UUID, actor: caller) -> dict[str, Any]:
        with context.export_slot():
            made = read_evidence(context, payment_id, actor.person)
            manifest, pdf = made.files()
        with context.engine.begin() as connection:
            evidence.insert_evidence(connection, manifest, pdf)
            kept = evidence.find_evidence(connection, payment_id, made.evidence_id)
        assert kept is not None, "it was just written, or was there before"
        found: dict[str, Any] = kept.manifest
        return found

    @routes.get("/payments/{payment_id}/evidence")
    def made(payment_id: UUID) -> dict[str, Any]:
        with context.engine.connect() as connection:
            return {"items": evidence.list_evidence(connection, payment_id, LISTED_MAX)}

    @routes.get("/payments/{payment_id}/evidence/{evidence_id}")
    def document(payment_id: UUID, evidence_id: UUID) -> Response:
        with context.engine.connect() as connection:
            found = evidence.find_evidence(connection, payment_id, evidence_id)
        if found is None:
            raise Problem(
                404, "not-found", "There is no evidence of this id.", "Look at the payment's page."
            )
        name = f"payment-{payment_id}-{found.manifest['made_at'][:10]}.pdf"
        headers = {
            "Content-Disposition": f'attachment; filename="{name}"',
            "Cache-Control": "no-store",
        }
        return Response(bytes(found.pdf), media_type=MEDIA_TYPES["pdf"], headers=headers)


def read_evidence(context: Context, payment_id: UUID, person: str) -> PaymentEvidence:
    """What is known of a payment, in one snapshot.

    Raises:
        Problem: 404, there is no such approved payment.
    """
    now = datetime.now(UTC)
    # measured before the snapshot, so that the facts are never older than the document says
    freshness = freshness_lines(context.read_freshness(), now)
    with queries.open_snapshot(context.engine) as connection:
        payment = payment_queries.find_payment(connection, payment_id)
        if payment is None:
            raise Problem(
                404,
                "payment.unknown",
                "There is no approved payment of this id.",
                "Look it up in its batch.",
            )
        history = payment_queries.find_history(connection, payment)
    return PaymentEvidence(payment, history, person, now, freshness)
