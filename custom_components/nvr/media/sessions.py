"""Playback slots: a recorder plays a few recordings at once, and its own monitor needs some of them.

A slot is held while a session is open on the recorder. When all are taken, the same owner's longest idle playback
gives its slot up; another owner's never does (hls-vod 3, rule 17).
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from ..core.errors import NvrBusyError

_RETRY_AFTER = 5.0


class SlotHolder(Protocol):
    """Who holds a slot."""

    @property
    def owner(self) -> str:
        """The person or thing the playback is for."""

    @property
    def channel(self) -> int:
        """The channel that plays."""

    @property
    def kind(self) -> str:
        """What plays: "playback" of a recording."""

    @property
    def turning(self) -> bool:
        """Whether it gave its slot back only to take one for another stream of the same footage."""

    def idle_for(self) -> float:
        """Return for how many seconds nobody has asked for anything; 0 while something is asked for."""

    async def yield_slot(self) -> None:
        """End the session on the recorder, so that the slot is free; the playback may ask for another one later."""


@dataclass(frozen=True, slots=True)
class HeldSlot:
    """One taken slot, to be shown to people."""

    owner: str
    channel: int
    idle: float


class Lease:
    """The right to one session on the recorder; `release` gives it back and may be called twice."""

    def __init__(self, slots: dict[Lease, SlotHolder], holder: SlotHolder, tell: Callable[[], None]) -> None:
        """Take the slot; `tell` is called when it is given back."""
        self._slots = slots
        self._tell = tell
        slots[self] = holder

    def release(self) -> None:
        """Give the slot back."""
        if self._slots.pop(self, None) is not None:
            self._tell()


class SessionSlots:
    """The slots of all recorders.

    `on_change` is called with recorder and holder when the holder got something through his slot, and when he gave one
    back. Whoever finds the recorder busy or away takes slots too, again and again: nobody is told of that.
    """

    def __init__(self, idle_limit: float = 8.0) -> None:
        """`idle_limit`: seconds without a request after which a playback may lose its slot to the same owner's next."""
        self.on_change: Callable[[str, SlotHolder], None] | None = None
        self._idle_limit = idle_limit
        self._held: dict[str, dict[Lease, SlotHolder]] = {}

    async def acquire(self, recorder_id: str, limit: int, holder: SlotHolder) -> Lease:
        """Return a lease; raises NvrBusyError when `limit` sessions are held and none may be replaced."""
        held = self._held.setdefault(recorder_id, {})
        while len(held) >= max(1, limit):
            idle = [
                (other.idle_for(), other)
                for other in held.values()
                if other.owner == holder.owner and other is not holder and other.idle_for() >= self._idle_limit
            ]
            if not idle:
                raise NvrBusyError("all playback sessions of the recorder are in use", retry_after=_RETRY_AFTER)
            await max(idle, key=lambda pair: pair[0])[1].yield_slot()
        return Lease(held, holder, partial(self.tell, recorder_id, holder))

    def holds(self, recorder_id: str, holder: SlotHolder) -> bool:
        """Tell whether the holder has a slot now."""
        return any(other is holder for other in self._held.get(recorder_id, {}).values())

    def holders(self, recorder_id: str) -> tuple[HeldSlot, ...]:
        """Return who holds the recorder's slots now."""
        held = self._held.get(recorder_id, {})
        return tuple(HeldSlot(holder.owner, holder.channel, holder.idle_for()) for holder in held.values())

    def tell(self, recorder_id: str, holder: SlotHolder) -> None:
        """Tell who listens to look at the holder."""
        if self.on_change is not None:
            self.on_change(recorder_id, holder)
