"""Exact cover: whatever comes, a segment lasts from its start to its end."""

from itertools import pairwise

from hypothesis import given, strategies as st
import pytest

from custom_components.nvr.media.cover import Sample, cover, find_cut, head_of
from custom_components.nvr.media.ticks import RATE

STEP = 3600


def frames(*times: int, keys: tuple[int, ...] = (0,)) -> list[Sample]:
    return [Sample(time, index in keys, bytes([index % 256])) for index, time in enumerate(times)]


def test_cover_plain_segment_keeps_times() -> None:
    body = frames(1000, 4600, 8200)
    found = cover([], body, 1000, 11_800, 1000)
    assert [(s.dts, s.duration, s.offset) for s in found] == [(0, 3600, 0), (3600, 3600, 0), (7200, 3600, 0)]


def test_cover_first_frame_late_is_shown_early_and_the_last_is_stretched() -> None:
    found = cover([], frames(5000, 8600), 1000, 200_000, 0)
    assert [(s.dts, s.duration) for s in found] == [(1000, 7600), (8600, 191_400)]


def test_cover_head_ends_where_the_segment_begins() -> None:
    found = cover(frames(10, 20, 30), frames(1000, 4600, keys=()), 1000, 8200, 0)
    assert [(s.dts, s.duration, s.key) for s in found] == [
        (997, 1, True), (998, 1, False), (999, 1, False), (1000, 3600, False), (4600, 3600, False),
    ]  # fmt: skip


def test_cover_head_at_the_origin_is_clamped() -> None:
    found = cover(frames(10, 20), frames(1000, 4600, keys=()), 1000, 8200, 1000)
    assert [(s.dts, s.duration) for s in found] == [(0, 1), (1, 1), (2, 3598), (3600, 3600)]


def test_cover_without_a_body_shows_the_last_frame() -> None:
    found = cover(frames(10, 20), [], 1000, 8200, 0)
    assert [(s.dts, s.duration) for s in found] == [(999, 1), (1000, 7200)]
    assert cover([], frames(77), 1000, 8200, 0)[0].duration == 7200


def test_cover_of_nothing_is_an_error() -> None:
    with pytest.raises(ValueError, match="at least one"):
        cover([], [], 0, 10, 0)


def test_cover_reordered_frames_decode_before_they_are_shown() -> None:
    # I0 P3 B1 B2 P6 B4 B5
    order = [0, 3, 1, 2, 6, 4, 5]
    found = cover([], frames(*(index * STEP for index in order)), 0, 7 * STEP, 0)
    assert [(s.dts + s.offset) for s in found] == [index * STEP for index in order]
    assert all(a.dts < b.dts for a, b in pairwise(found))
    assert sum(s.duration for s in found) == 7 * STEP


@given(
    st.lists(st.integers(-5000, 600_000), min_size=1, max_size=60),
    st.lists(st.integers(-900_000, 0), max_size=30),
    st.integers(0, 100_000),
)
def test_cover_is_exact_for_any_times(times: list[int], before: list[int], start: int) -> None:
    end = start + 540_000
    found = cover(frames(*before), frames(*times), start, end, 0)
    assert found[0].dts == max(0, start - len(before))
    assert all(s.duration > 0 and s.offset >= 0 for s in found)
    assert all(a.dts + a.duration == b.dts for a, b in pairwise(found))
    assert found[-1].dts + found[-1].duration == end
    assert len(found) == len(times) + len(before)


def test_cut_in_order() -> None:
    samples = frames(0, 10, 20, 30)
    assert find_cut(samples, 0, 20, reordered=False) == 2
    assert find_cut(samples, 0, 15, reordered=False) == 2
    assert find_cut(samples, 3, 10, reordered=False) == 3
    assert find_cut(samples, 0, 31, reordered=False) is None
    assert find_cut(samples, 0, 31, reordered=False, complete=True) == 4


def test_cut_of_reordered_frames_waits_and_never_splits_a_pair() -> None:
    order = [0, 3, 1, 2, 6, 4, 5, 9, 7, 8, 12, 10, 11, 15, 13, 14]
    samples = frames(*(index * 10 for index in order))
    # 20 lies between B1 and B2, which are decoded after P3: the cut comes before P6, whose frames are all later.
    assert find_cut(samples, 0, 20, reordered=True) == 4
    assert find_cut(samples, 0, 40, reordered=True) == 4
    assert find_cut(samples, 0, 41, reordered=True) == 7
    assert find_cut(samples[:9], 0, 41, reordered=True) is None
    assert find_cut(samples[:9], 0, 41, reordered=True, complete=True) == 7
    assert find_cut(samples, 4, 0, reordered=True) == 4
    assert find_cut(samples, 0, 500, reordered=True, complete=True) == len(samples)
    assert find_cut([], 0, 5, reordered=True) is None


def test_head_begins_at_the_last_key_frame() -> None:
    samples = frames(0, 1, 2, 3, 4, keys=(0, 3))
    assert head_of(samples, 5) == 3
    assert head_of(samples, 3) == 0
    assert head_of(samples, 0) is None
    assert RATE == 90_000
