"""What every demuxer of ours is: bytes in as they come, pictures and sound out, constant memory. Pure."""

from dataclasses import dataclass, field
from typing import Protocol

from ...core.errors import NvrResponseError
from ..aac import FRAME, RATES, AacConfig, make_config
from ..audio import AudioFormat, AudioUnit
from ..cover import Sample
from ..ticks import RATE
from .pictures import Pictures

MOST_UNIT = 16 * 1024 * 1024
"""Bytes of one picture at most: more is no picture."""

_ADTS = 7
_CHANNELS = {1: 1, 2: 2}


@dataclass(slots=True)
class Pieces:
    """What some bytes held, in order; times in ticks since the epoch."""

    samples: list[Sample] = field(default_factory=list)
    units: list[AudioUnit] = field(default_factory=list)


class Demuxer(Protocol):
    """Takes one stream apart."""

    pictures: Pictures
    audio: AudioFormat | None

    def feed(self, data: bytes) -> Pieces:
        """Take the next bytes; raises NvrResponseError for what is none, NvrUnsupportedError for what nobody plays."""

    def close(self) -> Pieces:
        """Return what the end completes."""


class AdtsReader:
    """Frames of AAC that carry their own headers (ISO/IEC 13818-7 6.2), out of pieces cut anywhere."""

    def __init__(self, config: AacConfig | None = None) -> None:
        """Wait for a header; `config` where one was seen before."""
        self.config = config
        self._rest = b""
        self._next = 0

    def push(self, moment: int, data: bytes) -> list[AudioUnit]:
        """Return the frames that are whole now; `moment` is when the first begins that begins in `data`."""
        if not self._rest:
            self._next = moment
        data = self._rest + data
        found: list[AudioUnit] = []
        at = 0
        while len(data) - at >= _ADTS:
            value = int.from_bytes(data[at : at + _ADTS])
            size = value >> 13 & 0x1FFF
            if value >> 44 != 0xFFF or size < _ADTS:
                at += 1
                continue
            if len(data) - at < size:
                break
            self._adopt(value)
            head = _ADTS if value >> 40 & 1 else _ADTS + 2
            found.append(AudioUnit(self._next, data[at + head : at + size]))
            self._next += FRAME * RATE // self.config.rate if self.config is not None else 0
            at += size
        self._rest = data[at:]
        return found

    def _adopt(self, value: int) -> None:
        index, channels = value >> 34 & 15, value >> 30 & 7
        if self.config is None and index < len(RATES) and channels in _CHANNELS:
            self.config = make_config(RATES[index], channels)


def too_long() -> NvrResponseError:
    """Return the error for a picture that never ends."""
    return NvrResponseError("the recorder sends far more than a picture holds")
