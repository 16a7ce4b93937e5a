"""The setting by which people name forged records."""

import pytest

from libs.common.messaging.forged_messages import ForgedMessages
from libs.common.tests.factories import messages

RECORD = messages(1)[0]._replace(partition=3, offset=17)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("", False),
        ("provider-events/3/17", True),
        (" batches/0/1, provider-events/3/10-20", True),
        ("provider-events/3/18-20", False),
        ("provider-events/2/17", False),
        ("batches/3/17", False),
    ],
)
def test_a_record_is_forged_if_people_named_its_place(text: str, named: bool) -> None:
    assert (RECORD in ForgedMessages.parse(text)) is named


@pytest.mark.parametrize("text", ["x", "batches/1", "batches/1/a", "/1/2", "batches/1/2-x"])
def test_what_is_no_list_of_records_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="topic/partition/offset"):
        ForgedMessages.parse(text)
