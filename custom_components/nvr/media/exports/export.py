"""One export: from what the recorder lists as recorded to a film on the disk."""

from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ...core.driver import CredentialGuard, PlaybackSource
from ...core.errors import NvrNotFoundError
from ...core.models import StreamRole, TimeSpan
from ..footage import Opened
from ..pool import WorkPool
from ..rtsp.connection import SessionLimits
from ..rtsp.session import RtspSession
from ..ticks import RATE, from_datetime, to_datetime, to_seconds
from .files import require_space
from .film import Film, FilmMaker
from .reading import Opener, Part, PartReader

# How much is written before the disk is looked at again, in bytes.
_LOOK_EVERY = 64 << 20
_SHORTEST = 0.1


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


def rtsp_opener(
    source: PlaybackSource, guard: CredentialGuard, channel: int, role: StreamRole, limits: SessionLimits | None = None
) -> Opener:
    """Return what opens playback sessions; each ends with its TEARDOWN."""

    async def open_session(start: int, end: int) -> Opened:
        guard.check()
        if start >= end:
            raise NvrNotFoundError("the recorder has no footage there")
        # Recorders are asked in whole seconds: the end must lie behind the last picture, and what is too much is cut.
        span = TimeSpan(to_datetime(start), to_datetime(end + 2 * RATE).replace(microsecond=0))
        request = await source.request(channel, span, role=role)
        session = await RtspSession.open(request, guard, limits=limits)
        return Opened(session, from_datetime(request.end) if request.end < span.end else None)

    return open_session


async def export_film(
    path: Path,
    parts: Sequence[Part],
    opener: Opener,
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
                    if written - looked > _LOOK_EVERY:
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
