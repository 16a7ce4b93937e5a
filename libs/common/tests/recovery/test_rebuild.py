"""When a rebuild cannot be tried."""

from dataclasses import dataclass, field
from pathlib import Path

from libs.common.contracts.topics import BATCHES, LEDGER_POSTINGS
from libs.common.crypto.message_signatures import Verifier
from libs.common.recovery import rebuild
from libs.common.tests.crypto.test_message_signatures import verifier


@dataclass
class Settings:
    owner_url: str = "postgresql+psycopg2://r:p@127.0.0.1:1/none"
    kafka: str = "127.0.0.1:1"
    verifier: Verifier = field(default_factory=lambda: verifier(accept_unsigned=True))


def test_without_a_key_of_what_it_reads_a_rebuild_is_not_tried() -> None:
    topics = {BATCHES: lambda *_: None, LEDGER_POSTINGS: lambda *_: None}
    said: list[str] = []
    projection = rebuild.Projection("reports", Path(), topics, {})
    assert rebuild.main(projection, Settings(), said.append) == 2
    assert said == ["PAYDOWN_REPORTS_PUBLIC_KEYS has no key of ingest. See docs/runbooks/keys.md."]
