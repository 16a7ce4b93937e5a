"""When a rebuild cannot be tried, and where it builds."""

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from libs.common.contracts.topics import BATCHES, LEDGER_POSTINGS, Topic
from libs.common.crypto.message_signatures import Verifier
from libs.common.database.engine import connect, run
from libs.common.messaging.consumer import Apply
from libs.common.recovery import rebuild
from libs.common.tests.conftest import Store
from libs.common.tests.crypto.test_message_signatures import verifier
from libs.common.tests.runtime.test_service import revision


@dataclass
class Settings:
    owner_url: str = "postgresql+psycopg2://r:p@127.0.0.1:1/none"
    kafka: str = "127.0.0.1:1"
    verifier: Verifier = field(default_factory=lambda: verifier(accept_unsigned=True))


def nothing(*_: object) -> None:
    """Apply no message."""


@pytest.mark.parametrize(
    ("applies", "own"),
    [
        ({BATCHES: nothing, LEDGER_POSTINGS: nothing}, {}),
        ({LEDGER_POSTINGS: nothing}, {BATCHES: nothing}),
    ],
)
def test_without_a_key_of_what_it_reads_a_rebuild_is_not_tried(
    applies: dict[Topic, Apply], own: dict[Topic, Apply], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        pytest.fail("it went on to read")

    monkeypatch.setattr(rebuild, "connect", fail)
    said: list[str] = []
    projection = rebuild.Projection("reports", Path(), applies, {}, own=own)
    assert rebuild.main(projection, Settings(), said.append) == 2
    assert said == ["PAYDOWN_REPORTS_PUBLIC_KEYS has no key of ingest. See docs/runbooks/keys.md."]


@pytest.mark.database
def test_the_second_schema_is_made_on_whichever_host_accepts_writes(
    store: Store, tmp_path: Path
) -> None:
    revision(tmp_path, 1)
    before, _, after = store.owner_url.rpartition("@")
    owner = connect(store.owner_url, "test-owner", 1)
    second = rebuild.make_rebuild_schema(owner, f"{before}@127.0.0.1:1,{after}", tmp_path)
    try:
        with second.connect() as connection:
            assert run(connection, "SELECT count(*) FROM made_1").scalar() == 0
    finally:
        second.dispose()
        with owner.begin() as connection:
            run(connection, f"DROP SCHEMA {rebuild.SCHEMA} CASCADE")
        owner.dispose()
