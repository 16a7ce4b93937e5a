"""The database shows which keys it was filled with; a process with others does not start."""

import base64
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from libs.common.crypto import key_check
from libs.common.crypto.key_check import WrongKeys
from libs.common.database.engine import run
from libs.common.database.migrate import upgrade
from services.ingest import app
from services.ingest.encryption import FieldEncryption
from services.ingest.key_check import PLACES, check, fits
from services.ingest.store.encrypted_columns import IndexedAccount
from services.ingest.tests.harness import KEY, IngestHarness, encryption_of, settings

pytestmark = pytest.mark.database
OTHER = base64.b64encode(bytes(range(1, 33))).decode()


def with_keys(seal_keys: str = f"k1:{KEY}", index_key: str = KEY) -> FieldEncryption:
    return encryption_of(
        settings("postgresql+psycopg2://nowhere", Path(), seal_keys=seal_keys, index_key=index_key)
    )


@pytest.fixture
def ingest(make_database: Callable[[str], tuple[str, str]], tmp_path: Path) -> IngestHarness:
    """A new database, because these tests change keys."""
    url, owner_url = make_database("ingest")
    upgrade(owner_url, app.MIGRATIONS)
    return IngestHarness.make(url, tmp_path)


def key_ids(ingest: IngestHarness, batch_id: str) -> set[str]:
    with ingest.engine.connect() as connection:
        return set(
            run(
                connection,
                """
                SELECT split_part(v, '.', 1)
                FROM (
                    SELECT unnest(ARRAY[s.first_name, s.last_name, s.dob, s.phone, s.loan]) AS v
                    FROM row_seal s
                    JOIN batch_row USING (row_id)
                    WHERE batch_id = :id
                    UNION ALL
                    SELECT account
                    FROM batch_source
                    WHERE batch_id = :id) AS x
                WHERE v <> ''""",
                id=batch_id,
            ).scalars()
        )


def test_a_new_database_takes_any_key_and_one_that_was_filled_only_its_own(
    ingest: IngestHarness, xml: bytes
) -> None:
    check(ingest.engine, with_keys(index_key=OTHER))
    ingest.ready(xml)
    check(ingest.engine, with_keys())
    with pytest.raises(
        WrongKeys, match="PAYDOWN_INGEST_INDEX_KEY is not the key its database was filled with"
    ):
        check(ingest.engine, with_keys(index_key=OTHER))
    with pytest.raises(WrongKeys, match="sealed under k1, which"):
        check(ingest.engine, with_keys(seal_keys=f"k2:{OTHER}"))
    with pytest.raises(WrongKeys, match="the key named k1"):
        check(ingest.engine, with_keys(seal_keys=f"k1:{OTHER}"))


def test_a_database_filled_under_two_index_keys_fits_neither(
    ingest: IngestHarness, make_xml: Callable[[int], bytes]
) -> None:
    ingest.ready(make_xml(20))
    ingest.encryption = replace(ingest.encryption, index=with_keys(index_key=OTHER).index)
    ingest.ready(make_xml(20))
    for key in (KEY, OTHER):
        with pytest.raises(WrongKeys, match="INDEX_KEY"):
            check(ingest.engine, with_keys(index_key=key))


def test_a_key_is_changed_between_two_batches_and_old_and_new_processes_open_both(
    ingest: IngestHarness, make_xml: Callable[[int], bytes]
) -> None:
    before, added, used = (
        with_keys(),
        with_keys(f"k1:{KEY},k2:{OTHER}"),
        with_keys(f"k2:{OTHER},k1:{KEY}"),
    )
    first = ingest.ready(make_xml(20))["batch_id"]
    ingest.encryption = used
    second = ingest.ready(make_xml(20))["batch_id"]
    assert (key_ids(ingest, first), key_ids(ingest, second)) == ({"k1"}, {"k2"})
    for encryption in (added, used):
        check(ingest.engine, encryption)
    with pytest.raises(WrongKeys, match="k2"):
        check(ingest.engine, before)
    with ingest.engine.connect() as connection:
        assert set(key_check.key_usage(connection, PLACES)) == {"k1", "k2"}
        places = {
            place for places in key_check.key_usage(connection, PLACES).values() for place in places
        }
    assert places == set(PLACES.everything), "every place is really asked"


def test_the_index_is_compared_and_not_only_opened() -> None:
    encryption = with_keys()
    account = encryption.encrypt("123456789", "account", "b/s")
    stored = IndexedAccount(
        "b", "s", "021000021", account, encryption.index.digest("account", "021000021", "123456789")
    )
    assert fits(encryption, [stored])
    assert not fits(
        encryption,
        [
            stored,
            replace(
                stored, account_index=encryption.index.digest("account", "021000021", "123456780")
            ),
        ],
    )


def test_a_loop_that_would_read_asks_again_because_the_database_may_have_been_away_at_start(
    ingest: IngestHarness, xml: bytes, tmp_path: Path
) -> None:
    ingest.ready(xml)
    url = ingest.engine.url.render_as_string(hide_password=False)
    service = app.build(settings(url, tmp_path / "other", index_key=OTHER))
    (reads,) = [loop for loop in service.loops if loop.name == "read"]
    with pytest.raises(WrongKeys, match="INDEX_KEY"):
        reads.run(stop := threading.Event(), stop.set)
    service.engine.dispose()
