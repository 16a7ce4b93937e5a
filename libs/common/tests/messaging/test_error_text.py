"""The text of an error in a log line: enough to act on, and no value of a person."""

import psycopg2.errors
import pytest
from confluent_kafka import KafkaError, KafkaException
from sqlalchemy.exc import InternalError, OperationalError

from libs.common.contracts.errors import Retry
from libs.common.messaging.error_text import TEXT_MAX, describe


class ReadOnly(psycopg2.errors.ReadOnlySqlTransaction):
    pgcode = "25006"


class BadNumber(psycopg2.errors.InvalidTextRepresentation):
    pgcode = "22P02"


def test_an_error_of_ours_is_shown_with_its_code() -> None:
    assert describe(Retry("batches: the broker does not answer", "kafka.away")) == {
        "error": "Retry",
        "code": "kafka.away",
        "reason": "batches: the broker does not answer",
    }


def test_an_error_of_the_broker_is_shown_in_its_words() -> None:
    assert describe(KafkaException(KafkaError(KafkaError.INVALID_SESSION_TIMEOUT))) == {
        "error": "INVALID_SESSION_TIMEOUT",
        "code": None,
        "reason": "Broker: Invalid session timeout",
    }


def test_an_error_of_the_server_has_its_name_its_sqlstate_and_its_text() -> None:
    error = InternalError(
        "UPDATE x", {}, ReadOnly("cannot execute UPDATE in a read-only transaction\n")
    )
    assert describe(error) == {
        "error": "ReadOnly",
        "code": "25006",
        "reason": "cannot execute UPDATE in a read-only transaction",
    }


def test_values_in_a_text_of_the_server_are_masked() -> None:
    error = InternalError(
        "x", {}, BadNumber('invalid input for "0012345678" of Jane\'s loan 0012345678\n')
    )
    found = describe(error)["reason"]
    assert found is not None
    assert "0012345678" not in found


def test_a_failed_connection_names_the_host() -> None:
    orig = psycopg2.OperationalError('connection to server at "db", port 5432 failed: refused\n')
    assert describe(OperationalError("", {}, orig))["reason"] == (
        'connection to server at "db", port 5432 failed: refused'
    )


@pytest.mark.parametrize("error", [ValueError("Jane 0012345678"), KeyError("0012345678")])
def test_of_any_other_error_only_the_name_is_shown(error: Exception) -> None:
    assert describe(error) == {"error": type(error).__name__, "code": None, "reason": ""}


def test_a_text_is_cut() -> None:
    assert len(describe(Retry("x" * 5_000))["reason"] or "") == TEXT_MAX
