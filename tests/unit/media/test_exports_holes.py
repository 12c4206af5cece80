"""What counts as missing in footage, and how much of it is a failure: pure."""

from collections.abc import Iterable

import pytest

from custom_components.nvr.media.exports.holes import Holes, IncompleteError, slack_of
from custom_components.nvr.media.ticks import RATE


def pictures(start: float, end: float, step: float = 0.04) -> list[float]:
    return [start + step * number for number in range(round((end - start) / step))]


def judge(length: float, moments: Iterable[float]) -> list[tuple[float, float]]:
    """Return what is told as missing of a stretch from 0 on, in seconds."""
    found = Holes(0, round(length * RATE))
    for moment in moments:
        found.add(round(moment * RATE))
    return [(round(start / RATE, 1), round(end / RATE, 1)) for start, end in found.finish()]


@pytest.mark.parametrize(("seconds", "slack"), [(2, 1), (10, 3), (60, 6), (120, 12), (3600, 15)])
def test_slack_is_a_tenth_within_bounds(seconds: int, slack: float) -> None:
    assert slack_of(seconds * RATE) == slack * RATE


@pytest.mark.parametrize("step", [0.04, 1.0, 5.0, 30.0])
def test_footage_without_a_hole_lacks_nothing_however_few_pictures_it_has(step: float) -> None:
    assert judge(3600, pictures(0, 3600, step)) == []


@pytest.mark.parametrize(
    ("length", "moments", "missing"),
    [
        (60, [*pictures(0, 20), *pictures(25, 60)], [(20.0, 25.0)]),
        (60, pictures(4, 60), [(0.0, 4.0)]),
        (60, pictures(0, 56), [(56.0, 60.0)]),
        (3600, [*pictures(0, 1000), *pictures(1014, 3590)], [(1000.0, 1014.0), (3590.0, 3600.0)]),
    ],
)
def test_a_little_is_told(length: float, moments: list[float], missing: list[tuple[float, float]]) -> None:
    assert judge(length, moments) == missing


@pytest.mark.parametrize(
    ("length", "moments"),
    [
        (60, [*pictures(0, 20), *pictures(40, 60)]),
        (3600, [*pictures(0, 1000), *pictures(1016, 3600)]),
        (3600, pictures(16, 3600)),
        (3600, pictures(0, 3580)),
        (10, pictures(0, 5)),
        (10, []),
        # Every ten seconds the recorder loses eight of them.
        (600, [moment for begin in range(0, 600, 10) for moment in pictures(begin, begin + 2)]),
    ],
    ids=["middle", "middle of an hour", "beginning", "end", "half", "nothing", "again and again"],
)
def test_more_is_a_failure_wherever_it_is(length: float, moments: list[float]) -> None:
    with pytest.raises(IncompleteError):
        judge(length, moments)
