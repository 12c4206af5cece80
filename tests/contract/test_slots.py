"""Playback sessions of a recorder: freed in time, counted by its TEARDOWNs, and its limit learned from its refusals."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
import itertools
from typing import Any, Literal

import pytest

from custom_components.nvr.core.driver import Driver
from custom_components.nvr.core.errors import NvrError, NvrNoSessionError
from custom_components.nvr.core.models import StreamRole, TimeSpan
from custom_components.nvr.media.engine import MediaEngine, Playback
from custom_components.nvr.media.rtsp.session import RtspSession
from custom_components.nvr.media.sessions import LossReason, SessionEndedError, SlotsBusyError

from .bench import STEADY
from .helpers import last
from .jumping import JumpingLoop, jumping, utcnow
from .rig import Rig
from .rows import Case, each_family

pytestmark = pytest.mark.usefixtures("socket_enabled")

SMALL: Any = {"main_size": (320, 180), "sub_size": (160, 90), "h264_only": True}
SLOTS = 4


@dataclass
class Bench:
    """A recorder that plays, its driver, and an engine that plays from it."""

    rig: Rig[Any]
    driver: Driver
    engine: MediaEngine
    start: datetime

    def play(self, owner: str = "anna", minutes: int = 10) -> Playback:
        span = TimeSpan(self.start, self.start + timedelta(minutes=minutes))
        assert self.driver.playback is not None
        return self.engine.create(
            "nvr", SLOTS, self.driver.playback, self.driver.guard, 1, span, [span], owner, StreamRole.MAIN
        )

    @property
    def open(self) -> int:
        count: int = self.rig.simulator.rtsp.counters.sessions_open["playback"]
        return count

    @property
    def opened(self) -> int:
        count: int = self.rig.simulator.rtsp.counters.sessions_opened["playback"]
        return count

    @property
    def teardowns(self) -> int:
        count: int = self.rig.simulator.rtsp.counters.teardowns["playback"]
        return count

    async def gone(self) -> float:
        """Wait until nothing is open on the recorder, and no slot held; return for how many seconds."""
        begun = skipped()
        # Rarely looked at: each look costs real time, the time between them none.
        while self.open or self.engine.slots.used("nvr"):
            assert skipped() < begun + 60
            await asyncio.sleep(0.5)
        return skipped() - begun


def skipped() -> float:
    """Return for how long the loop has waited so far: what a busy machine takes longer for is not in it."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, JumpingLoop)
    return loop.skipped


@asynccontextmanager
async def bench(case: Case) -> AsyncIterator[Bench]:
    loop = asyncio.get_running_loop()
    async with case.recorder(**SMALL) as rig:
        rig.keep_time(loop.time)
        disk = case.footage(rig)
        disk.record(STEADY)
        disk.play_fast()
        async with rig.driving(utcnow=utcnow) as driver:
            engine = MediaEngine(monotonic=loop.time)
            try:
                yield Bench(rig, driver, engine, last(3).start.replace(microsecond=0))
            finally:
                await engine.aclose()


@each_family
@jumping
async def test_paused_player_has_no_session_after_fifteen_seconds_and_goes_on_where_he_likes(case: Case) -> None:
    async with bench(case) as it:
        playback = it.play()
        for k in (0, 1):
            await playback.segment(k)
        assert await it.gone() <= 15
        assert it.teardowns == it.opened
        assert (it.engine.slots.used("nvr"), it.engine.holders("nvr")) == (0, ())
        # Back to what is not kept any more, and on.
        for k in (1, 2, 0):
            assert await playback.segment(k)
        assert it.open == 1
        assert await it.gone() <= 15
        assert it.teardowns == it.opened


@each_family
@jumping
async def test_player_that_asks_as_slowly_as_it_plays_keeps_its_session(case: Case) -> None:
    async with bench(case) as it:
        playback = it.play()
        begun = it.opened
        for k in range(6):
            await playback.segment(k)
            await asyncio.sleep(6)
        assert it.opened == begun + 1


@each_family
@jumping
async def test_opening_that_nobody_waits_for_any_more_leaves_no_session(case: Case) -> None:
    async with bench(case) as it:
        await it.play().segment(0)
        await it.gone()
        it.rig.simulator.rtsp.faults.describe_delay = 7.0
        opening = asyncio.create_task(it.play().master_playlist())
        await asyncio.sleep(3)
        opening.cancel()
        assert await it.gone() <= 15
        assert it.open == 0
        assert it.teardowns == it.opened


type Ending = Literal["unload", "owner", "taken over"]


@pytest.mark.parametrize("ending", ["unload", "owner", "taken over"])
@each_family
@jumping
async def test_whoever_ends_it_the_session_is_gone_within_a_second(case: Case, ending: Ending) -> None:
    async with bench(case) as it:
        playback = it.play()
        await playback.segment(0)
        it.rig.simulator.rtsp.faults.delivery = 0.5
        waiting = asyncio.create_task(playback.segment(8))
        await asyncio.sleep(2)
        assert it.open == 1
        waited = skipped()
        match ending:
            case "unload":
                await it.engine.close_recorder("nvr")
            case "owner":
                await it.engine.close_owner("anna")
            case _:
                stay = it.engine.slots.find(it.engine.holders("nvr")[0].session_id)
                assert stay is not None
                await it.engine.slots.end(stay, LossReason.TAKEN_OVER)
        assert it.open == 0
        assert skipped() - waited <= 1
        assert it.teardowns == it.opened
        assert it.engine.slots.used("nvr") == 0
        with pytest.raises(NvrError) as caught:
            await waiting
        assert isinstance(caught.value, SessionEndedError) == (ending == "taken over")


@each_family
@jumping
async def test_who_lost_it_to_an_administrator_is_told_and_does_not_take_it_back(case: Case) -> None:
    async with bench(case) as it:
        playback, other = it.play(), it.play("ben")
        for each in (playback, other):
            await each.segment(0)
        lost, _ = it.engine.holders("nvr")
        stay = it.engine.slots.find(lost.session_id)
        assert stay is not None
        await it.engine.slots.end(stay, LossReason.TAKEN_OVER, keep_for="admin")
        for ask in (playback.master_playlist, playback.media_playlist, playback.init_segment):
            with pytest.raises(SessionEndedError) as caught:
                await ask()
            assert caught.value.reason is LossReason.TAKEN_OVER
        with pytest.raises(SessionEndedError):
            await playback.segment(0)
        assert [slot.owner for slot in it.engine.holders("nvr")] == ["ben"]
        assert it.open == 1
        await other.segment(1)
        # Whoever opens the same again begins anew.
        await it.play().segment(0)


@pytest.mark.parametrize(("status", "stage"), [(453, "SETUP"), (503, "DESCRIBE")])
@each_family
@jumping
async def test_limit_is_learned_from_a_refusal(case: Case, status: int, stage: Literal["DESCRIBE", "SETUP"]) -> None:
    async with bench(case) as it:
        options = it.rig.simulator.rtsp.options
        options.playback_limit, options.limit_status, options.limit_at = 2, status, stage
        anna, ben = it.play("anna"), it.play("ben")
        for playback in (anna, ben):
            await playback.segment(0)
        assert it.engine.slots.limit("nvr", SLOTS) == SLOTS
        with pytest.raises(SlotsBusyError) as caught:
            await it.play("cleo").segment(0)
        assert caught.value.limit == it.engine.slots.limit("nvr", SLOTS) == 2
        assert [slot.owner for slot in caught.value.holders] == ["anna", "ben"]
        # It is not asked again what it has refused.
        refused = it.rig.simulator.rtsp.counters.refused
        with pytest.raises(SlotsBusyError):
            await it.play("cleo").segment(0)
        assert it.rig.simulator.rtsp.counters.refused == refused
        for playback in (anna, ben):
            assert await playback.segment(1)
        assert it.open == 2


@each_family
@jumping
async def test_own_idle_playback_gives_way_where_the_recorder_has_no_other(case: Case) -> None:
    async with bench(case) as it:
        it.rig.simulator.rtsp.options.playback_limit = 1
        first = it.play()
        await first.segment(0)
        await asyncio.sleep(9)
        second = it.play()
        await second.segment(0)
        assert (it.open, it.rig.simulator.rtsp.counters.sessions_peak["playback"]) == (1, 1)
        assert it.teardowns == it.opened - 1
        assert it.engine.slots.limit("nvr", SLOTS) == 1
        # The one that gave way is not over, but it does not take back by force.
        with pytest.raises(SlotsBusyError):
            await first.segment(5)
        await second.close()
        assert await first.segment(5)


@each_family
@jumping
async def test_sessions_that_others_had_are_found_when_they_are_free_again(case: Case) -> None:
    async with bench(case) as it:
        assert it.driver.playback is not None
        it.rig.simulator.rtsp.options.playback_limit = 2
        request = await it.driver.playback.request(1, TimeSpan(it.start, it.start + timedelta(minutes=5)))
        strangers = [await RtspSession.open(request, it.driver.guard) for _ in range(2)]
        with pytest.raises(NvrNoSessionError):
            await it.play().segment(0)
        assert it.engine.slots.limit("nvr", SLOTS) == 1
        for stranger in strangers:
            await stranger.close()
        it.engine.slots._utcnow = it.engine.slots._of("nvr")._utcnow = utcnow
        it.rig.simulator.rtsp.options.playback_limit = SLOTS
        players = [it.play(owner) for owner in ("anna", "ben", "cleo", "dora")]
        await players[0].segment(0)
        with pytest.raises(SlotsBusyError):
            await players[1].segment(0)
        await asyncio.sleep(300)
        for player, k in itertools.product(players, (1, 2)):
            assert await player.segment(k)
        assert (it.open, it.engine.slots.learned("nvr")) == (SLOTS, {})


@each_family
@jumping
async def test_whoever_leaves_while_a_session_opens_leaves_nothing(case: Case) -> None:
    async with bench(case) as it:
        await it.play().segment(0)
        await it.gone()
        for delay in (0.0, 0.002, 0.005, 0.02, 0.05, 0.2):
            playback = it.play()
            opening = asyncio.create_task(playback.segment(0))
            await asyncio.sleep(delay)
            waited = skipped()
            opening.cancel()
            await playback.close()
            assert skipped() - waited <= 1
            with suppress(asyncio.CancelledError, NvrError):
                await opening
            assert it.open == 0
        assert it.teardowns == it.opened
        assert it.engine.slots.used("nvr") == 0
