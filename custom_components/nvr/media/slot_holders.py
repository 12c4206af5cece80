"""Who holds a recorder's sessions, how people see that, and why somebody gets or keeps none."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final, Protocol, runtime_checkable

from ..core.errors import NvrBusyError, NvrError

_RETRY_AFTER: Final = 5.0


class LossReason(StrEnum):
    """Why a holder loses his slot."""

    REPLACED = "replaced"
    TAKEN_OVER = "taken_over"
    ENDED = "ended"
    SILENT = "silent"

    @property
    def final(self) -> bool:
        """Whether what was played is over, too: somebody ended it. Else it may ask for a slot again."""
        return self in {LossReason.TAKEN_OVER, LossReason.ENDED}


class SlotHolder(Protocol):
    """Who holds a slot. One that can tell its viewer why the session ends is a `SlotLoser`, too."""

    @property
    def owner(self) -> str:
        """The person or thing the playback is for."""

    @property
    def channel(self) -> int:
        """The channel that plays."""

    @property
    def kind(self) -> str:
        """What plays: "playback" of a recording, "export", "thumbnail"."""

    @property
    def turning(self) -> bool:
        """Whether it gave its slot back only to take one for another stream of the same footage."""

    def idle_for(self) -> float:
        """Return for how many seconds nobody has asked for anything; 0 while something is asked for."""

    async def yield_slot(self) -> None:
        """End the session on the recorder, so that the slot is free; the playback may ask for another one later."""


@runtime_checkable
class NumberedHolder(Protocol):
    """A holder whose viewer knows it by a number already: its session has the same."""

    @property
    def session_id(self) -> str:
        """The number, hard to guess."""


@runtime_checkable
class SlotLoser(Protocol):
    """A holder that can tell its viewer why it loses its slot; then it is not asked to `yield_slot`."""

    async def lose_slot(self, reason: LossReason) -> None:
        """End the session on the recorder and tell the viewer; after a `final` reason it asks for no slot again."""


@dataclass(frozen=True, slots=True)
class HeldSlot:
    """One session, to be shown to people: whose, since when (UTC), and for how many seconds nobody has asked it."""

    session_id: str
    owner: str
    channel: int
    kind: str
    since: datetime
    idle: float


class SlotsBusyError(NvrBusyError):
    """All sessions that a recorder has for us are in use; `holders` has them by."""

    def __init__(self, limit: int, holders: tuple[HeldSlot, ...]) -> None:
        """`limit`: how many there are; fewer may be held where the rest are kept for somebody."""
        super().__init__("all playback sessions of the recorder are in use", retry_after=_RETRY_AFTER)
        self.limit = limit
        self.holders = holders


class SessionEndedError(NvrError):
    """Somebody ended this session, and it does not come back; opening the same anew is another one."""

    def __init__(self, reason: LossReason) -> None:
        """Keep why."""
        super().__init__(f"this session was ended ({reason.value})")
        self.reason = reason
