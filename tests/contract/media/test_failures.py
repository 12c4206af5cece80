"""What a recorder can do wrong, and what must not be left on it."""

import asyncio
import time

import pytest

from custom_components.nvr.core.errors import (
    NvrAuthError,
    NvrBusyError,
    NvrNotFoundError,
    NvrPermissionError,
    NvrResponseError,
    NvrTimeoutError,
    NvrUnreachableError,
    NvrUnsupportedError,
)
from custom_components.nvr.core.models import StreamRole
from custom_components.nvr.media.engine import MediaEngine, PlaybackLimits
from custom_components.nvr.media.maker import MakerLimits
from custom_components.nvr.media.rtsp.connection import SessionLimits
from tests.simulators.rtsp.options import RtspFaults, RtspOptions

from .rig import Rig, decode, errors, parse_run, rig

HASTY = PlaybackLimits(
    answer=6.0, maker=MakerLimits(session=SessionLimits(connect=1.0, answer=0.8, silence=0.8, teardown=0.5))
)


async def settled(recorder: Rig, sessions: int = 0, seconds: float = 20.0) -> None:
    """Wait until the recorder counts this many open sessions."""
    async with asyncio.timeout(seconds):
        while recorder.open_sessions != sessions:
            await asyncio.sleep(0.01)


async def test_wrong_password_is_sent_once_per_open_and_never_after_two() -> None:
    async with rig() as recorder:
        recorder.source.password = "wrong-pass-1"
        for _ in range(2):
            with pytest.raises(NvrAuthError):
                await recorder.play().master_playlist()
        assert recorder.guard.refusals == 2
        connections = recorder.server.counters.connections
        for _ in range(3):
            with pytest.raises(NvrAuthError):
                await recorder.play().segment(0)
        assert recorder.server.counters.connections == connections
        assert recorder.server.counters.auth_failures == 2


async def test_right_password_is_told_to_the_guard() -> None:
    async with rig() as recorder:
        recorder.guard.refused()
        await recorder.play().master_playlist()
        assert recorder.guard.refusals == 0
        assert recorder.server.counters.auth_failures == 0


async def test_stale_nonce_is_no_refusal() -> None:
    async with rig() as recorder:
        recorder.faults.describe_delay = 0.2
        opening = asyncio.create_task(recorder.play().segment(0))
        await asyncio.sleep(0.1)
        recorder.server.gatekeeper.forget_nonces()
        await opening
        assert recorder.server.counters.challenges == 2
        assert recorder.guard.refusals == 0


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (453, NvrBusyError),
        (503, NvrBusyError),
        (403, NvrPermissionError),
        (404, NvrNotFoundError),
        (501, NvrUnsupportedError),
        (500, NvrResponseError),
    ],
)
async def test_refusal_becomes_the_error_that_decides_the_retry(status: int, error: type[Exception]) -> None:
    async with rig(faults=RtspFaults(refuse_status=status)) as recorder:
        with pytest.raises(error):
            await recorder.play().master_playlist()
        assert recorder.open_sessions == 0


async def test_full_recorder_is_busy_and_free_again() -> None:
    async with rig(options=RtspOptions(playback_limit=1)) as recorder:
        first, second = recorder.play(), recorder.play(owner="ben")
        await first.segment(0)
        with pytest.raises(NvrBusyError):
            await second.segment(0)
        await first.close()
        await second.segment(0)


async def test_recorder_that_plays_nothing_is_a_time_out() -> None:
    async with rig(faults=RtspFaults(playback_hangs=True), limits=HASTY) as recorder:
        with pytest.raises(NvrTimeoutError, match="sends nothing"):
            await recorder.play().master_playlist()
        await settled(recorder)
        assert recorder.teardowns == 1


async def test_recorder_that_does_not_answer_is_a_time_out() -> None:
    async with rig(faults=RtspFaults(describe_hangs=True), limits=HASTY) as recorder:
        with pytest.raises(NvrTimeoutError, match="DESCRIBE"):
            await recorder.play().master_playlist()


async def test_nobody_listening_is_unreachable() -> None:
    async with rig(limits=HASTY) as recorder:
        await recorder.server.power_off()
        with pytest.raises(NvrUnreachableError):
            await recorder.play().master_playlist()


async def test_connection_cut_in_mid_stream_is_opened_anew() -> None:
    async with rig(gop=10.0) as recorder:
        playback = recorder.play(120)
        init = await playback.init_segment()
        found = [await playback.segment(0)]
        recorder.faults.cut_once, recorder.faults.cut_after_packets = True, 60
        found += [await playback.segment(k) for k in (1, 2, 3, 4, 5)]
        assert recorder.opened_sessions > 1
        assert [parse_run(data).end for data in found] == [540_000 * (k + 1) for k in range(6)]
        assert max(map(abs, errors(decode(init, *found)))) <= 0.081


async def test_recorder_that_reboots_is_an_error_then_plays_on() -> None:
    async with rig(gop=2.0, limits=HASTY) as recorder:
        playback = recorder.play(120)
        init = await playback.init_segment()
        await playback.segment(0)
        await recorder.server.power_off()
        with pytest.raises(NvrUnreachableError):
            await playback.segment(10)
        await recorder.server.power_on()
        data = await playback.segment(10)
        assert max(map(abs, errors(decode(init, data)))) <= 0.081


async def test_playback_that_fails_again_and_again_is_given_up() -> None:
    async with rig(limits=HASTY) as recorder:
        playback = recorder.play()
        await playback.segment(0)
        await playback.yield_slot()
        recorder.faults.refuse_status = 500
        begun = time.monotonic()
        for _ in range(5):
            with pytest.raises(NvrResponseError):
                await playback.segment(20)
        # Three opens at once, then one every two seconds.
        assert time.monotonic() - begun > 3
        connections = recorder.server.counters.connections
        with pytest.raises(NvrNotFoundError, match="given up"):
            await playback.segment(20)
        assert recorder.server.counters.connections == connections


async def test_lost_packets_wait_for_a_key_frame_and_time_stays_right() -> None:
    async with rig(gop=2.0) as recorder:
        playback = recorder.play(60)
        init = await playback.init_segment()
        recorder.faults.drop_every = 37
        found = [await playback.segment(k) for k in range(6)]
        assert [parse_run(data).end for data in found] == [540_000 * (k + 1) for k in range(6)]
        late = [abs(error) for error in errors(decode(init, *found))]
        assert sorted(late)[len(late) // 2] <= 0.081


async def test_viewer_who_leaves_frees_the_slot() -> None:
    async with rig(limits=PlaybackLimits(idle=0.4)) as recorder:
        playback = recorder.play()
        await playback.segment(0)
        assert [(slot.owner, slot.channel) for slot in recorder.engine.holders("recorder")] == [("anna", 1)]
        await settled(recorder)
        assert recorder.teardowns == 1
        await asyncio.sleep(0.05)
        assert recorder.engine.holders("recorder") == ()
        # He comes back: it is opened again where he was.
        data = await playback.segment(1)
        assert parse_run(data).start == 540_000 - parse_run(data).head


async def test_cancelled_wait_cancels_only_itself() -> None:
    async with rig(faults=RtspFaults(delivery=1), gop=10.0) as recorder:
        playback = recorder.play(60)
        await playback.master_playlist()
        leaves, stays = (asyncio.create_task(playback.segment(0)) for _ in range(2))
        await asyncio.sleep(0.2)
        leaves.cancel()
        assert parse_run(await stays).end == 180_000
        assert leaves.cancelled()
        assert recorder.opened_sessions == 1


async def test_abandoned_seek_gives_way_at_once() -> None:
    async with rig(faults=RtspFaults(delivery=1), gop=40.0) as recorder:
        playback = recorder.play(600)
        await playback.master_playlist()
        opened = recorder.opened_sessions
        far = asyncio.create_task(playback.segment(118))  # 36 seconds behind its key frame
        async with asyncio.timeout(20):
            while recorder.opened_sessions == opened:
                await asyncio.sleep(0.01)
        far.cancel()
        begun = time.monotonic()
        await playback.segment(200)
        # It needs two or three; what was given up would have needed 36 before.
        assert time.monotonic() - begun < 30


@pytest.mark.parametrize("moment", [0.0, 0.02, 0.05, 0.1, 0.3, 0.6])
async def test_close_at_any_moment_leaves_nothing_on_the_recorder(moment: float) -> None:
    faults = RtspFaults(delivery=1, describe_delay=0.04)
    async with rig(faults=faults) as recorder:
        playback = recorder.play()
        waiting = asyncio.create_task(playback.segment(0))
        await asyncio.sleep(moment)
        await recorder.engine.close_recorder("recorder")
        # The segment itself takes four seconds at this delivery: nobody waited for it.
        with pytest.raises(NvrNotFoundError):
            await waiting
        await settled(recorder)
        assert recorder.teardowns == recorder.opened_sessions
        assert recorder.engine.get(playback.token) is None
        assert recorder.engine.holders("recorder") == ()
    assert not [task for task in asyncio.all_tasks() if "media" in repr(task.get_coro())]


async def test_slots_full_same_owner_loses_his_idle_one_and_nobody_else() -> None:
    async with rig(options=RtspOptions(playback_limit=16)) as recorder:
        old, other = recorder.play(slots=2), recorder.play(slots=2, owner="ben")
        await old.segment(0)
        await other.segment(0)
        with pytest.raises(NvrBusyError):
            await recorder.play(slots=2).segment(0)
        old.last_used -= 9
        other.last_used -= 9
        await recorder.play(slots=2).segment(0)
        assert not old.reading
        assert other.reading
        with pytest.raises(NvrBusyError):
            await recorder.play(slots=2, owner="cleo").segment(0)


async def test_same_segment_over_and_over_is_refused() -> None:
    async with rig() as recorder:
        playback = recorder.play()
        await playback.segment(0)
        with pytest.raises(NvrBusyError, match="too often"):
            await asyncio.gather(*(playback.segment(0) for _ in range(20)))
        assert recorder.opened_sessions == 1


async def test_nothing_recorded_is_not_found() -> None:
    async with rig() as recorder:
        playback = recorder.play(channel=1)
        maker = playback.variants[0].maker
        maker._footage = maker._footage.__class__(
            recorder.source, recorder.guard, 1, playback.span, (), StreamRole.MAIN
        )
        with pytest.raises(NvrNotFoundError):
            await playback.master_playlist()


async def test_engine_forgets_tokens_that_nobody_used() -> None:
    now = 1000.0
    engine = MediaEngine(monotonic=lambda: now, lifetime=60)
    async with rig() as recorder:
        recorder.engine = engine
        playback = recorder.play()
        assert engine.get(playback.token) is playback
        assert engine.get("guess") is None
        now += 61
        assert engine.get(playback.token) is None
        recorder.play()
        assert len(engine.playbacks("recorder")) == 1
        await engine.close_owner("anna")
        assert engine.playbacks("recorder") == ()
