"""Issues the certificate of a batch: the figures that end it, in numbered versions."""

from collections.abc import Mapping, Sequence
from uuid import uuid5

from sqlalchemy import Connection

from libs.common.contracts.events.ledger import CertificateIssued
from libs.common.messaging import outbox
from services.ledger.domain.acknowledgements import Acknowledgement
from services.ledger.domain.comparisons import Finding, StatementRun
from services.ledger.domain.outcomes import (
    ACKNOWLEDGED,
    Certificate,
    Tally,
    certificate_figures,
    make_certificate,
)
from services.ledger.store import certificates
from services.ledger.store.certificates import LastCertificate


def certify(
    connection: Connection,
    statement: StatementRun,
    tallies: Mapping[str, Tally],
    explained: Sequence[tuple[Finding, Acknowledgement]] = (),
) -> None:
    """Issue and publish the next version of a batch's certificate, if it differs from the last one.

    A second call changes nothing: the figures are the same then.

    Args:
        connection: its transaction has locked the batch.
        statement: the clean run that the certificate rests on.
        tallies: the outcomes of the batch's rows.
        explained: the run's findings, each of which two people have acknowledged.
    """
    figures = certificate_figures(tallies, statement.batch_id, explained)
    last = certificates.find_last_certificate(connection, statement.batch_id)
    if last is not None and (_is_newer(last, statement) or _states(last, figures)):
        return
    certificate = make_certificate(
        statement.batch_id,
        last.version + 1 if last else 1,
        statement.run_id,
        statement.closed_at,
        figures,
    )
    written = certificates.insert_certificates(connection, [certificate])
    assert written == 1, "the batch is locked, so nobody else can issue this version"
    outbox.add(connection, [_issued(certificate)])


def _is_newer(last: LastCertificate, statement: StatementRun) -> bool:
    """Whether the last certificate rests on a later run than this one."""
    # Its run is unknown after a restore: it happened after the backup, and so after this run.
    return last.run_begun_at is None or last.run_begun_at > statement.begun_at


def _states(last: LastCertificate, figures: Mapping[str, object]) -> bool:
    """Whether the last certificate says the same. Without explained breaks it does not list any."""
    names = figures.keys() | ({ACKNOWLEDGED} & last.body.keys())
    return {name: last.body.get(name) for name in names} == {n: figures.get(n) for n in names}


def _issued(certificate: Certificate) -> CertificateIssued:
    return CertificateIssued.model_validate(
        {
            "event_id": uuid5(certificate.batch_id, f"certificate-{certificate.version}"),
            "occurred_at": certificate.issued_at,
            "correlation": str(certificate.batch_id),
            **certificate.body,
        }
    )
