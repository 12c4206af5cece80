"""Fragments of a run: where they are cut, and times that no player stumbles over."""

from collections.abc import Iterable, Sequence
import itertools

from custom_components.nvr.media.cover import Sample
from custom_components.nvr.media.fmp4 import TrackSample
from custom_components.nvr.media.streaming.fragmenter import Fragment, Fragmenter, MediaTime
from custom_components.nvr.media.ticks import RATE
from tests.contract.media.rig import Run, parse_runs

EPOCH = 1_795_000_000 * RATE
STEP = RATE // 25


def frames(times: Iterable[int], key_every: int = 50) -> list[Sample]:
    return [Sample(EPOCH + time, index % key_every == 0, b"x" * (index + 1)) for index, time in enumerate(times)]


def push(fragmenter: Fragmenter, samples: Sequence[Sample]) -> list[Fragment]:
    return [fragment for sample in samples for fragment in fragmenter.push(sample)] + fragmenter.flush()


def runs(fragments: Sequence[Fragment]) -> list[Run]:
    return [parse_runs(fragment.data)[1] for fragment in fragments]


def shown(fragments: Sequence[Fragment]) -> list[int]:
    """Return when each frame is shown, in media ticks."""
    found = []
    for run in runs(fragments):
        at = run.start
        for duration, _, _, offset in run.samples:
            found.append(at + offset)
            at += duration
    return found


def decoded(fragments: Sequence[Fragment]) -> list[tuple[int, int]]:
    """Return decode time and said length of each frame."""
    found = []
    for run in runs(fragments):
        at = run.start
        for duration, *_ in run.samples:
            found.append((at, duration))
            at += duration
    return found


def accepts(fragments: Sequence[Fragment]) -> None:
    """See that a player drops nothing: decode times grow, by less than twice the length before, unless a key comes."""
    keys = [key for run in runs(fragments) for _, _, key, _ in run.samples]
    for ((before, length), (after, _)), key in zip(itertools.pairwise(decoded(fragments)), keys[1:], strict=True):
        assert after > before
        assert key or after - before <= 2 * length, (before, length, after)


def test_each_frame_stands_alone_for_a_second_then_some_are_together() -> None:
    fragments = push(Fragmenter(MediaTime(EPOCH)), frames(range(0, 3 * RATE, STEP)))
    sizes = [len(run.samples) for run in runs(fragments)]
    assert sizes[:25] == [1] * 25
    assert set(sizes[26:-1]) <= {1, 2, 3}
    assert sizes[26:].count(3) > 10
    assert all(fragment.duration <= 2 * RATE // 10 for fragment in fragments)
    assert shown(fragments) == list(range(0, 3 * RATE, STEP))
    accepts(fragments)


def test_key_frame_begins_a_fragment() -> None:
    fragments = push(Fragmenter(MediaTime(EPOCH)), frames(range(0, 4 * RATE, STEP), key_every=31))
    for fragment, run in zip(fragments, runs(fragments), strict=True):
        assert fragment.key == run.samples[0][2]
        assert not any(key for _, _, key, _ in run.samples[1:])
    assert [fragment.moment - EPOCH for fragment in fragments if fragment.key] == [0, 31 * STEP, 62 * STEP, 93 * STEP]


def test_frames_that_come_at_odd_times_are_shown_then_and_never_dropped() -> None:
    times, at = [0], 0
    for step in itertools.islice(itertools.cycle((STEP, STEP, 4 * STEP, STEP // 3, 9 * STEP)), 120):
        at += step
        times.append(at)
    fragments = push(Fragmenter(MediaTime(EPOCH)), frames(times, key_every=1000))
    assert shown(fragments) == times
    accepts(fragments)


def test_a_hole_before_a_key_frame_stays_one() -> None:
    times = [*range(0, RATE, STEP), *range(60 * RATE, 61 * RATE, STEP)]
    fragments = push(Fragmenter(MediaTime(EPOCH)), frames(times, key_every=25))
    assert shown(fragments) == times
    assert decoded(fragments)[25][0] == 60 * RATE


def test_frames_out_of_order_are_shown_in_order_and_decoded_as_they_come() -> None:
    order = [0, 3, 1, 2, 6, 4, 5, 9, 7, 8, 12, 10, 11, 15, 13, 14]
    times = [index * STEP for index in order]
    fragments = push(Fragmenter(MediaTime(EPOCH)), frames(times))
    assert shown(fragments) == times
    decode = [at for at, _ in decoded(fragments)]
    assert decode == sorted(set(decode))


def test_fast_time_is_squeezed_and_backwards_it_runs_on() -> None:
    fast = MediaTime(EPOCH, EPOCH + 100 * RATE, 16.0)
    assert fast.of(EPOCH + 100 * RATE) == 100 * RATE
    assert fast.of(EPOCH + 132 * RATE) == 102 * RATE
    back = MediaTime(EPOCH, EPOCH + 100 * RATE, -2.0)
    assert back.of(EPOCH + 96 * RATE) == 102 * RATE


class Beeps:
    """Gives one frame of sound with each fragment."""

    def take(self, end: int) -> Sequence[TrackSample]:
        return [TrackSample(end, 1024, True, b"beep")]


def test_sound_travels_with_the_pictures() -> None:
    fragments = push(Fragmenter(MediaTime(EPOCH), Beeps()), frames([0, STEP]))
    assert [parse_runs(fragment.data)[2].start for fragment in fragments] == [STEP, 2 * STEP]
