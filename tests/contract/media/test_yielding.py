"""A playback that gives its slot up, and those who leave in the middle of that."""

import asyncio

import pytest

from custom_components.nvr.core.models import StreamRole, TimeSpan
from custom_components.nvr.media.maker import Footage
from custom_components.nvr.media.pool import WorkPool
from custom_components.nvr.media.sessions import SessionSlots
from custom_components.nvr.media.vod import Playback

from .rig import START, Rig, parse_run, rig


def playback(recorder: Rig, slots: SessionSlots) -> Playback:
    """Return a playback for anna on a recorder of one slot; she has not asked for anything for an hour."""
    span = TimeSpan(START, START.replace(minute=10))
    footage = Footage(recorder.source, recorder.guard, 1, span, (span,), StreamRole.MAIN)
    return Playback("token", "recorder", "anna", [footage], slots=(slots, 1), pool=WorkPool())


async def gone(recorder: Rig) -> None:
    async with asyncio.timeout(30):
        while recorder.open_sessions:
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("turns", range(1, 5))
async def test_who_leaves_while_a_slot_is_given_up_takes_none(turns: int) -> None:
    async with rig() as recorder:
        slots = SessionSlots()
        first, second = playback(recorder, slots), playback(recorder, slots)
        await first.segment(0)
        first.last_used -= 3600
        taking = asyncio.create_task(slots.acquire("recorder", 1, second))
        for _ in range(turns):
            await asyncio.sleep(0)
        taking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await taking
        # What was begun is ended all the same: nothing is left on the recorder, and no slot is held.
        await gone(recorder)
        await first.close()
        assert recorder.teardowns == 1
        assert slots.holders("recorder") == ()


async def test_request_in_the_instant_the_slot_is_given_up_is_served() -> None:
    async with rig() as recorder:
        first = playback(recorder, SessionSlots())
        await first.segment(0)
        ending = asyncio.create_task(first.yield_slot())
        await asyncio.sleep(0)
        assert parse_run(await first.segment(1)).end == 1_080_000
        await ending
        assert first.reading
        assert recorder.opened_sessions == 2
        await first.close()
        assert recorder.open_sessions == 0


async def test_close_that_is_cancelled_leaves_nothing_and_nobody_waiting() -> None:
    async with rig() as recorder:
        first = playback(recorder, SessionSlots())
        await first.segment(0)
        recorder.faults.stalled = True
        waiting = asyncio.create_task(first.segment(5))
        await asyncio.sleep(0.1)
        closing = asyncio.create_task(first.close())
        await asyncio.sleep(0)
        closing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await closing
        async with asyncio.timeout(30):  # a limit of its own says something else
            assert "closed" in str((await asyncio.gather(waiting, return_exceptions=True))[0])
        await gone(recorder)
