"""Exports of a simulated recorder's footage: to the frame, with its sound, whatever happens on the way."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
import itertools
import os
from pathlib import Path
import struct

import av
import pytest

from custom_components.nvr.core.models import StreamRole, TimeSpan
from custom_components.nvr.media.exports import holes, reading
from custom_components.nvr.media.exports.export import Exported, ExportFootage, export_film, parts_of
from custom_components.nvr.media.pool import WorkPool
from custom_components.nvr.media.sources.choice import SourceMemory
from custom_components.nvr.media.ticks import RATE, from_datetime
from tests.simulators.rtsp.options import RtspFaults, RtspOptions
from tests.simulators.video.profile import AudioProfile, SizeChange, VideoProfile
from tests.simulators.video.timecode import read_timecode

from .rig import SMALL, START, Rig, box, boxes, late_tones, listen, rig

FRAME = 1 / 12.5
ODD = START + timedelta(seconds=13, milliseconds=370)
ALL = TimeSpan(START - timedelta(hours=1), START + timedelta(hours=2))
H265 = VideoProfile(codec="h265", width=320, height=240, fps=12.5, bit_rate=256_000)


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "_WAIT", 0.01)


async def make(recorder: Rig, path: Path, span: TimeSpan, listed: Sequence[TimeSpan] = (ALL,)) -> Exported:
    pool = WorkPool(1)
    footage = ExportFootage(recorder.source, recorder.guard, 1, span, StreamRole.MAIN)
    told: list[float] = []
    try:
        return await export_film(
            path,
            parts_of(span, listed),
            footage.opener_of(SourceMemory(), pool),
            pool,
            lambda covered, _: told.append(covered),
        )
    finally:
        assert told == sorted(told)
        await pool.aclose()


def shown(path: Path) -> list[tuple[float, float]]:
    """Return when each picture is shown and when it was recorded, in seconds since `START`; squeezed ones left out."""
    found = []
    with av.open(str(path)) as film:
        for frame in film.decode(video=0):
            code = read_timecode(frame.to_ndarray(format="gray").astype("uint8"))
            assert code is not None
            assert frame.time is not None
            found.append((frame.time, (code.time - START).total_seconds()))
    squeezed = [at for at, after in itertools.pairwise(found) if after[0] - at[0] < 0.002]
    return [picture for picture in found if picture not in squeezed]


def edits(path: Path) -> list[tuple[int, int]]:
    """Return what each track's edit list shows: from which media time, and for how many 90 kHz ticks."""
    moov = next(body for kind, body in boxes(path.read_bytes()) if kind == "moov")
    found = []
    for kind, trak in boxes(moov):
        if kind == "trak":
            count, length, begin = struct.unpack_from(">IQq", box(trak, "edts/elst"), 4)
            assert count == 1
            found.append((begin, length))
    return found


@pytest.mark.parametrize("gop", [pytest.param(2.0, marks=pytest.mark.slow), 10.0])
@pytest.mark.parametrize("key_frame", ["before", "after"])
async def test_film_shows_the_span_to_the_frame(tmp_path: Path, gop: float, key_frame: str) -> None:
    path = tmp_path / "film.mp4"
    faults = RtspFaults(delivery=0, end="bye", key_frame=key_frame)  # type: ignore[arg-type]
    async with rig(gop=gop, faults=faults) as recorder:
        made = await make(recorder, path, TimeSpan(ODD, ODD + timedelta(seconds=21)))
        assert recorder.open_sessions == 0
        assert recorder.teardowns == recorder.opened_sessions
    assert (made.missing, made.film.length, made.film.size) == ((), 21.0, path.stat().st_size)
    assert [kind for kind, _ in boxes(path.read_bytes())] == ["ftyp", "moov", "free", "free", "mdat"]
    found = shown(path)
    begin = (ODD - START).total_seconds()
    assert 0 <= found[0][1] - begin <= FRAME
    assert -FRAME - 0.001 <= found[-1][1] - begin - 21 < 0
    assert max(abs(at + begin - recorded) for at, recorded in found) <= FRAME
    # Whoever reads no edit list is early by less than a picture lasts.
    (head, length), *_ = edits(path)
    assert (head / 90_000 < FRAME, length) == (True, 21 * 90_000)


@pytest.mark.parametrize(
    "sound",
    [AudioProfile("pcma"), pytest.param(AudioProfile("aac", 16_000), marks=pytest.mark.slow)],
    ids=lambda sound: str(sound.codec),
)
async def test_sound_stays_with_its_pictures_over_gaps(tmp_path: Path, sound: AudioProfile) -> None:
    path = tmp_path / "film.mp4"
    listed = [
        TimeSpan(START + timedelta(seconds=a), START + timedelta(seconds=b)) for a, b in ((0, 20), (33, 60), (71, 99))
    ]
    span = TimeSpan(START + timedelta(seconds=5.5), START + timedelta(seconds=90))
    async with rig(gop=2.0, profile=replace(SMALL, audio=sound), faults=RtspFaults(delivery=0)) as recorder:
        made = await make(recorder, path, span, listed)
    assert made.film.sound
    assert made.film.length == 14.5 + 27 + 19
    data = path.read_bytes()
    tones = listen(b"", data)
    for begin, end, moved in ((0.0, 14.5, 5.5), (14.5, 41.5, 18.5), (41.5, 60.5, 29.5)):
        inside = [tone for tone in tones if begin + 0.2 < tone.at < end - 0.4]
        late = late_tones(inside, START + timedelta(seconds=moved))
        assert len(inside) >= int(end - begin) - 1
        assert max(map(abs, late)) < 0.07, late
    pictures = shown(path)
    assert max(abs(at + 29.5 - recorded) for at, recorded in pictures if at > 41.6) <= FRAME


async def test_h265_and_sessions_that_break_again_and_again(tmp_path: Path) -> None:
    path = tmp_path / "film.mp4"
    faults = RtspFaults(delivery=0, end="bye", cut_after_packets=120)
    async with rig(gop=2.0, profile=H265, faults=faults) as recorder:
        made = await make(recorder, path, TimeSpan(ODD, ODD + timedelta(seconds=30)))
        assert recorder.opened_sessions >= 3
        assert recorder.open_sessions == 0
    assert made.film.codec.startswith("hvc1")
    recorded = [moment for _, moment in shown(path)]
    inside = sorted({round(moment, 3) for moment in recorded if moment >= (ODD - START).total_seconds()})
    assert max(after - before for before, after in itertools.pairwise(inside)) <= FRAME + 0.001
    assert len(inside) == pytest.approx(30 * 12.5, abs=1)


async def test_end_that_is_not_given_is_no_success(tmp_path: Path) -> None:
    async with rig(faults=RtspFaults(delivery=0, end="bye")) as recorder:
        recorder.footage.add_gap(1, START + timedelta(seconds=20), START + timedelta(hours=1))
        recorder.faults.gap = "stop"
        with pytest.raises(holes.IncompleteError):
            await make(recorder, tmp_path / "film.mp4", TimeSpan(START, START + timedelta(seconds=60)))
        assert recorder.open_sessions == 0
        # A list that names the end of a file a little late is no reason to lose the film; what is missing is told.
        for seconds in (22.5, 27):
            listed = [TimeSpan(START, START + timedelta(seconds=seconds))]
            span = TimeSpan(START, START + timedelta(seconds=60))
            if seconds > 25:
                with pytest.raises(holes.IncompleteError):
                    await make(recorder, tmp_path / "short.mp4", span, listed)
                continue
            made = await make(recorder, tmp_path / "other.mp4", span, listed)
            assert made.film.length == seconds
            assert [round(gap.duration.total_seconds(), 1) for gap in made.missing] == [pytest.approx(2.5, abs=0.2)]


@pytest.mark.parametrize(("hole", "fails"), [pytest.param(2.0, False, marks=pytest.mark.slow), (18.0, True)])
async def test_hole_in_the_middle_is_told_or_a_failure(tmp_path: Path, hole: float, *, fails: bool) -> None:
    # What is sent behind the hole is dated by the next report.
    options = RtspOptions(sr_seconds=0.01)
    async with rig(gop=1.0, faults=RtspFaults(delivery=0, end="bye"), options=options) as recorder:
        recorder.footage.add_gap(1, START + timedelta(seconds=20), START + timedelta(seconds=20 + hole))
        span = TimeSpan(START, START + timedelta(seconds=60))
        if fails:
            with pytest.raises(holes.IncompleteError):
                await make(recorder, tmp_path / "film.mp4", span)
        else:
            made = await make(recorder, tmp_path / "film.mp4", span)
            assert [round(gap.duration.total_seconds()) for gap in made.missing] == [2]
        assert recorder.open_sessions == 0


async def test_film_does_not_go_on_in_pictures_of_another_size(tmp_path: Path) -> None:
    grown = replace(SMALL, changes=(SizeChange(START + timedelta(seconds=20), 480, 272),))
    async with rig(gop=1.0, profile=grown, faults=RtspFaults(delivery=0, end="bye")) as recorder:
        with pytest.raises(reading.ChangedError) as told:
            await make(recorder, tmp_path / "film.mp4", TimeSpan(START, START + timedelta(seconds=60)))
        assert recorder.open_sessions == 0
        assert abs(told.value.moment - from_datetime(START + timedelta(seconds=20))) <= 3 * RATE
        until = TimeSpan(START, START + timedelta(seconds=16))
        assert (await make(recorder, tmp_path / "other.mp4", until)).film.length == 16


async def test_table_that_needs_more_room_than_was_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("custom_components.nvr.media.exports.film.room_for", lambda _: 64)
    path = tmp_path / "film.mp4"
    async with rig(faults=RtspFaults(delivery=0, end="bye")) as recorder:
        made = await make(recorder, path, TimeSpan(START, START + timedelta(seconds=10)))
    assert [kind for kind, _ in boxes(path.read_bytes())] == ["ftyp", "moov", "free", "mdat"]
    assert made.film.size == path.stat().st_size
    assert len(shown(path)) == 125
    assert os.listdir(tmp_path) == ["film.mp4"]  # noqa: PTH208 - only the names matter


@pytest.mark.slow
async def test_fifty_aborted_exports_leave_nothing_on_the_recorder(tmp_path: Path) -> None:
    async with rig(faults=RtspFaults(delivery=4.0), options=RtspOptions(playback_limit=1)) as recorder:
        for number in range(50):
            path = tmp_path / f"{number}.mp4"
            span = TimeSpan(START, START + timedelta(minutes=10))
            task = asyncio.create_task(make(recorder, path, span))
            await asyncio.sleep(0.01 * (number % 25))
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            async with asyncio.timeout(5):
                while recorder.open_sessions:
                    await asyncio.sleep(0.01)
        assert recorder.teardowns >= recorder.opened_sessions - recorder.server.counters.timeouts
