"""Makes one film of the pieces that a reader gives: parts one behind the other, sound beside the pictures.

Parts follow one another without the time between them. The first picture of a part stands at its very beginning, and
what is only there to be decoded lasts one tick each, taken from the picture before.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from ..aac import FRAME
from ..audio import AudioFormat
from ..audio_maker import AudioMaker
from ..cover import Sample
from ..fmp4 import VideoSets, VideoTrack
from ..pool import WorkPool
from ..ticks import RATE, to_seconds
from .movie import MovieWriter, Picture, Timing, room_for
from .reading import ChangedError, Part, Piece


@dataclass(frozen=True, slots=True)
class Film:
    """A finished file. `length` in seconds; `codec` is the RFC 6381 name of the pictures."""

    size: int
    length: float
    codec: str
    width: int
    height: int
    sound: bool
    pictures: int


class FilmMaker:
    """Writes one film. Every method of it may be cancelled; `close` it whatever happens."""

    def __init__(self, path: Path, parts: Sequence[Part], pool: WorkPool) -> None:
        """Begin nothing yet."""
        self._path = path
        self._pool = pool
        self._seconds = to_seconds(sum(part.end - part.start for part in parts))
        self._origin = parts[0].start
        self._writer: MovieWriter | None = None
        self._sound: AudioMaker | None = None
        self._asked_for_sound = False
        self._heard_until = 0
        self._sound_from = 0
        self._frames = 0
        self._sets: VideoSets | None = None
        # Where the present part begins: in the film, and in the world.
        self._at = self._from = 0
        self._first_of_part = True
        self._shown = 0
        self._head = 0

    async def open(self) -> None:
        """Begin the file. Raises OSError."""
        opening = asyncio.ensure_future(self._pool.run(MovieWriter, self._path, room_for(self._seconds)))
        try:
            self._writer = await asyncio.shield(opening)
        except asyncio.CancelledError:
            self._writer = await opening  # to be closed, and removed, like any other
            raise

    def begin(self, part: Part) -> None:
        """Let a part follow."""
        self._from, self._at = part.start, self._shown
        self._first_of_part = True
        if self._sound is not None:
            # The frames of sound do not fit the parts: what is too much or too little is made good here.
            heard = self._frames * FRAME - self._sound_from
            late = self._at - heard * RATE // self._sound.track.config.rate
            self._heard_until = part.start - late

    async def add(self, piece: Piece, audio: tuple[AudioFormat, int | None] | None, sets: VideoSets | None) -> int:
        """Add what comes next and return the size of the file so far. Raises OSError, or ChangedError."""
        self._sets = self._sets or sets
        if sets is not None and self._sets is not None and _looks(sets) != _looks(self._sets):
            raise ChangedError(piece.start)
        if not self._asked_for_sound:
            await self._begin_sound(audio, piece)
        sound = await self._sound_of(piece)
        return await self._write(piece.head, piece.body, sound)

    def end(self, part: Part) -> None:
        """Let the part end where it was to, its last picture standing as long."""
        self._shown = self._at + part.end - part.start

    async def finish(self, recorded: datetime) -> Film:
        """Have the whole film on the disk. `recorded`: when its first picture was. Raises OSError."""
        writer = self._file
        if (sets := self._sets) is None:
            raise ValueError("a film without a picture")
        track = VideoTrack(sets)
        timing = Timing(recorded, self._head, self._shown, self._sound_from)
        sound = self._sound.track if self._sound is not None and self._frames else None
        await self._pool.run(writer.finish, track, sound, timing)
        info = sets.info
        size = (await self._pool.run(self._path.stat)).st_size
        return Film(
            size, to_seconds(self._shown), info.codec, info.width, info.height, sound is not None, writer.pictures
        )

    async def close(self) -> None:
        """Let go of the file."""
        if self._writer is not None:
            await self._pool.run(self._writer.close)

    @property
    def _file(self) -> MovieWriter:
        if self._writer is None:
            raise ValueError("the film was not begun")
        return self._writer

    async def _write(self, head: Sequence[Sample], body: Sequence[Sample], sound: Sequence[bytes]) -> int:
        pictures: list[Picture] = []
        if body:
            if not self._file.pictures:
                self._head = len(head)
            place = self._at + self._head - self._from
            first = min(sample.time for sample in body)
            begin = self._from if self._first_of_part else first
            pictures += [
                Picture(place + begin - len(head) + number, sample.key, sample.data)
                for number, sample in enumerate(head)
            ]
            pictures += [
                Picture(place + (begin if sample.time == first else sample.time), sample.key, sample.data)
                for sample in body
            ]
            self._first_of_part = False
        return await self._pool.run(self._file.add, pictures, sound)

    async def _begin_sound(self, audio: tuple[AudioFormat, int | None] | None, piece: Piece) -> None:
        self._asked_for_sound = True
        if audio is None:
            return
        self._sound = await AudioMaker.open(audio[0], audio[1], self._origin, self._pool)
        if self._sound is not None:
            self._heard_until = piece.start

    async def _sound_of(self, piece: Piece) -> list[bytes]:
        """Return the sound up to the end of the piece, without a hole to what was returned before."""
        if self._sound is None:
            return []
        rate = self._sound.track.config.rate
        start = self._heard_until
        if not self._frames:
            # The frame in which the first picture falls.
            start -= FRAME * RATE // rate - 1
        samples = await self._sound.samples(start, piece.end, piece.heard)
        self._heard_until = max(piece.end, start)
        if samples and not self._frames:
            self._sound_from = max(0, (piece.start - self._origin) * rate // RATE - samples[0].dts)
        self._frames += len(samples)
        return [sample.data for sample in samples]


def _looks(sets: VideoSets) -> tuple[str, int, int]:
    """Return what one track of a file has in common."""
    info = sets.info
    return info.codec[:4], info.width, info.height
