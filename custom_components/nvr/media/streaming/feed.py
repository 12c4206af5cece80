"""What a stream reads from, whatever it is: an open source of frames, and what came of it."""

from dataclasses import dataclass, field
import time
from typing import Final, Protocol

from ...core.models import VideoCodec
from ..audio import AudioFormat, AudioUnit
from ..cover import Sample
from ..fmp4 import VideoSets
from ..rtsp.connection import SessionLimits

_LETTING_GO: Final = 3.0


@dataclass(slots=True)
class Batch:
    """What came: frames, or that the footage has a gap (ticks), or that it ended."""

    samples: list[Sample] = field(default_factory=list)
    gap: tuple[int, int] | None = None
    ended: bool = False


class Parting:
    """When the last session was left: a recorder may need a moment to let go of it, and refuses others meanwhile."""

    def __init__(self) -> None:
        """None was."""
        self._until = 0.0

    @property
    def is_recent(self) -> bool:
        """Whether it is worth asking again."""
        return time.monotonic() < self._until

    def note(self) -> None:
        """A session was left just now."""
        self._until = time.monotonic() + _LETTING_GO


@dataclass(frozen=True, slots=True)
class FeedOptions:
    """How to read: with sound or without; `fast` where the recorder sends faster than real time; at which speed."""

    sound: bool = False
    fast: bool = False
    parting: Parting = field(default_factory=Parting)
    scale: float = 1.0
    limits: SessionLimits = field(default_factory=SessionLimits)


class Feed(Protocol):
    """An open source of frames. `close` it whatever happens."""

    async def read(self) -> Batch:
        """Return what comes next. Raises NvrError subclasses."""

    async def pause(self) -> None:
        """Let the recorder stop sending."""

    async def rest(self) -> None:
        """Keep what is paused alive, until cancelled."""

    async def resume(self) -> None:
        """Go on where it was paused; frames that were read already are left out."""

    async def close(self) -> None:
        """End the session on the recorder."""

    @property
    def codec(self) -> VideoCodec:
        """What the frames are."""

    @property
    def sets(self) -> VideoSets | None:
        """The newest parameter sets."""

    @property
    def audio(self) -> AudioFormat | None:
        """What sounds; None without sound."""

    def take_audio(self) -> tuple[int, list[AudioUnit]]:
        """Return what was heard since the last time, and by how many ticks that of earlier times must be moved."""
