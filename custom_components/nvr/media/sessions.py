"""Playback slots: a recorder plays a few recordings at once, and its own monitor needs some of them.

A slot is held while a session is open on the recorder. When all are taken, the same owner's longest idle playback
gives its slot up; another owner's never does (hls-vod 3, rule 17).
"""

from dataclasses import dataclass
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

    def __init__(self, slots: dict[Lease, SlotHolder], holder: SlotHolder) -> None:
        """Take the slot."""
        self._slots = slots
        slots[self] = holder

    def release(self) -> None:
        """Give the slot back."""
        self._slots.pop(self, None)


class SessionSlots:
    """The slots of all recorders."""

    def __init__(self, idle_limit: float = 8.0) -> None:
        """`idle_limit`: seconds without a request after which a playback may lose its slot to the same owner's next."""
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
        return Lease(held, holder)

    def holders(self, recorder_id: str) -> tuple[HeldSlot, ...]:
        """Return who holds the recorder's slots now."""
        held = self._held.get(recorder_id, {})
        return tuple(HeldSlot(holder.owner, holder.channel, holder.idle_for()) for holder in held.values())
