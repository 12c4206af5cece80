"""The waiting lines before one recorder: a recorder answers few requests at once, and people go first."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import IntEnum
import heapq
from typing import Final, Literal, get_args

from ..capabilities import GateWidths
from ..errors import NvrBusyError

type Lane = Literal["control", "search", "download", "snapshot", "ptz", "events"]

LANES: Final[tuple[Lane, ...]] = get_args(Lane.__value__)
# One event stream per recorder, whatever the number of channels (hikvision-isapi 11.1).
EVENT_STREAMS: Final = 1
# Long enough (s) for requests to leave and answers to be taken.
_BREATH: Final = 0.001


class Priority(IntEnum):
    """Who goes first in a lane."""

    PERSON = 0
    NORMAL = 1
    BACKGROUND = 2


@dataclass(slots=True)
class _LaneState:
    width: int
    busy: int = 0
    most: int = 0
    paused_until: float = 0.0
    timer: asyncio.TimerHandle | None = None
    waiting: list[tuple[int, int, asyncio.Future[None]]] = field(default_factory=list)


class Gate:
    """Lanes with widths; a slot is given by priority, then in order of arrival."""

    def __init__(self, widths: GateWidths | None = None) -> None:
        """Open the lanes with the widths of one recorder."""
        self._lanes = {lane: _LaneState(0) for lane in LANES}
        self._arrivals = 0
        self.resize(widths if widths is not None else GateWidths())

    def resize(self, widths: GateWidths) -> None:
        """Take new widths; requests under way are not disturbed."""
        for lane, state in self._lanes.items():
            state.width = EVENT_STREAMS if lane == "events" else getattr(widths, lane)
            self._admit(state)

    def in_flight(self, lane: Lane) -> int:
        """How many slots of the lane are taken."""
        return self._lanes[lane].busy

    def most_in_flight(self, lane: Lane) -> int:
        """How many slots of the lane were ever taken at once."""
        return self._lanes[lane].most

    def waiting(self, lane: Lane) -> bool:
        """Whether somebody stands in the line of the lane."""
        return any(not turn.done() for _, _, turn in self._lanes[lane].waiting)

    def pause(self, seconds: float, lane: Lane | None = None) -> None:
        """Admit nobody for that long (to one lane or to all): the recorder said it is busy."""
        loop = asyncio.get_running_loop()
        for name in LANES if lane is None else (lane,):
            state = self._lanes[name]
            state.paused_until = max(state.paused_until, loop.time() + seconds)
            if state.waiting:
                self._arm(state)

    @asynccontextmanager
    async def slot(
        self,
        lane: Lane,
        *,
        priority: Priority = Priority.NORMAL,
        timeout: float = 30.0,  # noqa: ASYNC109 - waiting in line is limited apart from the work
    ) -> AsyncIterator[None]:
        """Hold one slot of the lane. Raises NvrBusyError when none is free within `timeout` seconds."""
        state = self._lanes[lane]
        await self._enter(state, priority, timeout)
        try:
            yield
        finally:
            state.busy -= 1
            self._admit(state)

    async def after_you(self, lane: Lane) -> None:
        """Let the lane's other requests leave before a caller who has left it computes for long; at once if none is."""
        if self._lanes[lane].busy:
            await asyncio.sleep(_BREATH)

    async def _enter(self, state: _LaneState, priority: Priority, patience: float) -> None:
        loop = asyncio.get_running_loop()
        pause = state.paused_until - loop.time()
        if pause <= 0 and not state.waiting and state.busy < state.width:
            self._take(state)
            return
        if pause > patience:
            raise NvrBusyError("the recorder is busy", retry_after=pause)
        turn: asyncio.Future[None] = loop.create_future()
        self._arrivals += 1
        heapq.heappush(state.waiting, (priority, self._arrivals, turn))
        self._admit(state)
        try:
            async with asyncio.timeout(patience):
                await turn
        except BaseException as error:
            self._leave(state, turn)
            if isinstance(error, TimeoutError):
                raise NvrBusyError("no free connection to the recorder in time") from None
            raise

    def _leave(self, state: _LaneState, turn: asyncio.Future[None]) -> None:
        """Give up a place in the line, or the slot that was given in the same instant."""
        if turn.done() and not turn.cancelled():
            state.busy -= 1
        else:
            turn.cancel()
        self._admit(state)

    @staticmethod
    def _take(state: _LaneState) -> None:
        state.busy += 1
        state.most = max(state.most, state.busy)

    def _admit(self, state: _LaneState) -> None:
        while state.waiting and (state.busy < state.width or state.waiting[0][2].done()):
            if state.waiting[0][2].done():
                heapq.heappop(state.waiting)
            elif state.paused_until > asyncio.get_running_loop().time():
                self._arm(state)
                return
            else:
                turn = heapq.heappop(state.waiting)[2]
                self._take(state)
                turn.set_result(None)
        if not state.waiting and state.timer is not None:
            state.timer.cancel()
            state.timer = None

    def _arm(self, state: _LaneState) -> None:
        if state.timer is not None:
            state.timer.cancel()
        state.timer = asyncio.get_running_loop().call_at(state.paused_until, self._end_pause, state)

    def _end_pause(self, state: _LaneState) -> None:
        state.timer = None
        state.paused_until = 0.0
        self._admit(state)
