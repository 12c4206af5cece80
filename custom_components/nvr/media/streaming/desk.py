"""All streams of all viewers: found by the number a socket knows, let in by tokens that are good once."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
import secrets
from typing import Final

from ...core.errors import NvrBusyError, NvrNotFoundError
from ..pool import WorkPool
from ..sessions import SessionSlots
from .frames import MAX_STREAM_ID
from .stream import Ending, MediaStream

# Who left at once is gone within 15 seconds, his session on the recorder too.
TOKEN_LIFETIME: Final = 13.0
# A few walls of cameras of one and the same user, whose pages do not know of each other.
MOST_OF_ONE: Final = 128
MOST: Final = 512


class TooManyStreamsError(NvrBusyError):
    """No further stream is opened: `most` are, of this owner or (`of_all`) of everybody."""

    def __init__(self, most: int, *, of_all: bool) -> None:
        """Keep how many there are."""
        super().__init__(f"{most} streams are open", retry_after=5.0)
        self.most = most
        self.of_all = of_all


@dataclass(slots=True)
class _Ticket:
    stream: MediaStream
    timer: asyncio.TimerHandle


class StreamDesk:
    """Lives as long as Home Assistant runs. `live` counts sessions that take no playback slot."""

    def __init__(self, slots: SessionSlots, pool: WorkPool) -> None:
        """`slots` and `pool`: sessions and threads, shared with everybody else who plays."""
        self.slots = slots
        self.pool = pool
        self.live = SessionSlots()
        self._streams: dict[int, MediaStream] = {}
        self._tickets: dict[str, _Ticket] = {}
        self._last = 0
        self._untaken: set[MediaStream] = set()
        # What is closed and may still say goodbye to its recorder.
        self._leaving: list[MediaStream] = []
        self._tasks: dict[asyncio.Task[None], str] = {}

    def next_id(self, owner: str) -> int:
        """Return a number no stream has; raises TooManyStreamsError."""
        if len(self._streams) >= MOST:
            raise TooManyStreamsError(MOST, of_all=True)
        if sum(stream.owner == owner for stream in self._streams.values()) >= MOST_OF_ONE:
            raise TooManyStreamsError(MOST_OF_ONE, of_all=False)
        while True:
            self._last = self._last % MAX_STREAM_ID + 1
            if self._last not in self._streams:
                return self._last

    def add(self, stream: MediaStream) -> None:
        """Keep a stream until it is closed."""
        self._streams[stream.stream_id] = stream
        self._untaken.add(stream)
        stream.closing.append(partial(self._forget, stream))

    def find(self, session_id: str) -> MediaStream | None:
        """Return the stream of a session."""
        return next((stream for stream in self._streams.values() if stream.session_id == session_id), None)

    def streams(self) -> tuple[MediaStream, ...]:
        """Return all streams, oldest first."""
        return tuple(self._streams.values())

    def mint(self, stream: MediaStream) -> str:
        """Return a token that lets a socket have the stream, once and soon; unused, it ends the stream."""
        token = secrets.token_urlsafe(24)
        timer = asyncio.get_running_loop().call_later(TOKEN_LIFETIME, self._expire, token)
        self._tickets[token] = _Ticket(stream, timer)
        return token

    def redeem(self, token: str) -> MediaStream:
        """Return the stream of a token, which is used up now; raises NvrNotFoundError."""
        ticket = self._tickets.pop(token, None)
        if ticket is None:
            raise NvrNotFoundError("no such stream")
        ticket.timer.cancel()
        self._untaken.discard(ticket.stream)
        return ticket.stream

    def give_up(self, stream: MediaStream) -> None:
        """End a stream soon, unless somebody has taken it: whoever asked for it has left."""
        if stream in self._untaken:
            self.close_soon(stream, Ending("left"))

    async def close_recorder(self, recorder_id: str, ending: Ending) -> None:
        """End all streams of a recorder, and wait for those that are ending already."""
        await self._close(lambda owner: owner == recorder_id, ending)

    async def aclose(self, ending: Ending) -> None:
        """End everything; nothing is left on any recorder."""
        await self._close(lambda _: True, ending)

    async def close(self, stream: MediaStream, ending: Ending) -> None:
        """End a stream; whoever is cancelled here ends only his waiting."""
        await asyncio.wait({self._begin_close(stream, ending)})

    def close_soon(self, stream: MediaStream, ending: Ending) -> None:
        """End a stream without waiting for it; it is marked as closed at once."""
        self._begin_close(stream, ending)

    def _begin_close(self, stream: MediaStream, ending: Ending) -> asyncio.Task[None]:
        task = asyncio.Task(stream.close(ending), loop=asyncio.get_running_loop(), eager_start=True)
        self._tasks[task] = stream.recorder_id
        task.add_done_callback(self._tasks.pop)
        return task

    async def _close(self, of_recorder: Callable[[str], bool], ending: Ending) -> None:
        streams = [*self._streams.values(), *self._leaving]
        for stream in streams:
            if of_recorder(stream.recorder_id):
                self.close_soon(stream, ending)
        while tasks := {task for task, recorder_id in self._tasks.items() if of_recorder(recorder_id)}:
            await asyncio.wait(tasks)
        self._forget_the_gone()

    def _forget_the_gone(self) -> None:
        self._leaving = [stream for stream in self._leaving if not stream.done]

    def _forget(self, stream: MediaStream) -> None:
        self._forget_the_gone()
        self._leaving.append(stream)
        self._streams.pop(stream.stream_id, None)
        self._untaken.discard(stream)
        for token in [token for token, ticket in self._tickets.items() if ticket.stream is stream]:
            self._tickets.pop(token).timer.cancel()

    def _expire(self, token: str) -> None:
        ticket = self._tickets.pop(token, None)
        if ticket is not None:
            self.close_soon(ticket.stream, Ending("abandoned"))
