import base64

import pytest
from sqlalchemy.exc import OperationalError

from libs.common.crypto.field_encryption import FieldCipher, destroy, new_key
from libs.common.crypto.key_check import (
    EncryptedColumns,
    EncryptedSample,
    WrongKeys,
    check,
    exit_on_wrong_keys,
    key_problem,
    key_usage,
)
from libs.common.database.engine import connect, run
from libs.common.tests.conftest import Store

OLD, NEW = (base64.b64encode(bytes([n]) * 32).decode() for n in (1, 2))
OF_OLD, OF_NEW, BOTH = (
    FieldCipher.parse(f"k1:{OLD}"),
    FieldCipher.parse(f"k2:{NEW}"),
    FieldCipher.parse(f"k2:{NEW},k1:{OLD}"),
)


UNENCRYPTED = '{"amount": 1.5}'


def sample(sealer: FieldCipher) -> EncryptedSample:
    return EncryptedSample(sealer.encrypt("0012345678", "loan", "r"), "loan", "r")


def test_keys_that_decrypt_every_sample_are_accepted() -> None:
    assert key_problem("ingest", BOTH, [sample(OF_OLD), sample(OF_NEW)]) == ""
    assert key_problem("ingest", OF_NEW, []) == ""


def test_a_key_id_that_the_database_holds_and_the_settings_do_not_is_named() -> None:
    problem = key_problem("reports", OF_NEW, [sample(OF_OLD), sample(OF_NEW)])
    assert "sealed under k1, which PAYDOWN_REPORTS_SEAL_KEYS does not have" in problem
    assert "No money is affected" in problem


def test_another_key_of_the_same_name_is_detected() -> None:
    problem = key_problem("dispatcher", FieldCipher.parse(f"k1:{NEW}"), [sample(OF_OLD)])
    assert "the key named k1 in PAYDOWN_DISPATCHER_SEAL_KEYS is not the one" in problem
    assert NEW not in problem


def test_a_person_whose_key_was_destroyed_does_not_stop_a_start() -> None:
    text, place = f"k3:{new_key()}", "0123456789abcdef"
    sealed = FieldCipher.parse(text).encrypt("0012345678", "loan", "r", place)
    of_person = EncryptedSample(sealed, "loan", "r")
    assert of_person.key_id == "k3"
    assert key_problem("reports", FieldCipher.parse(destroy(text, [place])), [of_person]) == ""
    assert "sealed under k3, which" in key_problem("reports", BOTH, [of_person])
    other = FieldCipher.parse(f"k3:{new_key()}")
    assert "the key named k3" in key_problem("reports", other, [of_person])


@pytest.mark.database
def test_a_database_is_asked_for_one_value_of_each_key(store: Store) -> None:
    with store.engine.begin() as connection:
        for place, sealer in enumerate((OF_OLD, OF_NEW, OF_NEW)):
            run(
                connection,
                """
                INSERT INTO outbox
                    (event_id, topic, message_key, message_type, correlation, body)
                VALUES
                    (gen_random_uuid(), 't', :row, 'x', '', :body)""",
                row=f"r{place}",
                body=sealer.encrypt("x", "loan", f"r{place}"),
            )
    also = (UNENCRYPTED, f"k2~{'0' * 16}.x")
    places = EncryptedColumns(
        "SELECT body AS sealed, 'loan' AS field, message_key AS row_id FROM outbox",
        {"outbox": f"SELECT body FROM outbox UNION ALL VALUES (''), ('{also[0]}'), ('{also[1]}')"},
    )
    check(store.engine, "ingest", places, BOTH)
    with pytest.raises(WrongKeys, match="k1"):
        check(store.engine, "ingest", places, OF_NEW)
    with store.engine.connect() as connection:
        assert key_usage(connection, places) == {"k1": {"outbox": 1}, "k2": {"outbox": 3}}
    check(
        store.engine,
        "ingest",
        EncryptedColumns("SELECT a AS sealed, a AS field, a AS row_id FROM not_migrated_yet", {}),
        OF_NEW,
    )


def test_a_start_ends_with_one_sentence_and_waits_for_a_database_that_is_away(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def wrong() -> None:
        raise WrongKeys("ingest cannot start.")

    with pytest.raises(SystemExit) as ended:
        exit_on_wrong_keys(wrong)
    assert ended.value.code == 2
    assert capsys.readouterr().err == "ingest cannot start.\n"
    away = connect("postgresql+psycopg2://nobody@127.0.0.1:1/nowhere", "test")
    with pytest.raises(OperationalError):
        check(away, "ingest", EncryptedColumns("SELECT 1", {}), OF_NEW)
    exit_on_wrong_keys(lambda: check(away, "ingest", EncryptedColumns("SELECT 1", {}), OF_NEW))
