"""Playback of recorders that know files only, through the engine: judged by the time painted into every picture."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
import itertools

import pytest

from custom_components.nvr.core.drivers.dahua import DahuaDriver
from custom_components.nvr.core.models import RecordingSegment, StreamRole, TimeSpan
from custom_components.nvr.media.engine import MediaEngine, Playback, PlaybackLimits
from custom_components.nvr.media.maker import MakerLimits
from custom_components.nvr.media.rtsp.session import RtspSession
from custom_components.nvr.media.ticks import RATE, from_datetime, to_datetime, to_seconds
from tests.contract.media.rig import decode, errors, late_tones, listen, parse_runs
from tests.simulators.dahua.simulator import DahuaSimulator

from ..helpers import last, search
from ..rigs.dahua import driving

pytestmark = pytest.mark.usefixtures("socket_enabled")

QUICK = PlaybackLimits(free_lead=1e6, maker=MakerLimits(hold=0.3))
SECOND = timedelta(seconds=1)
FRAME = 0.101
# The one that has a microphone.
SOUNDING = 3


@asynccontextmanager
async def files_only(**faults: object) -> AsyncIterator[tuple[DahuaSimulator, DahuaDriver]]:
    async with DahuaSimulator(profile="nvr5232", utc_offset=480) as simulator:
        simulator.set_faults(playback__by_time="none", rtsp__delivery=0, rtsp__sr_seconds=0, **faults)
        async with driving(simulator) as driver:
            yield simulator, driver


async def neighbours(driver: DahuaDriver, channel: int = 1) -> tuple[RecordingSegment, RecordingSegment]:
    """Return two files of minutes that follow each other without a gap."""
    found = [each for each in await search(driver, channel, last(30)) if each.span.duration > timedelta(minutes=5)]
    return next(
        (before, after)
        for before, after in itertools.pairwise(found)
        if before.span.end == after.span.start and not after.open
    )


def play(engine: MediaEngine, driver: DahuaDriver, span: TimeSpan, *recorded: TimeSpan, channel: int = 1) -> Playback:
    assert driver.playback is not None
    parts = recorded or [span]
    return engine.create("one", 4, driver.playback, driver.guard, channel, span, parts, "anna", StreamRole.MAIN)


async def wrong_by(playback: Playback, *indices: int) -> list[float]:
    init = await playback.init_segment()
    found = []
    for index in indices:
        found += errors(decode(init, await playback.segment(index)), playback.span.start)
    return found


async def test_a_file_plays_from_any_moment_and_is_dated_rightly() -> None:
    async with files_only() as (simulator, driver):
        segment, _ = await neighbours(driver)
        assert driver.playback is not None
        for into in (0.0, 100.5, 217.0):
            moment = segment.span.start + into * SECOND
            request = await driver.playback.request(1, TimeSpan(moment, segment.span.end))
            assert abs(request.npt - into) < 0.001
            assert request.start == moment
            session = await RtspSession.open(request, driver.guard)
            try:
                samples = await session.read()
            finally:
                await session.close()
            # At most a group of pictures (2 s) early, as everywhere.
            assert -2.0 < (to_datetime(samples[0].time) - moment).total_seconds() <= FRAME
        assert driver.memory["quirks"]["playback_form"] == "file"  # type: ignore[index]
        assert simulator.rtsp.counters.sessions_open["playback"] == 0


@pytest.mark.parametrize("key_frame", ["before", pytest.param("after", marks=pytest.mark.slow)])
async def test_seeking_and_reading_on_across_files_shows_the_asked_moments(key_frame: str) -> None:
    engine = MediaEngine(limits=QUICK)
    async with files_only(rtsp__key_frame=key_frame) as (simulator, driver):
        before, after = await neighbours(driver)
        span = TimeSpan(before.span.end - 100 * SECOND, after.span.start + 80 * SECOND)
        playback = play(engine, driver, span, before.span, after.span)
        try:
            # The middle segment holds the seam; each is fetched after a jump, then all around the seam in order.
            for index in (16, 3, 29, 12):
                assert max(map(abs, await wrong_by(playback, index))) <= FRAME, index
            init = await playback.init_segment()
            in_order = [await playback.segment(index) for index in range(14, 20)]
            wrong = errors(decode(init, *in_order), span.start)
            assert max(map(abs, wrong)) <= FRAME
            # No picture of the 36 s is missing.
            assert len(wrong) >= 36 * 10 - 1
        finally:
            await engine.aclose()
        assert simulator.rtsp.counters.sessions_open["playback"] == 0
        assert simulator.counters.finders_open == 0


async def test_sound_goes_on_across_files_without_a_hole() -> None:
    engine = MediaEngine(limits=QUICK)
    async with files_only() as (_, driver):
        before, after = await neighbours(driver, SOUNDING)
        # Not at a full second, where a tone would be cut in two.
        span = TimeSpan(before.span.end - 40.4 * SECOND, after.span.start + 40 * SECOND)
        playback = play(engine, driver, span, before.span, after.span, channel=SOUNDING)
        try:
            init = await playback.init_segment()
            segments = (await playback.variants[0].prepare()).layout.segments
            seam = next(each.index for each in segments if each.end > from_datetime(before.span.end))
            in_order = [await playback.segment(index) for index in range(seam - 2, seam + 3)]
            first, end = segments[seam - 2].start, segments[seam + 2].end
            runs = [parse_runs(data)[2] for data in in_order]
            assert all(one.end == two.start for one, two in itertools.pairwise(runs))
            # Alone, the first frame of all fades in; the last one reaches beyond the end.
            tones = [tone for tone in listen(init, *in_order) if tone.at > to_seconds(first - segments[0].start) + 0.3]
            late = late_tones(tones, span.start, SOUNDING)
            assert max(map(abs, late)) < 0.15
            heard = {round(tone.at - wrong + span.start.timestamp()) for tone, wrong in zip(tones, late, strict=True)}
            whole = range(-(-first // RATE) + 1, end // RATE)
            assert heard >= set(whole)
            assert [tone for tone in tones if tone.at > to_seconds(from_datetime(before.span.end) - segments[0].start)]
        finally:
            await engine.aclose()


async def test_the_end_of_the_last_file_is_an_end_and_nothing_else_is_opened() -> None:
    engine = MediaEngine(limits=QUICK)
    async with files_only() as (simulator, driver):
        _, after = await neighbours(driver)
        span = TimeSpan(after.span.end - 20 * SECOND, after.span.end)
        playback = play(engine, driver, span)
        try:
            count = len((await playback.variants[0].prepare()).layout.segments)
            assert max(map(abs, await wrong_by(playback, *range(count)))) <= FRAME
        finally:
            await engine.aclose()
        assert simulator.rtsp.counters.sessions_opened["playback"] == 1


async def test_a_recorder_that_heeds_no_seconds_is_not_believed_to(monkeypatch: pytest.MonkeyPatch) -> None:
    async with files_only() as (simulator, driver):
        segment, _ = await neighbours(driver)
        assert driver.playback is not None
        moment = segment.span.start + 200 * SECOND
        request = await driver.playback.request(1, TimeSpan(moment, segment.span.end))
        # The answer and the reports say that it begins at the file's beginning.
        handlers = simulator.rtsp._handlers
        play_at = handlers._source
        monkeypatch.setattr(handlers, "_source", lambda session, _, scale: play_at(session, None, scale))
        session = await RtspSession.open(request, driver.guard)
        try:
            samples = await session.read()
        finally:
            await session.close()
        assert abs(to_datetime(samples[0].time) - segment.span.start) < 1.2 * SECOND
