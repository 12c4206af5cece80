"""Reads what was recorded between two moments, all of it, whatever the recorder does meanwhile.

A session that breaks or ends early is opened again where it stopped. What the recorder does not give although it lists
it is told as missing where it is a little, wherever that is; more of it, and the export has failed.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass, field
import time
from typing import Protocol

from ...core.errors import (
    NvrBusyError,
    NvrError,
    NvrNotFoundError,
    NvrResponseError,
    NvrTimeoutError,
    NvrUnreachableError,
    NvrUnsupportedError,
)
from ..audio import AudioFormat, AudioUnit
from ..audio_maker import AROUND
from ..cover import Sample
from ..fmp4 import VideoSets
from ..footage import FootageReader, Opened
from ..sources.base import Way
from ..ticks import RATE
from .holes import STANDS, Holes, IncompleteError

STEP = 2 * RATE
"""How much is read before it is written, in ticks."""

# A recorder that begins at the key frame after the asked moment is asked so much earlier.
_LEAD = 12 * RATE
_LATE = RATE // 2
_TRIES = 4
_TRIES_AT_THE_END = 2
_WAIT = 1.0


class Opener(Protocol):
    """Opens the footage of one part, by whichever way is the best."""

    async def open(self, start: int) -> Opened:
        """Open what was recorded from a moment (ticks) on; raises NvrError subclasses."""

    def broke(self, way: Way, error: NvrError, moment: int, *, sent: bool) -> bool:
        """Note that it broke or fell silent there; the next one may come another way."""


@dataclass(frozen=True, slots=True)
class Piece:
    """What was recorded in `[start, end)`, in decode order; times are true, in ticks since the epoch.

    `head` is what is only there to be decoded, from the key frame before. `fresh`: it does not go on where the piece
    before ended.
    """

    start: int
    end: int
    head: Sequence[Sample]
    body: Sequence[Sample]
    heard: Sequence[tuple[AudioFormat, Sequence[AudioUnit]]]
    fresh: bool


@dataclass(slots=True)
class Part:
    """One stretch that the recorder lists as recorded, and what it did not give of it; in ticks."""

    start: int
    end: int
    listed: tuple[int, int]
    missing: list[tuple[int, int]] = field(default_factory=list)


class ChangedError(NvrError):
    """The footage goes on in other pictures, which no file of one track holds; `moment` is where (ticks)."""

    def __init__(self, moment: int) -> None:
        """Keep where."""
        super().__init__("the footage goes on in another codec or size")
        self.moment = moment


class PartReader:
    """Reads one part after the other; `sets` are the newest parameter sets, `audio` what the first session sounds."""

    def __init__(
        self,
        opener: Callable[[Part], Opener],
        *,
        monotonic: Callable[[], float] = time.monotonic,
        wait: float | None = None,
    ) -> None:
        """Open nothing yet; `opener` makes what opens a part, `wait` (s) is the first pause before it opens again."""
        self.sets: VideoSets | None = None
        self.audio: tuple[AudioFormat, int | None] | None = None
        self._opener_of = opener
        self._monotonic = monotonic
        self._wait = _WAIT if wait is None else wait
        self._lead = 0
        self._read_any = False
        self._reader: FootageReader | None = None
        self._holes = Holes(0, 0)
        self._opener: Opener | None = None

    async def read(self, part: Part) -> AsyncGenerator[Piece]:
        """Yield all of a part, in order. Raises NvrError subclasses, IncompleteError and ChangedError among them."""
        at, fresh, failures = part.start, True, 0
        self._holes = Holes(part.start, part.end)
        self._opener = opener = self._opener_of(part)
        while at < part.end:
            problem = await self._read_on(at, part, fresh=fresh)
            piece = self._take(at, part, fresh=fresh, broken=problem is not None)
            if piece is not None:
                self._read_any = True
                for moment in sorted(sample.time for sample in piece.body):
                    self._holes.add(moment)
                yield piece
                at, failures = piece.end, 0
                fresh = fresh and not piece.body
            if problem is None:
                continue
            ended = isinstance(problem, IncompleteError | NvrNotFoundError | NvrTimeoutError)
            if at >= part.end - max(STANDS if ended else 0, 3 * self._holes.usual // 2):
                break
            failures += 1
            if self._reader is not None and not isinstance(problem, IncompleteError | NvrNotFoundError):
                opener.broke(self._reader.way, problem, at, sent=self._reader.sent)
            if self._is_over(at, part, failures, problem):
                break
            fresh = True
            await self.close()
            await asyncio.sleep(self._wait * failures)
        await self.close()
        part.missing += self._holes.finish()

    async def close(self) -> None:
        """End the session on the recorder."""
        reader, self._reader = self._reader, None
        if reader is not None:
            await reader.source.close()

    async def _read_on(self, at: int, part: Part, *, fresh: bool) -> NvrError | None:
        """Read the next step; return why it cannot be had whole. Raises what no other session would mend."""
        try:
            reader = await self._reader_at(at, part)
            await reader.read_until(min(at + STEP, part.end), part.end, at if fresh else None)
        except NvrBusyError as err:
            if not self._read_any and self._reader is None:
                raise  # nothing was read that would be read again
            return err
        except (NvrUnreachableError, NvrNotFoundError, NvrResponseError) as err:
            return err
        except NvrUnsupportedError as err:
            if self._holes.newest is None:
                raise
            raise ChangedError(self._holes.newest) from err
        reached = reader.samples[-1].time if reader.samples else 0
        over = reader.ended and reached < min(at + STEP, part.end)
        return IncompleteError(reached) if over else None

    def _take(self, at: int, part: Part, *, fresh: bool, broken: bool) -> Piece | None:
        reader = self._reader
        if reader is None or not reader.samples:
            return None
        self.sets = reader.source.sets or self.sets
        if self.audio is None and reader.audio is not None:
            heard = reader.audio.units[0].time if reader.audio.units else None
            self.audio = (reader.audio.source, heard)
        end = min(at + STEP, part.end)
        heard_there = reader.heard(at - AROUND, end + AROUND)
        head, body = reader.take(at, end, follows=not fresh)
        if broken:
            if not body:
                return None
            end = max(sample.time for sample in body) + 1
        return Piece(at, end, head if body else (), body, heard_there, fresh)

    def _is_over(self, at: int, part: Part, failures: int, problem: NvrError) -> bool:
        """Tell whether the recorder simply has no more, as far as its list may err; raises what has gone wrong."""
        answered = isinstance(problem, NvrNotFoundError | IncompleteError | NvrTimeoutError)
        listed = part.end >= part.listed[1] and part.end - at <= self._holes.slack
        if answered and listed and self._holes.newest is not None:
            return failures >= _TRIES_AT_THE_END
        if failures < _TRIES:
            return False
        raise problem if isinstance(problem, NvrUnreachableError | NvrBusyError) else IncompleteError(at)

    async def _reader_at(self, at: int, part: Part) -> FootageReader:
        if self._reader is not None:
            return self._reader
        reader = await self._begin(at, part)
        if not self._lead and at > part.listed[0]:
            await reader.read_until(at + 1, part.end, at)
            if reader.first_time is not None and reader.first_time > at + _LATE:
                self._lead = _LEAD
                await self.close()
                reader = await self._begin(at, part)
        return reader

    async def _begin(self, at: int, part: Part) -> FootageReader:
        opener = self._opener or self._opener_of(part)
        source, until, way = await opener.open(max(at - self._lead, part.listed[0]))
        self._reader = FootageReader(source, at, self._monotonic, until=until, follow=opener.open, way=way)
        return self._reader
