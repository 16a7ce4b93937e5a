import base64
import json

import pytest

from libs.common.web.pagination import next_offset, read_cursor, read_offset, write_cursor
from libs.common.web.problem_details import Problem


def encoded(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode()


def test_a_cursor_comes_back_as_it_was_written() -> None:
    cursor = write_cursor("payments:-amount", "12.50", 7)
    assert read_cursor(cursor, "payments:-amount", (str, int)) == ["12.50", 7]


def test_an_offset_comes_back_and_the_last_page_has_no_next() -> None:
    assert read_offset(next_offset("rows", 100, 101) or "", "rows") == 100
    assert read_offset("", "rows") == 0
    assert next_offset("rows", 101, 101) is None


@pytest.mark.parametrize("cursor", ["NDk5MDA=", "NDk5MDA", encoded(49_900)])
def test_a_client_opens_any_page_with_the_number_alone(cursor: str) -> None:
    assert read_offset(cursor, "rows") == 49_900
    assert read_offset(cursor, "rows:-amount") == 49_900


@pytest.mark.parametrize(
    "cursor",
    [
        "x",
        "!!!!",
        "ÿÿ",
        encoded(-5),
        encoded(5.5),
        encoded("5"),
        encoded(1 << 40),
        encoded([]),
        encoded({"a": 1}),
        encoded(["rows"]),
        encoded(["rows", "5"]),
        encoded(["rows", True]),
        encoded(["rows", 5, 6]),
        encoded(["rows", -1]),
        encoded(["rows", 1 << 40]),
        write_cursor("payments", 5),
    ],
)
def test_a_cursor_of_another_list_or_of_nobody_is_refused(cursor: str) -> None:
    with pytest.raises(Problem) as refused:
        read_offset(cursor, "rows")
    assert (refused.value.status, refused.value.code) == (422, "cursor.invalid")
