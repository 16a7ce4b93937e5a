"""Disabled objects are read again, within limits; one that cannot be read stops no other one."""

from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import Engine

from services.dispatcher.domain.protocol import Answer
from services.dispatcher.preparation import preflight
from services.dispatcher.provider.client import Unreachable
from services.dispatcher.store import provider_objects
from services.dispatcher.tests.factories import announce_batch
from services.dispatcher.tests.test_refused_objects import Preparing, refuse

pytestmark = pytest.mark.database


class WithDisabledLoans(Preparing):
    """Prepared loans that the provider has disabled; `fails` says how reading one of them ends."""

    def __init__(self, engine: Engine, owner: Engine, count: int) -> None:
        super().__init__(engine, owner)
        announce_batch(engine, uuid4(), count)
        self.prepare()
        self.loans = [
            line for line in self.provider.objects["/accounts"].values() if "liability" in line
        ]
        for loan in self.loans:
            loan["status"] = "disabled"
        with engine.begin() as connection:
            ids = [str(loan["id"]) for loan in self.loans]
            provider_objects.mark_inactive(connection, ids)
        self.age_rows(120)
        self.fails: dict[str, Answer] = {}
        send = self.provider.send

        def fail_or_send(method: str, path: str, *more: Any) -> Any:
            answer = self.fails.get(path.rpartition("/")[2])
            return send(method, path, *more) if answer is None else (answer, None)

        self.provider.send = fail_or_send  # type: ignore[assignment,method-assign]

    def first_read(self) -> str:
        """The loan that is read first."""
        return str(
            self.rows(
                "SELECT provider_id FROM object WHERE status = 'inactive' ORDER BY object_id"
            )[0].provider_id
        )


@pytest.mark.parametrize("status", [400, 404, 409, 500, 502])
def test_one_that_cannot_be_read_stays_disabled_and_the_others_are_read(
    engines: tuple[Engine, Engine], status: int
) -> None:
    dispatcher = WithDisabledLoans(*engines, count=3)
    broken = dispatcher.first_read()
    dispatcher.fails[broken] = Answer(status)
    for loan in dispatcher.loans:
        loan["status"] = "active"
    assert dispatcher.disabled.read_again(10)
    left = dispatcher.rows("SELECT provider_id FROM object WHERE status = 'inactive'")
    assert [row.provider_id for row in left] == [broken]
    assert not dispatcher.disabled.read_again(10)  # it was read just now


@pytest.mark.parametrize("status", [None, 401, 403, 429])
def test_when_no_object_can_be_read_it_is_tried_later(
    engines: tuple[Engine, Engine], status: int | None
) -> None:
    dispatcher = WithDisabledLoans(*engines, count=2)
    dispatcher.fails[dispatcher.first_read()] = Answer(status)
    with pytest.raises(Unreachable):
        dispatcher.disabled.read_again(10)
    dispatcher.fails.clear()
    assert dispatcher.disabled.read_again(10)


def test_a_batch_tries_so_many_in_all_and_walks_the_lists_once(
    engines: tuple[Engine, Engine], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preflight, "RETRIES_MAX", 2)
    dispatcher = Preparing(*engines)
    dispatcher.refuses = refuse("liability")
    announce_batch(dispatcher.engine, uuid4(), 5)
    dispatcher.prepare()
    dispatcher.prepare()
    dispatcher.provider.listed.clear()
    for revision in (1, 2):
        batch_id = uuid4()
        announce_batch(dispatcher.engine, batch_id, 1, "checking", 1, tag="b")
        assert len(dispatcher.check()["refused_loans"]) == 5
        tried = "SELECT 1 FROM object_retry WHERE batch_id = :batch_id AND by_whom = ''"
        assert len(dispatcher.rows(tried, batch_id=batch_id)) == 2
        assert len(walks(dispatcher)) == 3 * revision


def walks(dispatcher: Preparing) -> list[dict[str, str]]:
    """The reads of lists of disabled and closed objects."""
    return [one for one in dispatcher.provider.listed if "status" in one]


def test_what_a_list_shows_as_disabled_is_not_read_by_itself(
    engines: tuple[Engine, Engine],
) -> None:
    dispatcher = WithDisabledLoans(*engines, count=3)
    enabled = next(loan for loan in dispatcher.loans if loan["id"] == dispatcher.first_read())
    enabled["status"] = "active"
    dispatcher.provider.calls.clear()
    announce_batch(dispatcher.engine, uuid4(), 1, "checking", 1, tag="b")
    assert len(dispatcher.check()["inactive_loans"]) == 2
    read = [path for method, path, _ in dispatcher.provider.calls if method == "GET"]
    assert read == [f"/accounts/{enabled['id']}"]


def test_what_a_person_asked_about_is_read_even_if_a_list_shows_it(
    engines: tuple[Engine, Engine],
) -> None:
    dispatcher = WithDisabledLoans(*engines, count=1)
    dispatcher.rows("UPDATE object SET step = 'reread' WHERE status = 'inactive' RETURNING 1")
    dispatcher.provider.calls.clear()
    announce_batch(dispatcher.engine, uuid4(), 1, "checking", 1, tag="b")
    dispatcher.check()
    read = [path for method, path, _ in dispatcher.provider.calls if method == "GET"]
    assert read == [f"/accounts/{dispatcher.loans[0]['id']}"]
