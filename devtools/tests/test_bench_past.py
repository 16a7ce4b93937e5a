"""The figures of the bench of the past."""

from devtools.bench.rows.past import ROW, Taken, compared


def test_the_quickest_turns_are_compared_and_half_as_much_again_passes() -> None:
    empty = [Taken(9.0, 9.0), Taken(6.0, 4.0)]
    (ratio, *_) = ROW.figures
    found = compared(empty, [Taken(8.0, 7.0), Taken(30.0, 1.0)])
    assert (found[ratio.name], ratio.is_reached(found[ratio.name])) == (1.5, True)
    found = compared(empty, [Taken(8.0, 7.1)])
    assert ratio.is_reached(found[ratio.name]) is False
    assert round(found["check ÷ with an empty registry"], 3) == 1.775
    assert found["reading with an empty registry"] == 6.0
