"""Sound on its grid, and the buffer of what was heard."""

from hypothesis import given, strategies as st
import pytest

from custom_components.nvr.media.aac import FRAME, make_config
from custom_components.nvr.media.audio import AudioBuffer, AudioFormat, AudioGrid, AudioUnit, frames_of, lay_samples
from custom_components.nvr.media.ticks import RATE

ALAW = AudioFormat("pcm_alaw", 8000, 1, 8)
AAC = AudioFormat("aac", 16_000, config=make_config(16_000, 1))
ORIGIN = 1_763_600_000 * RATE + 12_345


def test_units_last_as_long_as_they_sound() -> None:
    assert ALAW.ticks_of(bytes(320)) == 3600
    assert AudioFormat("pcm_s16le", 48_000, 2, 16).ticks_of(bytes(1920)) == 900
    assert AudioFormat("g726le", 8000, 1, 4).ticks_of(bytes(160)) == 3600
    assert AAC.ticks_of(b"anything") == 5760


def test_buffer_keeps_gives_moves_and_forgets() -> None:
    buffer = AudioBuffer(ALAW)
    assert (buffer.position, buffer.between(0, 10**9)) == (None, [])
    buffer.drop_before(5)
    buffer.shift(9)
    buffer.add([AudioUnit(7200, bytes(320)), AudioUnit(3600, bytes(320))])
    assert buffer.position == 10_800
    buffer.add([])
    assert [unit.time for unit in buffer.between(3600, 7201)] == [3600, 7200]
    assert [unit.time for unit in buffer.between(3601, 7200)] == []
    buffer.shift(100)
    assert (buffer.position, [unit.time for unit in buffer.units]) == (10_900, [7300, 3700])
    buffer.drop_before(7300)
    buffer.drop_before(7301)
    assert buffer.units == []
    buffer.add([AudioUnit(10, bytes(80))])
    assert buffer.position == 10_900


def test_buffer_goes_on_with_another_session_that_is_dated_apart() -> None:
    buffer = AudioBuffer(ALAW)
    buffer.add(AudioUnit(number * 3600, bytes(320)) for number in range(4))
    buffer.go_on()
    # The first one was heard already, the second to less than a half.
    buffer.add(AudioUnit(time, b"\1" * 320) for time in (11_000, 13_000, 16_600))
    assert [unit.time for unit in buffer.between(0, 10**9)] == [0, 3600, 7200, 10_800, 13_000, 16_600]
    assert buffer.position == 20_200
    buffer.shift(2000)
    assert [unit.time for unit in buffer.between(0, 10**9)] == [0, 3600, 7200, 10_800, 13_000, 15_000, 18_600]
    assert buffer.position == 22_200
    buffer.shift(-10_000)
    assert buffer.position == 14_400
    buffer.shift(8000)
    buffer.drop_before(7200)
    buffer.go_on()
    buffer.shift(50)
    assert [unit.time for unit in buffer.units] == [7200, 10_800, 13_000, 16_600]
    assert AudioBuffer(ALAW, 5).position == 5


@given(
    rate=st.sampled_from([8000, 16_000, 44_100, 48_000]),
    phase=st.integers(0, FRAME - 1),
    lengths=st.lists(st.integers(1, 40 * RATE), min_size=1, max_size=12),
)
def test_grid_gives_each_frame_to_the_segment_it_begins_in(rate: int, phase: int, lengths: list[int]) -> None:
    grid = AudioGrid(rate, ORIGIN, phase)
    start, expected = ORIGIN, 0
    for length in lengths:
        slots = grid.slots(start, start + length)
        assert slots.start == expected
        for slot in slots[:1], slots[-1:]:
            for number in slot:
                assert start <= ORIGIN + grid.begin(number) * RATE / rate < start + length
        start, expected = start + length, max(slots.stop, slots.start)
    # The last frame that begins before the end is there: the next one begins behind it.
    assert ORIGIN + grid.begin(expected) * RATE >= start - RATE
    assert grid.begin(expected) * RATE >= (start - ORIGIN) * rate


@pytest.mark.parametrize("offset", [0, 1, 5759, 5760, 90_000, -90_000, 123_456])
def test_grid_through_a_moment_has_a_frame_there(offset: int) -> None:
    grid = AudioGrid.through(16_000, ORIGIN, ORIGIN + offset)
    assert 0 <= grid.phase < FRAME
    at = (grid.sample(ORIGIN + offset) - grid.phase) / FRAME
    assert at == pytest.approx(round(at), abs=0.001)


def units(*times: float) -> list[AudioUnit]:
    """Return frames that begin there, in frames behind the origin."""
    return [AudioUnit(ORIGIN + round(time * 5760), bytes([number])) for number, time in enumerate(times)]


def test_frames_stand_where_they_were_heard() -> None:
    grid = AudioGrid(16_000, ORIGIN)
    assert grid.arrange([]) == {}
    assert grid.arrange(units(-1, 0, 1, 5, 6)) == {-1: b"\0", 0: b"\1", 1: b"\2", 5: b"\3", 6: b"\4"}


def test_frames_that_tremble_stay_together_and_drift_is_caught_up() -> None:
    grid = AudioGrid(16_000, ORIGIN)
    assert list(grid.arrange(units(0.4, 1.55, 2.45, 3.6))) == [0, 1, 2, 3]
    # A camera's clock that is too slow: one frame of silence in between, in the end.
    assert list(grid.arrange(units(0, 1.3, 2.6, 3.95, 5.2))) == [0, 1, 2, 4, 5]
    # Too fast: two frames for one place, and the first of them stays.
    assert grid.arrange(units(0, 0.5, 1.0, 2.1)) == {0: b"\0", 1: b"\1", 2: b"\3"}


def test_two_frames_for_one_place_leave_the_first() -> None:
    grid = AudioGrid(16_000, ORIGIN)
    assert grid.arrange(units(0, 1, 0)) == {0: b"\0", 1: b"\1"}


def test_samples_are_laid_with_silence_between() -> None:
    pieces = [(-2, b"aabb"), (3, b"cc"), (600, b"dd"), (604, b"ee"), (998, b"ffgghh")]
    data = lay_samples(pieces, 0, 1000, 2, 100)
    assert data[:10] == b"\0\0\0\0\0\0cc\0\0"
    # Joined where less than 20 ms are missing, and only there.
    assert data[1200:1210] == b"dd\0\0\0\0\0\0ee"
    assert data[-4:] == b"ffgg"
    assert len(data) == 2000
    assert lay_samples([(0, b"aa"), (2, b"bb"), (2, b"cc")], 0, 4, 2, 100) == b"aabbcc\0\0"
    assert lay_samples([(0, b"abcdef")], 2, 2, 2, 8000) == b"ef\0\0"
    assert lay_samples([(50, b"aa"), (10, b"bb")], 0, 2, 2, 8000) == bytes(4)


def test_missing_frames_are_silence() -> None:
    assert frames_of(range(3), {1: b"x"}, b"-") == [b"-", b"x", b"-"]
