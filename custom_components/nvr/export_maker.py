"""Makes what an export orders, with what Home Assistant knows: whose right it is, which recorder, which folder."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
import secrets
from typing import Final

from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import UnknownUser
from homeassistant.util import dt as dt_util, slugify

from .access import Action, authorize, user_of
from .const import DOMAIN
from .core.errors import NvrAuthError, NvrUnreachableError
from .core.models import Channel, RecordingSegment, StreamRole, TimeSpan
from .core.timeline import gaps, merge
from .footage import RefusedError, channel_of, read_segments
from .hub import NvrHub
from .media.exports import files
from .media.exports.export import Exported, export_film, parts_of, rtsp_opener
from .media.exports.models import Clip, ExportJob
from .media.exports.queue import ExportError
from .media.exports.reading import Part
from .media.pool import WorkPool
from .media.ticks import to_seconds
from .recording_search import TOLERANCE
from .runtime import NvrConfigEntry
from .shared import shared

type Progressed = Callable[[ExportJob], None]
"""Hears that a job got on."""

# What a stream takes whose size nobody tells, in bytes per second: 6 Mbit/s.
_GUESSED_RATE: Final = 750_000
_SPARE_ROOM: Final = 1.1


class ExportHolder:
    """Holds the recorder's slot for an export; it is never idle, and gives the slot up to nobody."""

    kind = "export"
    turning = False

    def __init__(self, owner: str | None, channel: int) -> None:
        self.owner = owner or ""
        self.channel = channel

    def idle_for(self) -> float:
        """Return 0: somebody waits for it."""
        return 0.0

    async def yield_slot(self) -> None:
        """Keep the slot."""


@dataclass(frozen=True, slots=True)
class Source:
    """What is exported: of which recorder and camera, and what is recorded of it."""

    entry: NvrConfigEntry
    hub: NvrHub
    channel: Channel
    segments: Sequence[RecordingSegment]
    role: StreamRole = StreamRole.MAIN

    @property
    def listed(self) -> list[TimeSpan]:
        """What is recorded, seams closed; what is still being written ends now."""
        now = dt_util.utcnow()
        spans = (segment.span for segment in self.segments if segment.span.start < now)
        return list(merge([TimeSpan(span.start, min(span.end, now)) for span in spans], TOLERANCE))

    def size_of(self, span: TimeSpan) -> int:
        """Return about how many bytes the footage of a span is."""
        size = 0.0
        for segment in self.segments:
            cut, whole = segment.span.clip(span), segment.span.duration.total_seconds()
            if cut is not None and whole:
                rate = segment.size / whole if segment.size else _GUESSED_RATE
                size += rate * cut.duration.total_seconds()
        return round(size * _SPARE_ROOM)


async def find_source(hass: HomeAssistant, job: ExportJob) -> Source:
    """Return what a job exports, if its owner still may. Raises ExportError and NvrError."""
    order = job.order
    entry: NvrConfigEntry | None = hass.config_entries.async_get_entry(order.recorder_id)
    if entry is None or entry.domain != DOMAIN:
        raise ExportError("no_recorder")
    if entry.state is not ConfigEntryState.LOADED:
        raise NvrUnreachableError("the recorder is not set up")
    hub = entry.runtime_data.hub
    try:
        channel = channel_of(hub, order.channel)
        if not await owner_may(hass, job):
            raise ExportError("not_allowed_export", camera=channel.name)
        if not hub.login_usable:
            raise NvrAuthError("the login was refused")
        segments = await read_segments(hub, order.channel, order.span)
    except RefusedError as err:
        raise ExportError(err.key, **err.placeholders) from err
    return Source(entry, hub, channel, segments)


async def owner_may(hass: HomeAssistant, job: ExportJob) -> bool:
    """Tell whether whoever ordered an export still may."""
    entry: NvrConfigEntry | None = hass.config_entries.async_get_entry(job.order.recorder_id)
    if entry is None:
        return False
    try:
        user = await user_of(hass, job.order.owner)
    except UnknownUser:
        return False
    if entry.state is not ConfigEntryState.LOADED:
        return True  # nothing can be said of his right now, and nothing is read
    return authorize(hass, user, Action.EXPORT, entry, job.order.channel)


def own_folder(hass: HomeAssistant) -> Path:
    """Return the folder of ours. Its name and those in it begin with a dot.

    Home Assistant shows every file below its media folders to every user; what begins with a dot it leaves out.
    """
    folders = hass.config.media_dirs
    base = folders.get("local") or next(iter(folders.values()), hass.config.path("media"))
    return Path(base) / f".{DOMAIN}"


def resolve_folder(hass: HomeAssistant, folder: str) -> Path:
    """Return the folder that is meant: a name without a root is one in the local media folder."""
    path = Path(folder)
    return path if path.is_absolute() else own_folder(hass).parent / path


def is_allowed(hass: HomeAssistant, folder: Path) -> bool:
    """Tell whether exports may be written there: in the media folders, and where Home Assistant allows it. Blocks."""
    try:
        wanted = folder.resolve()
        if any(wanted.is_relative_to(Path(base).resolve()) for base in hass.config.media_dirs.values()):
            return True
        return folder.is_absolute() and hass.config.is_allowed_path(str(wanted / "clip.mp4"))
    except OSError, RuntimeError:
        return False


class ExportMaker:
    """Makes exports; one per Home Assistant. Its thread is not that of the players."""

    def __init__(self, hass: HomeAssistant, put_off: Callable[[str], Awaitable[None]]) -> None:
        """`put_off` stops a job whose recorder may not be used any more, to be tried again."""
        self._hass = hass
        self._put_off = put_off
        self._pool = WorkPool(1)

    async def aclose(self) -> None:
        """End the thread."""
        await self._pool.aclose()

    async def make(self, job: ExportJob, progressed: Progressed) -> list[Clip]:
        """Make what a job orders. Raises ExportError, NvrError, OSError; then nothing of it is left."""
        source = await find_source(self._hass, job)
        parts = parts_of(job.order.span, source.listed)
        if not parts:
            raise ExportError("no_footage", camera=source.channel.name)
        job.total = to_seconds(sum(part.end - part.start for part in parts))
        target = await self._target(job, source)
        await self._pool.run(files.require_space, target.parent, source.size_of(job.order.span))
        name = await self._pool.run(files.prepare, target)
        try:
            made = await self._film(job, source, parts, name, progressed)
            await self._pool.run(files.publish, name, target)
        except BaseException:
            await asyncio.shield(self._hass.async_add_executor_job(files.discard, name))
            raise
        return [_clip(job, source, target, made)]

    async def _target(self, job: ExportJob, source: Source) -> Path:
        """Return the path of the film. What is in our own folder nobody can guess."""
        started = dt_util.as_local(job.order.span.start)
        name = f"{slugify(source.channel.name) or 'camera'}_{started:%Y%m%d_%H%M%S}_{secrets.token_hex(8)}.mp4"
        if job.order.folder is None:
            return own_folder(self._hass) / f".{name}"
        folder = Path(job.order.folder)
        if not await self._hass.async_add_executor_job(is_allowed, self._hass, folder):
            raise ExportError("folder_not_allowed", folder=job.order.folder)
        return folder / name

    async def _film(
        self, job: ExportJob, source: Source, parts: Sequence[Part], name: Path, progressed: Progressed
    ) -> Exported:
        hub, entry_id = source.hub, source.entry.entry_id
        if (playback := hub.playback) is None:
            raise ExportError("no_playback", name=hub.name)
        slots, holder = shared(self._hass).engine.slots, ExportHolder(job.order.owner, job.order.channel)

        def progress(covered: float, written: int) -> None:
            if not job.covered:
                slots.tell(entry_id, holder)
            job.covered, job.written = covered, written
            progressed(job)

        forget = hub.streams.async_add(lambda: self._put_off(job.order.id))
        lease = None
        try:
            lease = await slots.acquire(entry_id, hub.playback_slots, holder)
            opener = rtsp_opener(playback, hub.driver.guard, job.order.channel, source.role)
            return await export_film(name, parts, opener, self._pool, progress)
        finally:
            forget()
            if lease is not None:
                lease.release()


def _clip(job: ExportJob, source: Source, target: Path, made: Exported) -> Clip:
    order, film = job.order, made.film
    missing = [gap.span for gap in gaps(source.listed, order.span)]
    camera = source.channel.name
    return Clip(
        secrets.token_hex(8),
        order.recorder_id,
        order.channel,
        camera,
        order.title or f"{camera} {dt_util.as_local(order.span.start):%Y-%m-%d %H:%M:%S}",
        order.span,
        dt_util.utcnow(),
        order.owner,
        str(target),
        film.size,
        "video/mp4",
        film.codec,
        film.width,
        film.height,
        film.length,
        film.sound,
        gaps=tuple(sorted([*missing, *made.missing])),
    )
