"""How long things live: bytes kept for a player, sessions, playbacks and tokens."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import pytest

from custom_components.nvr.core.errors import NvrNotFoundError, NvrTimeoutError
from custom_components.nvr.core.models import StreamRole, TimeSpan
from custom_components.nvr.media import engine as engine_module, worker
from custom_components.nvr.media.engine import MediaEngine, PlaybackLimits
from custom_components.nvr.media.maker import MakerLimits
from tests.simulators.rtsp.options import RtspFaults

from .rig import SMALL, START, decode, errors, parse_run, rig


async def test_kept_bytes_are_limited_and_what_is_gone_is_made_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "_MAX_CACHE", 150_000)
    async with rig(gop=10.0) as recorder:
        playback = recorder.play(60)
        sizes = [len(await playback.segment(k)) for k in range(5)]
        assert sum(sizes) > 150_000
        assert sum(len(item.data) for item in playback.variants[0].worker._cache.values()) <= 150_000
        assert parse_run(await playback.segment(0)).end == 540_000


async def test_recorder_known_to_be_real_time_is_believed() -> None:
    async with rig() as recorder:
        recorder.source.real_time = True
        playback = recorder.play(20)
        assert "EXTINF:2.0," in await playback.media_playlist()
        recorder.source.real_time = False
        assert "EXTINF:6.0," in await recorder.play(20).media_playlist()


async def test_recorded_spans_are_refreshed_when_it_is_opened() -> None:
    async with rig() as recorder:
        span = TimeSpan(START, START + timedelta(seconds=30))
        grown = [TimeSpan(START, START + timedelta(seconds=25))]

        async def refresh() -> Sequence[TimeSpan]:
            return grown

        playback = recorder.engine.create(
            "recorder", 4, recorder.source, recorder.guard, 1, span, [TimeSpan(START, START + timedelta(seconds=8))],
            "anna", StreamRole.MAIN, refresh,
        )  # fmt: skip
        assert (await playback.media_playlist()).count("#EXTINF") == 5


async def test_footage_lost_after_the_playlist_was_made_leaves_a_still() -> None:
    async with rig() as recorder:
        playback = recorder.play(120)
        init = await playback.init_segment()
        await playback.segment(0)
        await playback.yield_slot()
        recorder.faults.refuse_status = 404
        data = await playback.segment(10)
        assert parse_run(data).samples[0][0] == 540_000
        assert len(decode(init, data)) == 1


async def test_answer_that_takes_too_long_is_a_failure_in_time() -> None:
    async with rig(faults=RtspFaults(delivery=1, start_delay=5), limits=PlaybackLimits(answer=0.4)) as recorder:
        playback = recorder.play()
        with pytest.raises(NvrTimeoutError, match="in time"):
            await playback.segment(0)


async def test_closed_playback_answers_nothing_more() -> None:
    async with rig() as recorder:
        playback = recorder.play()
        await playback.segment(0)
        await playback.close()
        await playback.close()
        with pytest.raises(NvrNotFoundError):
            await playback.segment(1)
        with pytest.raises(NvrNotFoundError):
            await playback.segment(-1)
        assert recorder.engine.playbacks("recorder") == ()
        fresh = recorder.play()
        await fresh.close()
        with pytest.raises(NvrNotFoundError):
            await fresh.master_playlist()


async def test_idle_session_is_closed_and_seeking_on_shows_the_right_moment() -> None:
    async with rig(gop=10.0, limits=PlaybackLimits(idle=0.3)) as recorder:
        playback = recorder.play(120)
        init = await playback.init_segment()
        await playback.segment(0)
        await asyncio.sleep(0.6)
        assert not playback.reading
        data = await playback.segment(1)
        assert parse_run(data).head
        assert max(map(abs, errors(decode(init, data)))) <= 0.081
        assert recorder.opened_sessions == 2


async def test_request_while_the_idle_session_ends_is_served() -> None:
    async with rig(limits=PlaybackLimits(idle=0.2)) as recorder:
        playback = recorder.play(120)
        await playback.segment(0)
        async with asyncio.timeout(2):
            while playback.reading:  # it says no at the very moment the goodbye begins
                await asyncio.sleep(0)
        assert parse_run(await playback.segment(1)).end == 1_080_000


async def test_engine_keeps_a_limited_number_of_playbacks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_module, "_MOST", 3)
    async with rig() as recorder:
        first = recorder.play()
        for _ in range(4):
            recorder.play()
        assert recorder.engine.get(first.token) is None
        assert len(recorder.engine.playbacks("recorder")) == 3


async def test_engine_ends_sessions_of_expired_playbacks() -> None:
    now = 0.0
    limits = PlaybackLimits(idle=30, maker=MakerLimits())
    async with rig(profile=SMALL) as recorder:
        recorder.engine = MediaEngine(monotonic=lambda: now, limits=limits, lifetime=60)
        await recorder.play().segment(0)
        assert recorder.open_sessions == 1
        now += 61
        recorder.play()
        await recorder.engine.aclose()
        assert recorder.open_sessions == 0
        assert recorder.teardowns == 1
