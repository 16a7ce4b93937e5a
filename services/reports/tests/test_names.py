"""Names of branches and source accounts: kept with their history, and given by one at a time."""

from typing import Any

import pytest
from sqlalchemy import Engine
from sqlalchemy.exc import IntegrityError

from libs.common.database.engine import run
from services.reports.tests.http_client import BATCH, Client

pytestmark = pytest.mark.database


def give(client: Client, name: str, base: int = 0, **more: str) -> Any:
    order = {"kind": "branch", "id": "BRC-1", "base": base, "name": name} | more
    return client.post("/names", order, "Prea")


def names(client: Client) -> dict[tuple[str, str], str]:
    return {(one["kind"], one["id"]): one["name"] for one in client.get("/names").json()["items"]}


def test_the_newest_name_counts_and_every_earlier_one_is_kept(client: Client) -> None:
    assert give(client, "  Boston, Main Street ").json()["version"] == 1
    assert give(client, "Boston", 1).json()["version"] == 2
    assert give(client, "Payroll account", kind="source", id="A").status_code == 200
    assert names(client) == {("branch", "BRC-1"): "Boston", ("source", "A"): "Payroll account"}
    history = client.get("/names/history", {"kind": "branch", "id": "BRC-1"}).json()["items"]
    assert [(one["version"], one["name"], one["given_by"]) for one in history] == [
        (2, "Boston", "Prea"),
        (1, "Boston, Main Street", "Prea"),
    ]


def test_who_did_not_see_the_newest_name_changes_nothing(client: Client) -> None:
    give(client, "Boston")
    for base in (0, 2):
        answer = give(client, "Chicago", base)
        assert (answer.status_code, answer.json()["code"]) == (409, "name.changed")
    assert names(client) == {("branch", "BRC-1"): "Boston"}


@pytest.mark.parametrize("name", ["x" * 81, "two\nlines", "nul\x00"])
def test_a_name_that_a_file_could_not_hold_is_refused(client: Client, name: str) -> None:
    assert give(client, name).status_code == 422
    assert names(client) == {}


@pytest.mark.usefixtures("whole")
def test_what_has_no_name_is_listed_until_it_has_one(client: Client) -> None:
    found = client.get("/names/unnamed").json()
    branches = {one["id"] for one in found["items"] if one["kind"] == "branch"}
    assert branches == {row.branch_id for row in BATCH.rows if row.branch_id}
    branch = min(branches)
    give(client, "Boston", id=branch)
    left = client.get("/names/unnamed").json()["items"]
    assert {one["id"] for one in left if one["kind"] == "branch"} == branches - {branch}
    give(client, "", 1, id=branch)
    assert client.get("/names/unnamed").json() == found


def test_the_database_refuses_to_change_a_name_that_was_given(
    client: Client, engine: Engine
) -> None:
    give(client, "Boston")
    with pytest.raises(IntegrityError, match="is history"), engine.begin() as connection:
        run(connection, "UPDATE given_name SET name = 'Chicago'")
