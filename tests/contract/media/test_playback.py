"""Playback end to end against a simulated recorder, judged by a box parser and by the time painted into every frame."""

import asyncio
from datetime import timedelta
import itertools
import time

import pytest

from custom_components.nvr.core.errors import NvrNotFoundError
from custom_components.nvr.core.models import TimeSpan
from custom_components.nvr.media.engine import Playback, PlaybackLimits
from custom_components.nvr.media.h264 import ParameterSets
from custom_components.nvr.media.maker import MakerLimits
from tests.simulators.rtsp.options import RtspFaults, RtspOptions
from tests.simulators.video.profile import VideoProfile

from .rig import START, decode, errors, parse_run, rig

FRAME = 1 / 12.5
ODD = START + timedelta(seconds=1)
QUICK = PlaybackLimits(free_lead=1e6, maker=MakerLimits(hold=0.3))


async def check(playback: Playback, indices: list[int], *, origin_shift: float = 0.0) -> None:
    """Fetch segments in this order; each must cover its time exactly and show, decoded alone, the right frames."""
    init = await playback.init_segment()
    layout = (await playback.variants[0].prepare()).layout
    for index in indices:
        data = await playback.segment(index)
        run, segment = parse_run(data), layout.segments[index]
        assert run.end == segment.end - layout.origin
        assert run.start == segment.start - layout.origin - run.head or segment.index == 0
        assert run.samples[0][2], "a segment out of order begins with a key frame"
        wrong = errors(decode(init, data), playback.span.start)
        assert wrong
        assert max(map(abs, wrong)) <= FRAME + 0.001 + origin_shift, (index, min(wrong), max(wrong))


@pytest.mark.parametrize(
    ("gop", "key_frame"),
    [
        (10.0, "before"),
        pytest.param(10.0, "after", marks=pytest.mark.slow),
        pytest.param(2.0, "before", marks=pytest.mark.slow),
        pytest.param(2.0, "after", marks=pytest.mark.slow),
        pytest.param((1.0, 10.0), "before", marks=pytest.mark.slow),
        pytest.param((1.0, 10.0), "after", marks=pytest.mark.slow),
    ],
)
async def test_playback_seek_anywhere_shows_the_asked_moment(gop: float | tuple[float, float], key_frame: str) -> None:
    faults = RtspFaults(delivery=0, key_frame=key_frame)  # type: ignore[arg-type]
    async with rig(gop=gop, faults=faults, limits=QUICK) as recorder:
        playback = recorder.play(start=ODD)
        await playback.master_playlist()
        init = await playback.init_segment()
        if key_frame == "before":
            await check(playback, [0])
        # Far, back, just below and just above what was read, and the end.
        await check(playback, [60, 20, 19, 97, 40, 42])
        in_order = [await playback.segment(k) for k in range(50, 54)]
        wrong = errors(decode(init, *in_order), ODD)
        assert max(map(abs, wrong)) <= FRAME + 0.001
    assert recorder.open_sessions == 0
    assert recorder.teardowns == recorder.opened_sessions


async def test_playback_sixty_segments_in_order_have_no_seam() -> None:
    async with rig(gop=10.0) as recorder:
        recorder.source.real_time = True  # short segments, yet as fast as they can be read
        playback = recorder.play(120, start=ODD)
        runs = [parse_run(await playback.segment(k)) for k in range(60)]
        assert [run.start for run in runs] == [180_000 * k for k in range(60)]
        assert all(before.end == after.start for before, after in itertools.pairwise(runs))
        assert sum(run.head for run in runs[1:]) == 0
        assert recorder.opened_sessions == 1


async def test_playback_begins_at_a_fraction_of_a_second_off_the_frames() -> None:
    start = START + timedelta(seconds=3, milliseconds=333)
    async with rig(gop=10.0) as recorder:
        playback = recorder.play(20, start=start)
        await check(playback, [2, 0])


@pytest.mark.parametrize("gop", [2.0, pytest.param(10.0, marks=pytest.mark.slow)])
async def test_playback_in_real_time_uses_short_segments(gop: float) -> None:
    async with rig(gop=gop, faults=RtspFaults(delivery=1), limits=QUICK) as recorder:
        playback = recorder.play(60, start=ODD)
        assert "EXTINF:2.0," in await playback.media_playlist()
        init = await playback.init_segment()
        first = [await playback.segment(k) for k in range(3)]
        assert max(map(abs, errors(decode(init, *first), ODD))) <= FRAME + 0.001
        assert recorder.opened_sessions == 1
        # The head comes in real time too: seek to where it is short.
        await check(playback, [15 if gop == 10.0 else 13])


async def test_playback_in_real_time_holds_the_first_answer() -> None:
    limits = PlaybackLimits(maker=MakerLimits(hold=1.5))
    async with rig(faults=RtspFaults(delivery=1), limits=limits) as recorder:
        playback = recorder.play(60)
        begun = time.monotonic()
        await playback.segment(0)
        # Four seconds of footage in real time are held back.
        assert time.monotonic() - begun > 3.3
        await playback.segment(1)


@pytest.mark.parametrize(
    ("order", "delivery"),
    [
        ((2, 1, 0), 0.0),
        ((0, 1, 2), 0.0),
        ((1, 0, 2), 0.0),
        ((2, 1, 0), 1.0),
        pytest.param((0, 1, 2), 1.0, marks=pytest.mark.slow),
        pytest.param((1, 0, 2), 1.0, marks=pytest.mark.slow),
    ],
)
async def test_playback_parallel_requests_all_succeed(order: tuple[int, ...], delivery: float) -> None:
    async with rig(gop=10.0, faults=RtspFaults(delivery=delivery), limits=QUICK) as recorder:
        playback = recorder.play(60)
        init = await playback.init_segment()
        tasks = {}
        for k in order:
            tasks[k] = asyncio.create_task(playback.segment(k))
            await asyncio.sleep(0.01)
        found = [await tasks[k] for k in range(3)]
        layout = (await playback.variants[0].prepare()).layout
        for k, data in enumerate(found):
            assert parse_run(data).end == layout.segments[k].end - layout.origin
        assert max(map(abs, errors(decode(init, *found)))) <= FRAME + 0.001
        assert recorder.opened_sessions <= 2


async def test_playback_duplicates_are_served_from_memory() -> None:
    async with rig(gop=10.0) as recorder:
        playback = recorder.play(60)
        one, two = await asyncio.gather(playback.segment(0), playback.segment(0))
        assert one == two == await playback.segment(0)
        await playback.segment(1)
        follower = await playback.segment(1)
        assert not parse_run(follower).samples[0][2]
        # Asked from elsewhere the same segment must be decodable alone.
        await playback.segment(5)
        assert parse_run(await playback.segment(1)).samples[0][2]


async def test_playback_unknown_hole_freezes_and_goes_on_exactly() -> None:
    hole = (ODD + timedelta(seconds=20, milliseconds=400), ODD + timedelta(seconds=23))
    async with rig(gop=2.0, options=RtspOptions(sr_seconds=0)) as recorder:
        recorder.footage.add_gap(1, *hole)
        playback = recorder.play(60, start=ODD)
        init = await playback.init_segment()
        found = [await playback.segment(k) for k in range(8)]
        runs = [parse_run(data) for data in found]
        assert all(before.end == after.start for before, after in itertools.pairwise(runs))
        frames = decode(init, *found)
        assert max(map(abs, errors(frames, ODD))) <= FRAME + 0.001
        shown = [at for at, _ in frames]
        assert max(b - a for a, b in itertools.pairwise(shown)) == pytest.approx(2.64, abs=2 * FRAME)
        await check(playback, [3, 1, 4])


async def test_playback_hole_longer_than_segments_shows_a_still() -> None:
    hole = (ODD + timedelta(seconds=20), ODD + timedelta(seconds=45))
    async with rig(gop=2.0, options=RtspOptions(sr_seconds=0)) as recorder:
        recorder.footage.add_gap(1, *hole)
        playback = recorder.play(60, start=ODD)
        init = await playback.init_segment()
        found = [await playback.segment(k) for k in range(10)]
        runs = [parse_run(data) for data in found]
        assert [run.end for run in runs] == [540_000 * (k + 1) for k in range(10)]
        frames = decode(init, *found)
        behind = [(at, code) for at, code in frames if at >= 45]
        assert max(map(abs, errors(behind, ODD))) <= FRAME + 0.001
        # Seek into the hole: the next picture stands there, and the clock runs on.
        alone = decode(init, await playback.segment(5), await playback.segment(6))
        assert alone[0][0] == pytest.approx(30.0)


async def test_playback_known_gap_is_one_entry_and_time_behind_it_is_right() -> None:
    spans = [
        TimeSpan(ODD, ODD + timedelta(seconds=21)),
        TimeSpan(ODD + timedelta(seconds=261), ODD + timedelta(seconds=300)),
    ]
    async with rig(gop=10.0) as recorder:
        recorder.footage.add_gap(1, spans[0].end, spans[1].start)
        playback = recorder.play(300, start=ODD, recorded=spans)
        playlist = await playback.media_playlist()
        assert playlist.count("#EXT-X-GAP") == 1
        assert "#EXTINF:240.0," in playlist
        with pytest.raises(NvrNotFoundError):
            await playback.segment(4)
        await check(playback, [3])
        init = await playback.init_segment()
        found = [await playback.segment(k) for k in range(5, 9)]
        assert max(map(abs, errors(decode(init, *found), ODD))) <= FRAME + 0.001
        assert recorder.opened_sessions == 2


@pytest.mark.parametrize("end", ["silent", "bye", "close"])
async def test_playback_end_of_footage_is_stretched_to_the_playlist(end: str) -> None:
    async with rig(faults=RtspFaults(delivery=0, end=end)) as recorder:  # type: ignore[arg-type]
        recorder.footage.add_gap(1, ODD + timedelta(seconds=22, milliseconds=500), ODD + timedelta(hours=1))
        playback = recorder.play(24, start=ODD)
        found = [parse_run(await playback.segment(k)) for k in range(4)]
        assert found[-1].end == 24 * 90_000


async def test_playback_b_frames_are_cut_where_nothing_crosses() -> None:
    profile = VideoProfile(width=320, height=240, fps=12.5, bit_rate=256_000, b_frames=2)
    async with rig(gop=10.0, profile=profile) as recorder:
        playback = recorder.play(60, start=ODD)
        init = await playback.init_segment()
        found = [await playback.segment(k) for k in range(6)]
        runs = [parse_run(data) for data in found]
        assert [run.end for run in runs] == [540_000 * (k + 1) for k in range(6)]
        frames = sorted(decode(init, *found), key=lambda frame: frame[0])
        assert max(map(abs, errors(frames, ODD))) <= 3 * FRAME + 0.001
        assert [code.time for _, code in frames] == sorted(code.time for _, code in frames)
        alone = await playback.segment(3)
        assert parse_run(alone).end == 4 * 540_000


async def test_playback_parameter_sets_only_in_the_description_are_put_in_band() -> None:
    profile = VideoProfile(width=320, height=240, fps=12.5, bit_rate=256_000, repeat_headers=False)
    async with rig(gop=2.0, profile=profile) as recorder:
        playback = recorder.play(30, start=ODD)
        data = await playback.segment(0)
        keys = sum(sample[2] for sample in parse_run(data).samples)
        sets = playback.variants[0].maker.prepared.sets  # type: ignore[union-attr]
        assert isinstance(sets, ParameterSets)
        assert keys >= 3
        assert data.count(sets.sps) == data.count(sets.pps) == keys
        await check(playback, [2])


@pytest.mark.parametrize("hours", [5, -8])
async def test_playback_recorder_that_writes_wall_time_is_read_right(hours: int) -> None:
    offset = timedelta(hours=hours)
    async with rig(offset=offset) as recorder:
        await check(recorder.play(30, start=ODD), [1, 3])


async def test_playback_without_reports_trusts_the_play_answer() -> None:
    async with rig(gop=10.0, faults=RtspFaults(delivery=0, no_reports=True)) as recorder:
        await check(recorder.play(60, start=ODD), [0, 5, 3])
