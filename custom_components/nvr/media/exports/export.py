"""One export: from what the recorder lists as recorded to a film on the disk."""

from collections.abc import Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from pathlib import Path
import time
from typing import Protocol

from ...core.driver import CredentialGuard, DownloadSource, PlaybackSource
from ...core.models import RecordingSegment, StreamRole, TimeSpan
from ..pool import WorkPool
from ..rtsp.connection import SessionLimits
from ..sources.choice import SourceMemory
from ..sources.opener import SourceOpener
from ..ticks import RATE, from_datetime, to_datetime, to_seconds
from .files import LOOK_EVERY, require_space
from .film import Film, FilmMaker
from .reading import Opener, Part, PartReader

_SHORTEST = 0.1


type OpenerOf = Callable[[Part], Opener]


class Progress(Protocol):
    """Hears how far an export is."""

    def __call__(self, covered: float, written: int) -> None:
        """`covered` in seconds of footage, `written` in bytes."""


@dataclass(frozen=True, slots=True)
class Exported:
    """What came of it; `missing` is what the recorder listed and did not give."""

    film: Film
    missing: tuple[TimeSpan, ...]


def parts_of(span: TimeSpan, recorded: Sequence[TimeSpan]) -> list[Part]:
    """Return what of the span is to be read; `recorded` are whole stretches as they are listed, seams closed."""
    found: list[Part] = []
    for listed in sorted(recorded):
        cut = listed.clip(span)
        if cut is not None and cut.duration.total_seconds() >= _SHORTEST:
            start, end = from_datetime(cut.start), from_datetime(cut.end)
            found.append(Part(start, end, (from_datetime(listed.start), from_datetime(listed.end))))
    return found


@dataclass(frozen=True, slots=True)
class ExportFootage:
    """What is exported, as far as opening it goes: playback, or the `segments` as files where those come faster."""

    source: PlaybackSource | None
    guard: CredentialGuard
    channel: int
    span: TimeSpan
    role: StreamRole
    downloads: DownloadSource | None = None
    segments: Sequence[RecordingSegment] = ()

    def opener_of(self, memory: SourceMemory, pool: WorkPool, limits: SessionLimits | None = None) -> OpenerOf:
        """Return what makes the opener of a part; `memory` knows the ways of this recorder."""

        def make(part: Part) -> SourceOpener:
            # Recorders are asked in whole seconds: the end must lie behind the last picture, what is too much is cut.
            end = to_datetime(part.end + 2 * RATE).replace(microsecond=0)
            footage = replace(self, span=TimeSpan(to_datetime(part.start), end))
            return SourceOpener(footage, memory, limits=limits or SessionLimits(), pool=pool, monotonic=time.monotonic)

        return make


async def export_film(
    path: Path,
    parts: Sequence[Part],
    opener: OpenerOf,
    pool: WorkPool,
    progress: Progress,
) -> Exported:
    """Write a film of the parts to `path`, which must not exist yet; it is the caller's to remove when this fails.

    Raises NvrError subclasses and OSError.
    """
    reader = PartReader(opener)
    maker = FilmMaker(path, parts, pool)
    covered, looked = 0, 0
    try:
        await maker.open()
        for part in parts:
            maker.begin(part)
            async with aclosing(reader.read(part)) as pieces:
                async for piece in pieces:
                    written = await maker.add(piece, reader.audio, reader.sets)
                    progress(to_seconds(covered + piece.end - part.start), written)
                    if written - looked > LOOK_EVERY:
                        looked = written
                        await pool.run(require_space, path.parent, 0)
            maker.end(part)
            covered += part.end - part.start
        film = await maker.finish(to_datetime(parts[0].start))
    finally:
        await reader.close()
        await maker.close()
    missing = tuple(
        TimeSpan(to_datetime(start), to_datetime(end)) for part in parts for start, end in part.missing if end > start
    )
    return Exported(film, missing)
