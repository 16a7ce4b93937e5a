"""After a restore: no version of a certificate is issued twice."""

import pytest

from libs.common.tests import database_copies
from services.ledger import recovery
from services.ledger.tests.conftest import Database
from services.ledger.tests.factories import (
    at,
    changed,
    closed,
    line,
)
from services.ledger.tests.harness import ENDS, batch_events, certificates, deliver, published

pytestmark = pytest.mark.database


def test_after_a_restore_no_version_of_a_certificate_is_issued_twice(database: Database) -> None:
    deliver(database.service, *batch_events(ENDS))
    gone = [
        line(1, "failed", "run-2", 1),
        line(2, "failed", "run-2", 2),
        line(3, "posted", "run-2", 3),
        line(4, "posted", "run-2", 4),
    ]
    since = [
        changed(1, 4, "reversed", occurred_at=at(220)),
        *gone,
        closed(gone, 13, "run-2", begun_at=at(230), occurred_at=at(240)),
    ]
    deliver(database.service, *since)
    issued = certificates(database.service)
    messages = database_copies.messages(database.service)
    database.empty()
    deliver(database.service, *batch_events(ENDS))  # the backup: without the second certificate
    first = database_copies.quarantine_copy(database.service, messages)
    for _ in range(2):  # a crash may repeat it
        recovery.recover_published(database.service, first, lambda: None)
    assert certificates(database.service) == issued
    deliver(database.service, *since)  # the topics are read again from the backup's offsets
    assert certificates(database.service) == issued
    later = [
        line(1, "failed", "run-3", 1),
        line(2, "failed", "run-3", 2),
        line(3, "failed", "run-3", 3),
        line(4, "posted", "run-3", 4),
    ]
    deliver(
        database.service,
        changed(3, 4, "reversed", occurred_at=at(320)),
        *later,
        closed(later, 14, "run-3", begun_at=at(330), occurred_at=at(340)),
    )
    assert [c["version"] for c in certificates(database.service)] == [1, 2, 3]
    assert len(published(database.service, "certificate-issued.v1")) == 3
