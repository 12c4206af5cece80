"""Downloads of any size at the speed of the line, for benchmarks: the frames of real files, without pictures in them.

What such a file takes to paint and encode is left out; only what counts on is written anew for each second.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count
import math
from random import Random

from tests.simulators.clock import SimClock

from .dhav import AUXILIARY, HEAD, INTER, KEY, SMALLEST, SOUND, Stamp, header, trailer

_PICTURES, _SOUNDS, _SOUND_SIZE = 30, 50, 160
_KEY_WEIGHT = 10
_PICTURE_TAGS = bytes([0x80, 0, 0xF0, 0x87, 0x81, 0, 0x02, _PICTURES])
_SOUND_TAGS = bytes([0x83, 1, 0x0E, 0])
_PAYLOAD = Random("bulk").randbytes


@dataclass(frozen=True, slots=True)
class _Part:
    """One frame of a second: where its header is, and when in the second it is shown."""

    kind: int
    at: int
    length: int
    tags: bytes
    milliseconds: int


class BulkDhav:
    """A second of DHAV again and again, each with times and numbers of its own; `size` in all."""

    def __init__(self, clock: SimClock, channel: int, span: tuple[datetime, datetime], size: int) -> None:
        self._clock = clock
        self._channel = channel - 1
        self._start = span[0].replace(microsecond=0)
        self._seconds = max(1, math.ceil((span[1] - self._start).total_seconds()))
        self._block = bytearray()
        self._parts: list[_Part] = []
        self._make(-(-size // self._seconds))
        self.size = len(self._block) * self._seconds

    def _make(self, size: int) -> None:
        """Fill one second: a key picture and others, sound all along, and one frame that players skip."""
        fixed = (_PICTURES + _SOUNDS + 1) * SMALLEST + _PICTURES * len(_PICTURE_TAGS)
        fixed += _SOUNDS * (len(_SOUND_TAGS) + _SOUND_SIZE) + 48
        unit = -(-max(0, size - fixed) // (_PICTURES - 1 + _KEY_WEIGHT)) + 1
        pictures = [(number * 1000 // _PICTURES, KEY if number == 0 else INTER) for number in range(_PICTURES)]
        sounds = [(number * 1000 // _SOUNDS, SOUND) for number in range(_SOUNDS)]
        for milliseconds, kind in sorted([*pictures, *sounds, (1, AUXILIARY)]):
            length = {KEY: unit * _KEY_WEIGHT, INTER: unit, SOUND: _SOUND_SIZE}.get(kind, 48)
            tags = {KEY: _PICTURE_TAGS, INTER: _PICTURE_TAGS, SOUND: _SOUND_TAGS}.get(kind, b"")
            self._parts.append(_Part(kind, len(self._block), length, tags, milliseconds))
            total = HEAD + len(tags) + length + (SMALLEST - HEAD)
            self._block += bytes(HEAD) + tags + _PAYLOAD(length).replace(b"DHAV", b"dHaV") + trailer(total)
        self._parts.sort(key=lambda part: (part.milliseconds, part.kind != KEY))

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Yield the seconds one by one."""
        numbers = {KEY: count(1), SOUND: count(1), AUXILIARY: count(1)}
        for second in range(self._seconds):
            moment = self._clock.to_device(self._start + timedelta(seconds=second))
            wall, base = moment.replace(tzinfo=None), round(moment.timestamp() * 1000)
            for part in self._parts:
                number = next(numbers[KEY if part.kind == INTER else part.kind])
                stamp = Stamp(wall, base + part.milliseconds)
                head = header(part.kind, part.length, number, stamp, part.tags, channel=self._channel)
                self._block[part.at : part.at + HEAD] = head
            yield bytes(self._block)
