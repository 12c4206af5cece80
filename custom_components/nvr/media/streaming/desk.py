"""All streams of all viewers: found by the number a socket knows, let in by tokens that are good once."""

import asyncio
from dataclasses import dataclass
from functools import partial
import secrets
from typing import Final

from ...core.errors import NvrBusyError, NvrNotFoundError
from ..pool import WorkPool
from ..sessions import SessionSlots
from .frames import MAX_STREAM_ID
from .stream import Ending, MediaStream

TOKEN_LIFETIME: Final = 15.0
_MOST: Final = 512


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
        self._tasks: set[asyncio.Task[None]] = set()

    def next_id(self) -> int:
        """Return a number no stream has; raises NvrBusyError when there are too many."""
        if len(self._streams) >= _MOST:
            raise NvrBusyError("too many streams are open", retry_after=5.0)
        while True:
            self._last = self._last % MAX_STREAM_ID + 1
            if self._last not in self._streams:
                return self._last

    def add(self, stream: MediaStream) -> None:
        """Keep a stream until it is closed."""
        self._streams[stream.stream_id] = stream
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
        return ticket.stream

    async def close_recorder(self, recorder_id: str, ending: Ending) -> None:
        """End all streams of a recorder."""
        await self._close([stream for stream in self._streams.values() if stream.recorder_id == recorder_id], ending)

    async def aclose(self) -> None:
        """End everything; nothing is left on any recorder."""
        await self._close(list(self._streams.values()), Ending("stopped", "Home Assistant is stopping."))
        while self._tasks:
            await asyncio.wait(set(self._tasks))

    def close_soon(self, stream: MediaStream, ending: Ending) -> None:
        """End a stream without waiting for it; it is marked as closed at once."""
        task = asyncio.Task(stream.close(ending), loop=asyncio.get_running_loop(), eager_start=True)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _close(self, streams: list[MediaStream], ending: Ending) -> None:
        await asyncio.gather(*(stream.close(ending) for stream in streams))

    def _forget(self, stream: MediaStream) -> None:
        self._streams.pop(stream.stream_id, None)
        for token in [token for token, ticket in self._tickets.items() if ticket.stream is stream]:
            self._tickets.pop(token).timer.cancel()

    def _expire(self, token: str) -> None:
        ticket = self._tickets.pop(token, None)
        if ticket is not None:
            self.close_soon(ticket.stream, Ending("abandoned", "Nobody took the stream."))
