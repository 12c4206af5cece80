"""The reader of footage over a source that follows a script."""

import asyncio
import contextlib

import pytest

from custom_components.nvr.core.errors import (
    NvrNotFoundError,
    NvrResponseError,
    NvrTimeoutError,
    NvrUnreachableError,
    NvrUnsupportedError,
)
from custom_components.nvr.core.models import VideoCodec
from custom_components.nvr.media import footage
from custom_components.nvr.media.audio import AudioFormat, AudioUnit
from custom_components.nvr.media.cover import Sample
from custom_components.nvr.media.footage import FootageReader
from custom_components.nvr.media.h264 import ParameterSets
from custom_components.nvr.media.rtsp.wallclock import WallClock
from custom_components.nvr.media.ticks import RATE

STEP = 7200


class Script:
    """Gives out reads one by one; an exception in the list is raised, a number moves the clock of the reader."""

    codec: VideoCodec = VideoCodec.H264
    sets: ParameterSets | None = None
    audio: AudioFormat | None = None

    def __init__(self, *reads: list[Sample] | Exception | float) -> None:
        self.clock = WallClock(0, 10**9)
        self.correction = 0
        self.heard: list[AudioUnit] = []
        self.audio_shift = 0
        self.now = 0.0
        self.silences: list[float | None] = []
        self._reads = list(reads)

    def monotonic(self) -> float:
        return self.now

    async def read(self, silence: float | None = None) -> list[Sample]:
        self.silences.append(silence)
        while self._reads and isinstance(self._reads[0], float):
            self.now += self._reads.pop(0)  # type: ignore[operator]
        found = self._reads.pop(0) if self._reads else []
        if isinstance(found, Exception):
            raise found
        assert isinstance(found, list)
        return found

    def take_audio(self) -> tuple[int, list[AudioUnit]]:
        heard, self.heard = self.heard, []
        shift, self.audio_shift = self.audio_shift, 0
        return shift, heard

    async def close(self) -> None:
        """Nothing is open."""


def run(first: int, count: int, gop: int = 25) -> list[Sample]:
    return [Sample((first + i) * STEP, (first + i) % gop == 0, b"x") for i in range(count)]


def reader(script: Script, asked: int = 0) -> FootageReader:
    return FootageReader(script, asked, script.monotonic)


def times(samples: list[Sample]) -> list[int]:
    return [sample.time // STEP for sample in samples]


async def test_reader_gives_segments_that_follow_and_forgets_what_is_behind() -> None:
    script = Script(run(0, 100))
    found = reader(script)
    await found.read_until(30 * STEP, 10**9)
    assert found.take(0, 30 * STEP, follows=False) == ([], run(0, 30))
    assert found.follows(30 * STEP)
    head, body = found.take(30 * STEP, 60 * STEP, follows=True)
    assert (head, times(body)) == ([], list(range(30, 60)))
    assert found.first_time == 50 * STEP == found.floor
    head, body = found.take(70 * STEP, 80 * STEP, follows=False)
    assert (times(head), times(body)) == (list(range(50, 70)), list(range(70, 80)))


async def test_reader_head_begins_at_the_key_frame_unless_the_body_is_one() -> None:
    found = reader(Script(run(0, 100)))
    await found.read_more()
    assert times(found.take(55 * STEP, 60 * STEP, follows=False)[0]) == [50, 51, 52, 53, 54]
    assert found.take(75 * STEP, 80 * STEP, follows=False)[0] == []


async def test_reader_hole_shows_the_frames_before_it_again() -> None:
    found = reader(Script(run(0, 40) + run(100, 5)))
    await found.read_more()
    found.take(0, 40 * STEP, follows=False)
    head, body = found.take(40 * STEP, 50 * STEP, follows=True)
    assert (times(head), body) == (list(range(25, 40)), [])
    assert found.follows(50 * STEP)


async def test_reader_without_a_frame_in_reach_breaks_the_seam() -> None:
    found = reader(Script(run(100, 5)))
    await found.read_more()
    assert found.take(0, 50 * STEP, follows=False) == ([], [])
    assert not found.follows(50 * STEP)


async def test_reader_correction_moves_frames_and_breaks_only_large_seams() -> None:
    script = Script(run(0, 40), run(40, 40), run(90, 1))
    found = reader(script)
    await found.read_more()
    found.take(0, 20 * STEP, follows=False)
    script.correction = 10
    await found.read_more()
    assert found.samples[0].time == 10
    assert found.follows(20 * STEP)
    script.correction = 10 * STEP
    await found.read_more()
    assert not found.follows(20 * STEP)
    assert script.correction == 0


async def test_reader_clock_set_back_does_not_look_like_reordering() -> None:
    script = Script(run(0, 40), run(10, 3), run(200, 1))
    found = reader(script)
    await found.read_more()
    script.clock.generation += 1
    await found.read_more()
    assert [sample.time for sample in found.samples[-3:]] == [39 * STEP + 1, 39 * STEP + 2, 39 * STEP + 3]
    await found.read_until(100 * STEP, 10**9)
    assert len(found.take(0, 100 * STEP, follows=False)[1]) == 43


async def test_reader_reordered_frames_wait_for_a_clean_cut() -> None:
    order = [0, 3, 1, 2, 6, 4, 5, 9, 7, 8, 12, 10, 11, 15, 13, 14]
    script = Script(*([Sample(index * STEP, index == 0, b"x")] for index in order))
    found = reader(script)
    await found.read_until(5 * STEP, 10**9)
    assert len(found.samples) == 15
    assert times(found.take(0, 5 * STEP, follows=False)[1]) == [0, 3, 1, 2, 6, 4, 5]


@pytest.mark.parametrize("error", [NvrTimeoutError("silent"), NvrUnreachableError("closed")])
async def test_reader_end_near_the_last_recorded_moment_is_no_failure(error: Exception) -> None:
    script = Script(run(0, 40), error)
    found = reader(script)
    await found.read_until(50 * STEP, 50 * STEP)
    assert found.ended
    assert script.silences == [None, 2.0]
    with pytest.raises(type(error)):
        await reader(Script(run(0, 40), error)).read_until(500 * STEP, 5000 * STEP)


async def test_reader_too_much_without_a_cut_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(footage, "_MAX_BYTES", 30)
    found = reader(Script(run(0, 20), run(20, 20)))
    await found.read_more()
    with pytest.raises(NvrResponseError):
        await found.read_more()


async def test_reader_seek_ahead_in_4k_keeps_the_last_group_of_pictures_only() -> None:
    # 16 Mbit/s: forty seconds are 80 MB, more than a reader may hold.
    picture = bytes(16_000_000 // 8 * STEP // RATE)
    script = Script(*([Sample(i * STEP, i % 25 == 0, picture)] for i in range(600)))
    found = reader(script)
    await found.read_until(30 * STEP, 10**9, 0)
    found.take(0, 30 * STEP, follows=False)
    await found.read_until(590 * STEP, 10**9, 515 * STEP)
    assert found.first_time == found.floor == 500 * STEP
    assert not found.follows(30 * STEP)
    head, body = found.take(515 * STEP, 590 * STEP, follows=False)
    assert (times(head), times(body)) == (list(range(500, 515)), list(range(515, 590)))
    assert found.follows(590 * STEP)


async def test_reader_that_only_goes_on_loses_no_frame() -> None:
    script = Script(*([sample] for sample in run(0, 200)))
    found = reader(script)
    shown: list[int] = []
    for start in (0, 40, 75, 110):
        end = {0: 40, 40: 75, 75: 110, 110: 150}[start]
        await found.read_until(end * STEP, 10**9, start * STEP)
        assert start == 0 or found.follows(start * STEP)
        shown += times(found.take(start * STEP, end * STEP, follows=start > 0)[1])
    assert shown == list(range(150))


@pytest.mark.parametrize(
    ("reads", "real_time"),
    [
        ((run(0, 1), 0.05, run(1, 100)), False),
        ((run(0, 1), 0.4, run(1, 4), 0.4, run(5, 5)), True),
        ((run(0, 1), 0.8, run(1, 12)), True),
        ((run(0, 1), 2.0, run(1, 40)), True),
        ((run(0, 1), 0.8, run(1, 32)), False),
        ((run(0, 5), []), False),
    ],
    ids=["burst", "paced", "slow", "slow and long", "four times", "short"],
)
async def test_reader_measures_how_fast_the_recorder_is(
    reads: tuple[list[Sample] | float, ...], real_time: bool
) -> None:
    assert await reader(Script(*reads)).measure() is real_time


async def test_reader_head_delivered_at_once_does_not_count_as_speed() -> None:
    # Ten seconds before the asked moment come in a burst, then it is real time.
    script = Script(run(0, 125), 0.35, run(125, 4), 0.4, run(129, 5))
    assert await reader(script, asked=10 * RATE).measure() is True


async def test_reader_measuring_ends_also_when_nothing_more_comes() -> None:
    class Silent(Script):
        async def read(self, silence: float | None = None) -> list[Sample]:
            if self.silences:
                self.now += 0.8
                await asyncio.sleep(10)
            return await super().read(silence)

    assert await reader(Silent(run(0, 1))).measure(least=0.05) is True


async def test_reader_measuring_passes_failures_on() -> None:
    with pytest.raises(NvrTimeoutError):
        await reader(Script(run(0, 1), NvrTimeoutError("silent"))).measure()


def chained(script: Script, until: int, *following: Script | Exception) -> tuple[FootageReader, list[int]]:
    """Return a reader with what follows, and the list of the moments at which it asks for that."""
    asked: list[int] = []
    left = list(following)

    async def follow(moment: int) -> footage.Opened:
        asked.append(moment)
        found = left.pop(0)
        if isinstance(found, Exception):
            raise found
        return footage.Opened(found, until + 100 * STEP if left else None)

    return FootageReader(script, 0, script.monotonic, until=until, follow=follow), asked


@pytest.mark.parametrize("end", [[], NvrTimeoutError("silence"), NvrUnreachableError("hung up")])
async def test_reader_reads_on_where_a_file_ends_and_another_follows(end: list[Sample] | Exception) -> None:
    found, asked = chained(Script(run(0, 99), end), 100 * STEP, Script(run(100, 100), []), Script(run(200, 50)))
    await found.read_until(220 * STEP, 10**9)
    assert asked == [100 * STEP, 200 * STEP]
    assert times(found.take(0, 220 * STEP, follows=False)[1]) == [*range(99), *range(100, 220)]


async def test_reader_opens_nothing_behind_what_is_wanted_and_ends_where_nothing_follows() -> None:
    found, asked = chained(Script(run(0, 99), []), 100 * STEP, NvrNotFoundError("nothing"))
    await found.read_until(100 * STEP, 100 * STEP)
    assert (asked, found.ended) == ([], True)
    await found.read_until(150 * STEP, 10**9)
    assert (asked, found.ended) == ([100 * STEP], True)
    await found.read_until(150 * STEP, 10**9)
    assert len(asked) == 1


async def test_reader_goes_on_where_it_was_refused_and_refuses_another_codec() -> None:
    other = Script(run(100, 50))
    other.codec = VideoCodec.H265
    found, asked = chained(Script(run(0, 99), []), 100 * STEP, NvrUnreachableError("away"), other)
    with pytest.raises(NvrUnreachableError):
        await found.read_until(150 * STEP, 10**9)
    with pytest.raises(NvrUnsupportedError):
        await found.read_until(150 * STEP, 10**9)
    assert asked == [100 * STEP] * 2


async def test_reader_corrects_the_clock_of_one_file_only_and_bears_an_overlap() -> None:
    second = Script(run(98, 50, gop=49), run(148, 10))
    found, _ = chained(Script(run(0, 100), []), 100 * STEP, second)
    await found.read_until(101 * STEP, 10**9)
    before = [sample.time for sample in found.samples[:100]]
    second.correction = STEP
    await found.read_more()
    assert [sample.time for sample in found.samples[:100]] == before
    assert found.samples[100].time > before[-1]
    assert not found._reordered


async def test_reader_begins_in_the_last_moment_of_a_file() -> None:
    second = Script(run(100, 100))
    found, asked = chained(Script([]), 10 * STEP, second)
    assert await found.measure() is False
    assert (asked, found.first_time) == ([10 * STEP], 100 * STEP)


class Sounding(Script):
    """A source that is heard too: `lag` frames behind its pictures, up to `until`."""

    audio = AudioFormat("pcm_alaw", 8000, 1, 8)

    def __init__(self, *reads: list[Sample] | Exception | float, lag: int = 0, until: int = 10**9) -> None:
        super().__init__(*reads)
        self._lag = lag
        self._until = until

    async def read(self, silence: float | None = None) -> list[Sample]:
        fresh = await super().read(silence)
        times_heard = (sample.time - self._lag * STEP for sample in fresh)
        # 80 ms, as long as a frame.
        self.heard += [AudioUnit(time, bytes(640)) for time in times_heard if 0 <= time < self._until]
        return fresh


async def test_reader_waits_for_the_sound_of_a_segment() -> None:
    script = Sounding(*([sample] for sample in run(0, 100)), lag=10)
    found = reader(script)
    await found.read_until(30 * STEP, 10**9)
    assert found.audio is not None
    assert found.audio.position is not None
    assert 30 * STEP + footage.AUDIO_AHEAD <= found.audio.position <= 30 * STEP + footage.AUDIO_AHEAD + STEP
    assert times(found.samples)[-1] == 30 + 4 + 9  # 0.3 s are more than three frames


@pytest.mark.parametrize("until", [0, 10 * STEP])
async def test_reader_does_not_wait_for_sound_that_never_comes(until: int) -> None:
    script = Sounding(*([sample] for sample in run(0, 200)), until=until)
    found = reader(script)
    await found.read_until(12 * STEP, 10**9)
    assert times(found.samples)[-1] == until // STEP + 26  # two seconds behind the last that was heard
    found.take(0, 12 * STEP, follows=False)
    await found.read_until(60 * STEP, 10**9)
    assert times(found.samples)[-1] == 60


async def test_reader_forgets_sound_with_the_pictures_and_moves_it_with_its_clock() -> None:
    script = Sounding(run(0, 100), run(100, 1))
    found = reader(script)
    await found.read_until(60 * STEP, 10**9)
    assert found.audio is not None
    found.take(0, 60 * STEP, follows=False)
    # The last key frame given out is the fiftieth, and a second before it is kept.
    assert found.audio.units[0].time == 50 * STEP - RATE + (-(50 * STEP - RATE) % STEP)
    before = found.audio.units[-1].time
    script.audio_shift = 50
    await found.read_more()
    assert found.audio.units[-2].time == before + 50


def units_of(found: FootageReader) -> list[tuple[str, list[int]]]:
    return [(source.decoder, [unit.time // STEP for unit in units]) for source, units in found.heard(0, 10**9)]


async def test_reader_hears_on_where_another_file_follows_and_corrects_that_one_only() -> None:
    second = Sounding(run(98, 50, gop=49), run(148, 10))
    found, _ = chained(Sounding(run(0, 100), []), 100 * STEP, second)
    await found.read_until(101 * STEP, 10**9)
    # The files overlap by two frames, which are heard once.
    assert units_of(found) == [("pcm_alaw", [*range(148)])]
    second.audio_shift = 2 * STEP
    await found.read_more()
    moved = [number + 2 for number in range(98, 148)]
    assert units_of(found) == [("pcm_alaw", sorted([*range(100), *moved, *range(148, 158)]))]


async def test_reader_hears_what_a_session_left_that_hung_up() -> None:
    first = Sounding(run(0, 99), NvrUnreachableError("hung up"))
    found, _ = chained(first, 100 * STEP, Sounding(run(100, 60)))
    await found.read_until(90 * STEP, 10**9)
    first.heard.append(AudioUnit(99 * STEP, bytes(640)))
    await found.read_until(140 * STEP, 10**9)
    assert units_of(found) == [("pcm_alaw", [*range(160)])]


async def test_reader_keeps_formats_apart_and_forgets_the_old_one_with_its_pictures() -> None:
    silent, other = Script(run(100, 100), []), Sounding(run(200, 100), run(300, 100))
    other.audio = AudioFormat("pcm_mulaw", 8000, 1, 8)
    found, _ = chained(Sounding(run(0, 100), []), 100 * STEP, silent, other)
    await found.read_until(220 * STEP, 10**9)
    assert units_of(found) == [("pcm_alaw", [*range(100)]), ("pcm_mulaw", [*range(200, 300)])]
    found.take(0, 220 * STEP, follows=False)
    assert [decoder for decoder, _ in units_of(found)] == ["pcm_mulaw"]


async def test_reader_begins_to_hear_where_a_silent_file_ends() -> None:
    found, _ = chained(Script(run(0, 100), []), 100 * STEP, Sounding(run(100, 100)))
    await found.read_until(120 * STEP, 10**9)
    assert units_of(found) == [("pcm_alaw", [*range(100, 200)])]


async def test_reader_opens_what_follows_for_the_last_of_the_sound_and_does_without_when_it_fails() -> None:
    away = NvrUnreachableError("away")
    found, asked = chained(Sounding(run(0, 100), []), 100 * STEP, away, away, Sounding(run(100, 60)))
    await found.read_until(98 * STEP, 10**9)
    assert (asked, found.ended) == ([100 * STEP], True)
    with pytest.raises(NvrUnreachableError):
        await found.read_until(120 * STEP, 10**9)
    await found.read_until(98 * STEP, 10**9)
    assert (len(asked), found.ended) == (3, False)


def ending_early(script: Script, until: int, *following: tuple[Script, int | None]) -> tuple[FootageReader, list[int]]:
    """As `chained`, with the end of each file that follows."""
    asked: list[int] = []
    left = list(following)

    async def follow(moment: int) -> footage.Opened:
        asked.append(moment)
        return footage.Opened(*left.pop(0))

    return FootageReader(script, 0, script.monotonic, until=until, follow=follow), asked


@pytest.mark.parametrize("is_last", [False, True])
async def test_reader_goes_on_within_a_file_that_ended_early(is_last: bool) -> None:
    rest, border = (Script(run(25, 125)), 150 * STEP) if is_last else (Script(run(25, 75), []), 100 * STEP)
    found, asked = ending_early(Script(run(0, 40), []), border, (rest, border), (Script(run(100, 80)), None))
    await found.read_until(149 * STEP, 150 * STEP)
    assert asked == ([39 * STEP] if is_last else [39 * STEP, 100 * STEP])
    # The session begins with a key frame: what was had already is over at once, and no frame is missing.
    shown = [sample.time for sample in found.take(0, 149 * STEP, follows=False)[1]]
    assert shown[:40] == [number * STEP for number in range(40)]
    assert shown[40:55] == [39 * STEP + 1 + number for number in range(15)]
    assert shown[55:] == [number * STEP for number in range(40, 149)]


async def test_reader_goes_on_within_a_file_as_long_as_that_brings_footage() -> None:
    parts = [(Script(run(first, 90), []), 400 * STEP) for first in (75, 150, 225)]
    found, asked = ending_early(Script(run(0, 90), []), 400 * STEP, *parts, (Script(run(300, 100)), 400 * STEP))
    await found.read_until(390 * STEP, 10**9, 380 * STEP)
    assert asked == [89 * STEP, 164 * STEP, 239 * STEP, 314 * STEP]


async def test_reader_tells_of_a_file_that_ends_early_again() -> None:
    found, asked = ending_early(Script(run(0, 40), []), 400 * STEP, (Script(run(25, 16), []), 400 * STEP))
    for _ in range(2):
        with pytest.raises(NvrResponseError, match="before the end"):
            await found.read_until(300 * STEP, 10**9)
    assert asked == [39 * STEP]
    # One that brings nothing at all is no better.
    found, asked = ending_early(Script([]), 400 * STEP, (Script([]), 400 * STEP))
    with pytest.raises(NvrResponseError, match="before the end"):
        await found.read_until(300 * STEP, 10**9)
    assert asked == [0]


@pytest.mark.parametrize(("listed", "is_told"), [(400, True), (100, False)])
async def test_reader_tells_of_a_file_whose_rest_is_nowhere(listed: int, is_told: bool) -> None:
    asked: list[int] = []

    async def follow(moment: int) -> footage.Opened:
        asked.append(moment)
        raise NvrNotFoundError("nothing there")

    script = Script(run(0, 40), [])
    found = FootageReader(script, 0, script.monotonic, until=listed * STEP, follow=follow)
    with pytest.raises(NvrResponseError, match="before the end") if is_told else contextlib.nullcontext():
        await found.read_until((listed - 1) * STEP, 10**9)
    # What is left of it is the footage up to there, and its end.
    assert (asked, found.ended, len(found.samples)) == ([39 * STEP], True, 40)


async def test_reader_believes_two_sessions_that_a_file_ends_a_little_before_its_listed_end() -> None:
    again = Script(run(50, 10), []), 100 * STEP
    found, asked = ending_early(Script(run(0, 60), []), 100 * STEP, again, (Script(run(100, 90)), None))
    await found.read_until(150 * STEP, 10**9)
    assert asked == [59 * STEP, 100 * STEP]
    again = Script(run(50, 10), []), 100 * STEP
    found, asked = ending_early(Script(run(0, 60), []), 100 * STEP, again)
    await found.read_until(99 * STEP, 100 * STEP)
    assert asked == [59 * STEP]
    assert found.ended
