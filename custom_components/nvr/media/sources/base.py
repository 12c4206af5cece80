"""What a source of footage is to those who read from it, whatever it comes from.

Frames carry the moment they were recorded; nobody behind this interface knows of RTP, program streams or files.
"""

from enum import StrEnum
from typing import Protocol, runtime_checkable

from ...core.models import VideoCodec
from ..audio import AudioFormat, AudioUnit
from ..cover import Sample
from ..fmp4 import VideoSets


class Way(StrEnum):
    """How footage is had."""

    PLAYBACK = "playback"
    DOWNLOAD = "download"
    FILE = "file"


class FrameClock(Protocol):
    """What dates the frames of a source."""

    @property
    def generation(self) -> int:
        """How often it was moved since the source was opened: frames on both sides of that lie apart by chance."""


class FrameSource(Protocol):
    """An open source. Opened at a moment; another moment is another source.

    `read` may be cancelled, and goes on with the next call; not reading holds the recorder back. `correction`: by how
    many ticks the frames of earlier reads must be moved; the reader sets it back to 0.
    """

    correction: int

    @property
    def codec(self) -> VideoCodec:
        """What the pictures are."""

    @property
    def clock(self) -> FrameClock:
        """What dates the frames."""

    @property
    def sets(self) -> VideoSets | None:
        """The newest parameter sets; they stand before every key frame too."""

    @property
    def audio(self) -> AudioFormat | None:
        """What sounds; None for silent footage, and while no sound has come."""

    async def read(self, silence: float | None = None) -> list[Sample]:
        """Return the next frames in decode order, at least one; an empty list at the end of the footage.

        Raises NvrTimeoutError after `silence` seconds without any and NvrUnreachableError when it broke off.
        """

    def take_audio(self) -> tuple[int, list[AudioUnit]]:
        """Return what was heard since the last time, and by how many ticks that of earlier times must be moved."""

    async def close(self) -> None:
        """End it on the recorder, at once; safe to call twice."""


@runtime_checkable
class Measured(Protocol):
    """A source that knows how fast it is."""

    @property
    def speed(self) -> float:
        """How many times faster than real time it comes; 0 while nobody can tell."""


class SteadyClock:
    """The clock of a source whose frames carry their own time: it is never moved."""

    generation = 0
