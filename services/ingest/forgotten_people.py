"""People whose keys were destroyed: the clear copies of them here are overwritten.

`python -m ops forget` destroys the key, which makes every encrypted value of the person unreadable
wherever it lies. Names are also stored in clear here, because people search for them, and the
uploaded files hold whole rosters. So ingest looks whom its keys no longer know, each time it
starts: also after an older copy of its database was restored.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Engine

from libs.common.crypto.field_encryption import FORGOTTEN, place_of
from libs.common.messaging.consumer import Beat
from libs.common.observability.logs import log
from services.ingest.encryption import FieldEncryption
from services.ingest.store import forgotten_people as store
from services.ingest.uploads import UploadFolder


def overwrite_all(
    engine: Engine, encryption: FieldEncryption, folder: UploadFolder, beat: Beat = lambda: None
) -> int:
    """Overwrite the clear copies of everybody whose key was destroyed, each in one transaction.

    The files with their rows are removed first, so that a process that is killed in between does
    it again. A second call finds nothing to do.

    Returns:
        How many people were found.
    """
    if not encryption.cipher.has_forgotten:
        return 0
    with engine.connect() as connection:
        known = store.list_person_keys(connection)
    gone = [one for one in known if encryption.is_forgotten(one)]
    done = sum(_overwrite(engine, encryption, folder, one, beat) for one in gone)
    if done:
        log.info("forgotten_people_overwritten", count=done)
    return done


def _overwrite(
    engine: Engine, encryption: FieldEncryption, folder: UploadFolder, person_key: str, beat: Beat
) -> bool:
    beat()
    with engine.begin() as connection:
        clear = store.list_clear_rows(connection, person_key, FORGOTTEN)
        rows = [row for row in clear if _is_unreadable(encryption, row.sealed)]
        if not rows:
            return False
        for batch_id in {row.batch_id for row in rows}:
            folder.remove(batch_id)
        store.overwrite(connection, person_key, [row.row_id for row in rows], FORGOTTEN)
    return True


def _is_unreadable(encryption: FieldEncryption, sealed: Sequence[Any]) -> bool:
    """Whether a row's key was destroyed, or it is older than the keys of people."""
    values = [value for value in sealed if value]
    return all(not place_of(value) or encryption.cipher.is_forgotten(value) for value in values)
