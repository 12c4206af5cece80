"""What is on its way to a viewer: bounded, so that one who cannot follow costs no memory."""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from ..ticks import RATE
from .frames import Kind

MOST_BYTES: Final = 8 * 1024 * 1024
MOST_TICKS: Final = 2 * RATE
_PICTURES: Final = frozenset({Kind.FRAGMENT, Kind.KEY, Kind.JPEG})


@dataclass(frozen=True, slots=True)
class Message:
    """One message, and for how many ticks its pictures last."""

    kind: Kind
    data: bytes = field(repr=False)
    duration: int = 0


class Outbox:
    """The messages of one stream. `listen` is told when there is something to take."""

    def __init__(self, *, most_bytes: int = MOST_BYTES, most_ticks: int = MOST_TICKS) -> None:
        """Begin empty."""
        self.dropped = 0
        self._most_bytes = most_bytes
        self._most_ticks = most_ticks
        self._messages: deque[Message] = deque()
        self._bytes = 0
        self._ticks = 0
        self._room = asyncio.Event()
        self._room.set()
        self._skipping = False
        self._listener: Callable[[], None] | None = None

    def __len__(self) -> int:
        """Return how many messages wait."""
        return len(self._messages)

    @property
    def full(self) -> bool:
        """Whether nothing more should be put in."""
        return self._bytes >= self._most_bytes or self._ticks >= self._most_ticks

    def listen(self, listener: Callable[[], None] | None) -> None:
        """Tell the listener from now on, and at once if something waits."""
        self._listener = listener
        if listener is not None and self._messages:
            listener()

    def put(self, message: Message) -> None:
        """Add a message, however full it is."""
        self._messages.append(message)
        self._bytes += len(message.data)
        self._ticks += message.duration
        if self.full:
            self._room.clear()
        if self._listener is not None:
            self._listener()

    def put_live(self, message: Message) -> None:
        """Add a message; when it is full forget the pictures that wait, and those that come before a key frame."""
        picture = message.kind in _PICTURES
        if picture and self.full:
            kept = [item for item in self._messages if item.kind not in _PICTURES]
            self.dropped += len(self._messages) - len(kept)
            self.clear()
            for item in kept:
                self.put(item)
            self._skipping = True
        if self._skipping and message.kind is Kind.FRAGMENT:
            self.dropped += 1
            return
        self._skipping = self._skipping and not picture
        self.put(message)

    def take(self) -> Message | None:
        """Return the oldest message, None when there is none."""
        if not self._messages:
            return None
        message = self._messages.popleft()
        self._bytes -= len(message.data)
        self._ticks -= message.duration
        if not self.full:
            self._room.set()
        return message

    def clear(self) -> None:
        """Forget what waits."""
        self._messages.clear()
        self._bytes = self._ticks = 0
        self._room.set()

    async def room(self) -> None:
        """Wait until something may be put in."""
        await self._room.wait()
