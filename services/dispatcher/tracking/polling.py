"""Evidence: what the provider shows of payments under way (by list pages where many are due), and the end of every doubt."""

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Engine, Row

from libs.common.contracts.statuses import PROVIDER_ENDED_UNPAID
from libs.common.database.engine import run
from libs.common.observability.logs import log
from services.dispatcher.domain.duplicates import choose_payment, is_alive, payment_id_of
from services.dispatcher.domain.protocol import Found, Timing, after_lookup
from services.dispatcher.domain.statuses import may_apply, next_reading_s, our_status
from services.dispatcher.handlers import Evidence
from services.dispatcher.provider.client import Unreachable, shown
from services.dispatcher.provider.reader import Reader, since
from services.dispatcher.sending import payments
from services.dispatcher.store import payments as store
from services.dispatcher.store.payments import Change

DUE_MAX, FEW, LOOKS_AT_ONCE = 3_000, 8, 20


class StatusPoller:
    """Reads what is due. Each method returns whether there was work; the provider being away is no error, only no work."""

    def __init__(self, engine: Engine, reader: Reader, timing: Timing) -> None:
        self.engine, self.reader, self.timing = engine, reader, timing

    def poll(self) -> bool:
        """Read payments that are due, a list page where it answers many at once, single ones otherwise."""
        with self.engine.connect() as connection:
            due = run(
                connection,
                """
                SELECT p.payment_id, p.provider_id, p.provider_created_at, o.provider_id AS source FROM payment p
                JOIN object o ON o.object_id = p.source_object
                WHERE p.poll_due_at <= now() AND p.provider_id IS NOT NULL ORDER BY p.source_object, p.provider_created_at DESC LIMIT :most""",
                most=DUE_MAX,
            ).all()
        try:
            for source, group in itertools.groupby(due, key=lambda row: row.source):
                self._poll_source(str(source), list(group))
        except Unreachable as error:
            log.warning(
                "provider_does_not_answer", status=error.answer.status, code=error.answer.sub_type
            )
            return False
        return bool(due)

    def _poll_source(self, source: str, due: list[Row[Any]]) -> None:
        """Newest first: a page that begins at the newest due payment usually holds its neighbours, which are due as well."""
        waiting = {str(row.provider_id): row for row in due}
        while waiting:
            newest = next(iter(waiting.values()))
            lines: Sequence[Mapping[str, Any]] = []
            if len(waiting) >= FEW:
                page = self.reader.page(
                    "/payments", {"source": source, **self._just_before(newest)}
                )
                lines, request_id = page.lines, page.request_id
            hits: list[Mapping[str, Any]] = [line for line in lines if line["id"] in waiting]
            if len(hits) < FEW:
                one = self._single(newest)
                hits, request_id = [one] if one else [], one["_request_id"] if one else ""
                waiting.pop(str(newest.provider_id))
            with self.engine.begin() as connection:
                observe(connection, hits, request_id, self.timing)
            for line in hits:
                waiting.pop(str(line["id"]), None)

    def _single(self, due: Row[Any]) -> dict[str, Any] | None:
        """One payment; None if the provider says it has none of this id. Read again later either way, so that one never holds up the others."""
        try:
            one = self.reader.get(f"/payments/{due.provider_id}")
        except Unreachable as error:
            with self.engine.begin() as connection:
                run(
                    connection,
                    "UPDATE payment SET poll_due_at = now() + make_interval(secs => :wait_s) WHERE payment_id = :id",
                    id=due.payment_id,
                    wait_s=self.timing.poll_s,
                )
                if error.answer.status in (400, 404):
                    store.flag(
                        connection,
                        due.payment_id,
                        "not_at_provider",
                        f"{due.provider_id}: {error.answer.status} {error.answer.sub_type}",
                    )
                    return None
            raise
        return {**one, "id": due.provider_id}

    def _just_before(self, newest: Row[Any]) -> dict[str, str]:
        with self.engine.connect() as connection:
            cursor = run(
                connection,
                """
                SELECT p.provider_id FROM payment p JOIN payment n ON n.payment_id = :payment_id AND n.source_object = p.source_object
                WHERE p.provider_created_at > n.provider_created_at AND p.provider_id IS NOT NULL ORDER BY p.provider_created_at LIMIT 1""",
                payment_id=newest.payment_id,
            ).scalar()
        return {"page_cursor": str(cursor)} if cursor else {}

    def look_up(self) -> bool:
        """Search the provider's list for attempts whose outcome is unknown and whose grace is over."""
        with self.engine.begin() as connection:
            rows = list(
                run(
                    connection,
                    """
                SELECT p.*, a.http_status, f.provider_date, s.provider_id AS source, d.provider_id AS destination, b.state
                FROM payment p JOIN attempt a ON a.subject_id = p.payment_id AND a.n = p.attempts
                JOIN attempt f ON f.subject_id = p.payment_id AND f.n = 1
                JOIN object s ON s.object_id = p.source_object JOIN object d ON d.object_id = p.destination_object
                JOIN batch b ON b.batch_id = p.batch_id
                WHERE p.status = 'in_doubt' AND p.step = 'lookup' AND p.due_at <= now() AND p.lease_until <= now()
                  AND a.last_sent_at <= now() - make_interval(secs => :grace_s)
                ORDER BY p.due_at LIMIT :most FOR UPDATE OF p SKIP LOCKED""",
                    most=LOOKS_AT_ONCE,
                    grace_s=self.timing.grace_s,
                )
            )
            run(
                connection,
                """UPDATE payment SET lease_until = now() + interval '60 seconds', fence = fence + 1
                               WHERE payment_id = ANY(CAST(:ids AS uuid[]))""",
                ids=[str(row.payment_id) for row in rows],
            )
        for row in rows:
            try:
                lines, complete = self.reader.all(
                    "/payments",
                    {
                        "source": row.source,
                        "destination": row.destination,
                        **since(row.provider_date),
                    },
                )
            except Unreachable:
                self._later(row)
                continue
            self._looked(row, lines, complete)
        return bool(rows)

    def _looked(self, row: Row[Any], lines: Sequence[Mapping[str, Any]], complete: bool) -> None:
        line = choose_payment(lines, str(row.payment_id), row.attempts, row.provider_id or "")
        if line is None and not complete:
            self._later(row)
            return
        found = None
        if line is not None:  # what has ended there moves no money, whatever it is of
            same = (line.get("amount"), line.get("source"), line.get("destination")) == (
                row.amount_cents,
                row.source,
                row.destination,
            )
            found = Found(str(line["id"]), same or not is_alive(line))
        looks = row.looks + 1
        following = after_lookup(
            found,
            looks,
            row.attempts,
            row.http_status == 200,
            row.state == "cancelled",
            self.timing,
        )
        with self.engine.begin() as connection:
            locked = run(
                connection,
                "SELECT * FROM payment WHERE payment_id = :id AND fence = :fence AND status = 'in_doubt' FOR UPDATE",
                id=row.payment_id,
                fence=row.fence + 1,
            ).first()
            if locked is None:
                return
            evidence = Evidence("lookup", f"{row.payment_id}/{row.attempts}/{looks}")
            if found is not None and found.equal and line is not None:
                store.apply(connection, [adopted(connection, locked, line, evidence)])
                payments.hurry_hinted(connection, [found.provider_id])
                return
            run(
                connection,
                """UPDATE attempt SET outcome = :outcome WHERE subject_id = :id AND n = :n AND outcome = 'open'""",
                outcome=following.attempt,
                id=row.payment_id,
                n=row.attempts,
            )
            code, reason = DOUBTS[following.status if found is None else "other_money"]
            store.apply(
                connection,
                [
                    Change(
                        locked,
                        following.status,
                        evidence,
                        step=following.step.value,
                        wait_s=following.wait_s,
                        looks=looks if following.status == "in_doubt" else 0,
                        reason_code=code,
                        reason=reason,
                        silent=following.status == locked.status,
                    )
                ],
            )

    def _later(self, row: Row[Any]) -> None:
        """A look that could not be completed says nothing; the count of absences running begins anew."""
        with self.engine.begin() as connection:
            run(
                connection,
                """UPDATE payment SET lease_until = '-infinity', looks = 0, due_at = now() + make_interval(secs => :wait_s)
                               WHERE payment_id = :id AND fence = :fence""",
                id=row.payment_id,
                fence=row.fence + 1,
                wait_s=self.timing.lookup_every_s,
            )

    def sweep(self) -> bool:
        """What may not be sent again goes to the look-up: a key that may be forgotten, a batch that was cancelled."""
        with self.engine.begin() as connection:
            rows = list(
                run(
                    connection,
                    """
                SELECT p.*, greatest(0, extract(epoch FROM a.last_sent_at + make_interval(secs => :grace_s) - now()))::float8 AS wait_s
                FROM payment p JOIN attempt a ON a.subject_id = p.payment_id AND a.n = p.attempts JOIN batch b USING (batch_id)
                WHERE p.status IN ('sending', 'in_doubt') AND p.step = 'resend' AND p.lease_until <= now()
                  AND (b.state = 'cancelled' OR a.first_sent_at <= now() - make_interval(secs => :until_s))
                ORDER BY p.payment_id LIMIT 1000 FOR UPDATE OF p SKIP LOCKED""",
                    grace_s=self.timing.grace_s,
                    until_s=self.timing.resend_until_s,
                )
            )
            code, reason = DOUBTS["in_doubt"]
            store.apply(
                connection,
                [
                    Change(
                        row,
                        "in_doubt",
                        Evidence("intent", f"{row.payment_id}/{row.attempts}"),
                        step="lookup",
                        wait_s=row.wait_s,
                        reason_code=code,
                        reason=reason,
                        silent=row.status == "in_doubt",
                    )
                    for row in rows
                ],
            )
        return bool(rows)


DOUBTS = {
    "in_doubt": (
        "in_doubt",
        "Whether the provider has this payment is not known yet; its list is being searched.",
    ),
    "held": (
        "held_absent",
        "The provider's list did not show any of the attempts; a person must decide.",
    ),
    "no_more": (
        "in_doubt",
        "What the provider had of this payment has ended there; its list is searched for an earlier attempt before anything is said.",
    ),
    "other_money": (
        "held_other_money",
        "The provider has this payment with other money or other accounts; a person must decide.",
    ),
    "unprocessed": (
        "absent",
        "The provider's list showed three times running that the attempt did not happen; it is sent anew.",
    ),
    "cancelled": (
        "cancelled",
        "The batch was cancelled, and the provider's list shows that this payment was never made.",
    ),
}


def observe(
    connection: Connection, lines: Sequence[Mapping[str, Any]], request_id: str, timing: Timing
) -> None:
    """Apply what the provider shows of payments: a status only if it follows from the stored one; else it is kept and flagged."""
    by_id = {str(line["id"]): line for line in lines}
    rows = list(
        run(
            connection,
            """
        SELECT *, coalesce(extract(epoch FROM now() - paid_at), 0)::float8 AS paid_s_ago FROM payment WHERE provider_id = ANY(CAST(:ids AS text[]))
        ORDER BY payment_id FOR UPDATE""",
            ids=list(by_id),
        )
    )
    changes, same = [], []
    strange = not_ours(connection, [row for row in rows if not row.provider_status], by_id)
    for row in rows:
        line = by_id[row.provider_id]
        observed = str(line.get("status"))
        if row.payment_id in strange:
            changes.append(unbound(row, request_id))
            continue
        if observed != row.provider_status and (
            line.get("amount") != row.amount_cents or not may_apply(row.provider_status, observed)
        ):
            store.flag(
                connection,
                row.payment_id,
                "impossible_status",
                f"{row.provider_status} then {observed}, {line.get('amount')} cents",
            )
            observed = row.provider_status
        if observed == row.provider_status or row.status not in ("pending", "completed"):
            same.append((row, next_reading_s(row.status, observed, row.paid_s_ago, timing)))
            continue
        changes.append(observed_change(row, line, request_id, timing))
    store.apply(connection, changes)
    if same:
        run(
            connection,
            """
            UPDATE payment p SET hint = '', poll_due_at = CASE WHEN x.wait_s IS NULL THEN 'infinity' ELSE now() + make_interval(secs => x.wait_s) END
            FROM unnest(CAST(:ids AS uuid[]), CAST(:waits AS float8[])) AS x(id, wait_s) WHERE p.payment_id = x.id""",
            ids=[str(row.payment_id) for row, _ in same],
            waits=[wait for _, wait in same],
        )


def observed_change(
    row: Row[Any], line: Mapping[str, Any], request_id: str, timing: Timing
) -> Change:
    """The change that an observed provider status makes, with the reading as its evidence.

    What ended there before it was paid is `failed` only if no earlier attempt, once believed absent, is alive: that is looked for first.
    """
    now = shown(line)
    status = our_status(row.status, now.status)
    evidence = (
        Evidence("webhook", f"{row.hint}/{request_id}")
        if row.hint
        else Evidence("poll", request_id)
    )
    if row.attempts > 1 and now.status in PROVIDER_ENDED_UNPAID and row.status == "pending":
        code, reason = DOUBTS["no_more"]
        return Change(row, "in_doubt", evidence, step="lookup", reason_code=code, reason=reason)
    return Change(
        row,
        status,
        evidence,
        provider_status=now.status,
        source_trace_id=now.source_trace_id,
        destination_trace_id=now.destination_trace_id,
        reversal_id=now.reversal_id,
        reason_code=now.reason_code,
        reason=now.reason,
        poll_s=next_reading_s(
            status, now.status, 0.0 if row.status != "completed" else row.paid_s_ago, timing
        ),
    )


def adopted(
    connection: Connection, row: Row[Any], line: Mapping[str, Any], evidence: Evidence
) -> Change:
    """The change that makes a payment stand on one of the provider's, found in its list; the attempt it is of was accepted, it turns out."""
    now = shown(line)
    run(
        connection,
        "UPDATE attempt SET outcome = 'accepted' WHERE subject_id = :id AND CAST(n AS text) = :n",
        id=row.payment_id,
        n=str((line.get("metadata") or {}).get("attempt")),
    )
    return Change(
        row,
        our_status("pending", now.status),
        evidence,
        provider_id=str(line["id"]),
        provider_status=now.status,
        provider_created_at=now.created_at,
        source_trace_id=now.source_trace_id,
        destination_trace_id=now.destination_trace_id,
        reversal_id=now.reversal_id,
        reason_code=now.reason_code,
        reason=now.reason,
        poll_s=0.0,
    )


def not_ours(
    connection: Connection, rows: Sequence[Row[Any]], by_id: Mapping[str, Mapping[str, Any]]
) -> set[Any]:
    """Of payments read for the first time (people may have bound them) those whose provider payment is not what was approved."""
    if not rows:
        return set()
    sides = {
        row.payment_id: row
        for row in run(
            connection,
            """
        SELECT p.payment_id, s.provider_id AS source, d.provider_id AS destination FROM payment p
        LEFT JOIN object s ON s.object_id = p.source_object LEFT JOIN object d ON d.object_id = p.destination_object
        WHERE p.payment_id = ANY(CAST(:ids AS uuid[]))""",
            ids=[str(row.payment_id) for row in rows],
        )
    }
    wanted = {
        row.payment_id: (
            row.amount_cents,
            sides[row.payment_id].source,
            sides[row.payment_id].destination,
            str(row.payment_id),
        )
        for row in rows
    }
    lines = {row.payment_id: by_id[row.provider_id] for row in rows}
    return {
        payment_id
        for payment_id, line in lines.items()
        if (line.get("amount"), line.get("source"), line.get("destination"), payment_id_of(line))
        != wanted[payment_id]
    }


def unbound(row: Row[Any], request_id: str) -> Change:
    """A payment was bound to a provider payment that is not this one: it is held again."""
    return Change(
        row,
        "held",
        Evidence("poll", request_id),
        provider_id="",
        provider_status="",
        reason_code="held_other_payment",
        reason=f"{row.provider_id} is of other money, other accounts or another payment; a person must decide.",
    )
