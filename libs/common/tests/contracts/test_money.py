import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.common.contracts.money import display, dollars


@pytest.mark.parametrize(
    ("cents", "text", "shown"),
    [
        (0, "0.00", "$0.00"),
        (5, "0.05", "$0.05"),
        (-5, "-0.05", "-$0.05"),
        (938, "9.38", "$9.38"),
        (-100, "-1.00", "-$1.00"),
        (29_952_645, "299526.45", "$299,526.45"),
        (-123_456_789_01, "-123456789.01", "-$123,456,789.01"),
    ],
)
def test_cents_become_text(cents: int, text: str, shown: str) -> None:
    assert dollars(cents) == text
    assert display(cents) == shown


@given(st.integers(-(10**15), 10**15))
def test_the_text_is_the_amount_to_the_cent(cents: int) -> None:
    whole, _, fraction = dollars(cents).lstrip("-").partition(".")
    assert len(fraction) == 2
    assert int(whole + fraction) == abs(cents)
    assert display(cents).replace("$", "").replace(",", "") == dollars(cents)
