"""Single pictures by a short playback: the right frame, one slot, and nothing left on the recorder."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from custom_components.nvr.core.errors import NvrBusyError, NvrNotFoundError, NvrTimeoutError, NvrUnsupportedError
from custom_components.nvr.core.models import RecordingSegment
from custom_components.nvr.media.rtsp.connection import SessionLimits
from custom_components.nvr.media.thumbnails.downloaded import DownloadedPictures
from custom_components.nvr.media.thumbnails.picture import make_jpeg
from custom_components.nvr.media.thumbnails.reader import PlayedPictures, Wanted
from custom_components.nvr.media.ticks import from_datetime
from tests.contract.rows import Case, each_family
from tests.integration.picture_helpers import look

from .rig import START, Rig, rig
from .stage import FPS, inside, stage

SECOND = timedelta(seconds=1)
FRAME = timedelta(seconds=0.08)


def reader(recorder: Rig, limit: int = 4, silence: float = 2.0) -> PlayedPictures:
    limits = SessionLimits(answer=silence, silence=silence)
    slots = recorder.engine.slots
    return PlayedPictures("recorder", recorder.source, recorder.guard, slots, limit, "anna", limits)


async def shown(
    source: PlayedPictures | DownloadedPictures, moment: datetime, *, exact: bool = True, since: datetime | None = None
) -> datetime:
    """Return what is painted into the picture of a moment, as it is dated too."""
    pictures = await source.pictures(Wanted(1, moment, exact=exact, since=since))
    made = make_jpeg(pictures, from_datetime(moment) if exact else None, 0)
    painted = look(made.data).code.time
    assert abs(from_datetime(painted) - made.time) <= 0.05 * 90_000
    return painted


def assert_left_alone(recorder: Rig) -> None:
    assert recorder.open_sessions == 0
    assert recorder.teardowns == recorder.opened_sessions
    assert recorder.engine.slots.holders("recorder") == ()


@pytest.mark.parametrize("begins", ["before", "after"])
async def test_frame_of_any_moment_whatever_the_groups(begins: str) -> None:
    async with rig(gop=(1.0, 9.0)) as recorder:
        recorder.faults.key_frame = begins  # type: ignore[assignment]
        for offset in (60.5, 333.33, 1000.0, 1803.99):
            moment = START + offset * SECOND
            assert timedelta(0) <= moment - await shown(reader(recorder), moment) < FRAME + timedelta(milliseconds=2)
            assert_left_alone(recorder)
        # Nothing is asked from before the footage that holds the moment: frames from there would be dated wrongly.
        recorder.source.requests.clear()
        await shown(reader(recorder), START + 20 * SECOND, since=START + 15 * SECOND)
        assert min(span.start for span in recorder.source.requests) >= START + 15 * SECOND


async def test_key_picture_takes_no_longer_than_its_first_frame() -> None:
    async with rig(gop=8.0) as recorder:
        recorder.faults.delivery = 1.0
        moment = START + 107 * SECOND
        begun = recorder.server.counters.packets
        painted = await shown(reader(recorder), moment, exact=False)
        assert timedelta(0) <= moment - painted <= 8 * SECOND
        assert_left_alone(recorder)
        assert recorder.server.counters.packets - begun < 300, "a group of eight seconds was not waited for"


async def test_gap_has_no_picture_and_the_end_of_the_footage_has() -> None:
    async with rig() as recorder:
        recorder.footage.add_gap(1, START + 100 * SECOND, START + 300 * SECOND)
        for exact in (False, True):
            with pytest.raises(NvrNotFoundError):
                await shown(reader(recorder), START + 150 * SECOND, exact=exact)
            assert_left_alone(recorder)
        recorder.faults.gap = "stop"
        for ending in ("silent", "bye", "close"):
            recorder.faults.end = ending
            moment = START + 99.9 * SECOND
            assert timedelta(0) <= moment - await shown(reader(recorder), moment) <= 2 * SECOND
            await asyncio.sleep(0)
            assert recorder.engine.slots.holders("recorder") == ()


async def test_refusal_silence_and_giving_up_leave_nothing() -> None:
    async with rig() as recorder:
        recorder.faults.refuse_status = 453
        with pytest.raises(NvrBusyError):
            await shown(reader(recorder), START + SECOND)
        recorder.faults.refuse_status = None
        recorder.faults.stalled = True
        with pytest.raises(NvrTimeoutError):
            await shown(reader(recorder, silence=0.3), START + SECOND)
        assert recorder.engine.slots.holders("recorder") == ()
        recorder.faults.stalled = False
        recorder.faults.start_delay = 30.0
        before = recorder.opened_sessions
        task = asyncio.create_task(shown(reader(recorder), START + SECOND))
        while recorder.opened_sessions == before and not task.done():
            await asyncio.sleep(0.01)
        assert [(slot.owner, slot.channel) for slot in recorder.engine.slots.holders("recorder")] == [("anna", 1)]
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert_left_alone(recorder)


async def test_last_slot_is_for_people() -> None:
    async with rig() as recorder:
        with pytest.raises(NvrBusyError):
            await shown(reader(recorder, limit=1), START + 60 * SECOND, exact=False)
        playback = recorder.play(slots=2)
        await playback.segment(0)
        with pytest.raises(NvrBusyError):
            await shown(reader(recorder, limit=2), START + 60 * SECOND, exact=False)
        # What the recorder taught counts as what was set.
        again_at = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
        recorder.engine.slots.recall("recorder", {"most": 2, "refusals": 1, "again_at": again_at})
        with pytest.raises(NvrBusyError):
            await shown(reader(recorder, limit=4), START + 60 * SECOND, exact=False)
        assert recorder.opened_sessions == 1
        # Somebody who asks for a frame takes it as he would to watch.
        assert await shown(reader(recorder, limit=2), START + 60 * SECOND)
        await playback.close()
        assert_left_alone(recorder)


@each_family
async def test_download_has_the_frame_too_without_any_session(case: Case) -> None:
    async with stage(case) as on:
        on.disk.playback_hangs()
        downloads = on.driver.downloads
        assert downloads is not None
        files = on.files

        async def listed(_wanted: Wanted) -> Sequence[RecordingSegment]:
            return files

        source = DownloadedPictures(downloads, listed)
        moment = inside(on.files[2]).replace(microsecond=430_000)
        # Some containers date their frames to half a frame only.
        frame = timedelta(seconds=1.5 / FPS + 0.002)
        assert timedelta(0) <= moment - await shown(source, moment) < frame
        # A tile is of the key picture before it.
        assert timedelta(0) <= moment - await shown(source, moment, exact=False) < 5 * SECOND
        with pytest.raises(NvrNotFoundError):
            await source.pictures(Wanted(1, on.files[0].span.start - timedelta(hours=5)))
        files = [replace(file, open=True) for file in on.files]
        with pytest.raises(NvrUnsupportedError):
            await source.pictures(Wanted(1, moment))
