"""Makes what an export orders: films and originals, under names nobody takes for them until they are whole."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
import secrets
import threading
from typing import Final, Protocol

from homeassistant.core import HomeAssistant
from homeassistant.util import dt as dt_util, slugify

from .const import CONF_TRANSCODE, LOGGER
from .core.errors import NvrError, NvrNotFoundError, NvrResponseError, NvrUnsupportedError
from .core.models import RecordingSegment, StreamRole, VideoCodec
from .core.timeline import gaps
from .export_source import Source, find_source, is_allowed, is_fresh, own_folder
from .media.byte_source import CONTENT_TYPES, DownloadBytes
from .media.exports import files
from .media.exports.convert import StoppedError, available, convert
from .media.exports.export import Exported, ExportFootage, export_film, parts_of
from .media.exports.holes import IncompleteError, slack_of
from .media.exports.models import Clip, ExportFormat, ExportJob
from .media.exports.queue import ExportError, NotYetError
from .media.pool import WorkPool
from .media.sessions import LossReason
from .media.ticks import RATE, from_datetime, to_seconds
from .shared import shared

type Progressed = Callable[[ExportJob], None]
"""Hears that a job got on."""


class PutOff(Protocol):
    """Stops a job that runs, to be tried again."""

    async def __call__(self, job_id: str, reason: str = ..., seconds: float | None = ...) -> None:
        """`reason` is the key of the sentence that says why, `seconds` when it is tried again."""


_EVERYWHERE: Final = "avc1"
_SUFFIXES: Final = {"video/mpeg": ".mpg", "video/mp4": ".mp4"}
_ORIGINAL: Final = ".dav"
# A recorder closes its file within the hour, or when it is full.
_STILL_OPEN: Final = 300.0
_WRITTEN_SOON: Final = 20.0
# How long somebody else keeps the slot that was taken from an export, at least (s).
_SLOT_LOST: Final = 60.0
# Where nobody says how many bytes will come, the list says about how many there are.
_NEARLY: Final = 0.9


class ExportHolder:
    """Holds the recorder's slot for an export; it is never idle, and gives the slot up only when somebody ends it."""

    kind = "export"
    turning = False

    def __init__(self, owner: str | None, channel: int, put_off: Callable[[], Awaitable[None]]) -> None:
        """`put_off` stops the job, to be tried again later."""
        self.owner = owner or ""
        self.channel = channel
        self._put_off = put_off

    def idle_for(self) -> float:
        """Return 0: somebody waits for it."""
        return 0.0

    async def yield_slot(self) -> None:
        """Keep the slot."""

    async def lose_slot(self, reason: LossReason) -> None:
        """Stop; the job is tried again when there is a slot. Calling it off is another thing."""
        if reason.final:
            await self._put_off()


class ExportMaker:
    """Makes exports; one per Home Assistant. Its threads are not the players'; one converts, one film at a time."""

    def __init__(self, hass: HomeAssistant, put_off: PutOff) -> None:
        """`put_off` stops a job whose recorder may not be used any more, to be tried again."""
        self._hass = hass
        self._put_off = put_off
        self._pool = WorkPool(1)
        self._converting = WorkPool(1)

    async def aclose(self) -> None:
        """End the threads."""
        await self._pool.aclose()
        await self._converting.aclose()

    async def make(self, job: ExportJob, progressed: Progressed) -> list[Clip]:
        """Make what a job orders. Raises ExportError, NvrError, OSError; then nothing of it is left."""
        source = await find_source(self._hass, job)
        if job.order.format is ExportFormat.ORIGINAL:
            return await self._originals(job, source, progressed)
        if job.order.format is ExportFormat.H264:
            return [await self._everywhere(job, source, progressed)]
        clip = await self._film(job, source, progressed)
        if not clip.codec.startswith(_EVERYWHERE):
            clip = await self._with_spare(job, source, clip, progressed)
        return [clip]

    async def make_spare(self, job: ExportJob, clip: Clip, progressed: Progressed) -> Clip:
        """Make a version of a clip that plays everywhere, and return the clip with it. Raises as `make`.

        Of the sub track while that is still there, else by converting the clip where that was agreed to.
        """
        try:
            source = await find_source(self._hass, job)
            made = await self._of_sub_track(job, source, progressed)
        except (ExportError, NvrError) as err:
            if not self._transcodes(job):
                raise
            LOGGER.debug("The sub track does not replace a clip, which is converted: %s", err)
        else:
            return replace(clip, spare=made.path, spare_size=made.size)
        job.total = clip.length
        target = await self._target(job, clip.camera, "_h264.mp4")
        async with self._written(target, clip.size) as name:
            await self._convert(job, Path(clip.path), name, progressed, 0.0)
            size = (await self._pool.run(name.stat)).st_size
        return replace(clip, spare=str(target), spare_size=size)

    def _transcodes(self, job: ExportJob) -> bool:
        entry = self._hass.config_entries.async_get_entry(job.order.recorder_id)
        return entry is not None and bool(entry.options.get(CONF_TRANSCODE))

    async def _film(self, job: ExportJob, source: Source, progressed: Progressed) -> Clip:
        target = await self._target(job, source.channel.name, ".mp4")
        async with self._written(target, source.size_of(job.order.span)) as name:
            made = await self._read(job, source, name, progressed)
        return _clip(job, source, target, made)

    async def _everywhere(self, job: ExportJob, source: Source, progressed: Progressed) -> Clip:
        """Make a film that plays everywhere: of the sub track, else turned into one where that was agreed to."""
        if source.codecs - {VideoCodec.H264, VideoCodec.UNKNOWN}:
            try:
                return await self._of_sub_track(job, source, progressed)
            except (ExportError, NvrResponseError, NvrNotFoundError, NvrUnsupportedError) as err:
                if not source.transcodes:
                    raise
                LOGGER.debug("The sub track cannot be exported, the main one is converted: %s", err)
        target = await self._target(job, source.channel.name, ".mp4")
        size = source.size_of(job.order.span)
        async with self._written(target, 2 * size) as name:
            made = await self._read(job, source, name, progressed)
            if not made.film.codec.startswith(_EVERYWHERE):
                if not source.transcodes:
                    raise ExportError("needs_transcoding", camera=source.channel.name)
                made = await self._converted(job, made, name, progressed)
        return _clip(job, source, target, made)

    async def _of_sub_track(self, job: ExportJob, source: Source, progressed: Progressed) -> Clip:
        profile = source.channel.profile(StreamRole.SUB)
        # A list may name the codec of the main track for the sub track, too: the set-up knows better.
        known = profile is not None and profile.video in {VideoCodec.H264, VideoCodec.UNKNOWN}
        if not known or not source.hub.driver.capabilities.sub_track:
            raise ExportError("needs_transcoding", camera=source.channel.name)
        sub = await find_source(self._hass, job, StreamRole.SUB)
        # What the main track has and this one lacks would be missing, and nobody could tell.
        lacks = source.length_in(job.order.span) - sub.length_in(job.order.span)
        if not sub.segments or lacks > to_seconds(slack_of(round(job.order.span.duration.total_seconds() * RATE))):
            raise ExportError("needs_transcoding", camera=source.channel.name)
        target = await self._target(job, sub.channel.name, ".mp4")
        async with self._written(target, sub.size_of(job.order.span)) as name:
            made = await self._read(job, sub, name, progressed)
            if not made.film.codec.startswith(_EVERYWHERE):
                raise ExportError("needs_transcoding", camera=source.channel.name)
        return _clip(job, sub, target, made)

    async def _with_spare(self, job: ExportJob, source: Source, clip: Clip, progressed: Progressed) -> Clip:
        """Add the sub track, where one was recorded: for players that cannot decode the pictures. It may fail."""
        begun, job.covered = job.covered, 0.0
        try:
            spare = await self._of_sub_track(job, source, progressed)
        except ExportError as err:
            LOGGER.debug("A clip is left without a version that plays everywhere: %s", err)
            return clip
        except (NvrError, OSError) as err:
            LOGGER.warning("A clip of %s is left without a version that plays everywhere: %s", clip.camera, err)
            return clip
        except BaseException:
            await asyncio.shield(self._pool.run(files.discard, Path(clip.path)))
            raise
        finally:
            job.covered = begun
        return replace(clip, spare=spare.path, spare_size=spare.size)

    async def _read(self, job: ExportJob, source: Source, name: Path, progressed: Progressed) -> Exported:
        """Read the footage into a film, holding one of the recorder's slots."""
        parts = parts_of(job.order.span, source.listed)
        if not parts:
            raise ExportError("no_footage", camera=source.channel.name)
        job.total = to_seconds(sum(part.end - part.start for part in parts))
        hub, entry_id = source.hub, source.entry.entry_id
        if hub.playback is None and hub.downloads is None:
            raise ExportError("no_playback", name=hub.name)
        engine = shared(self._hass).engine
        slots = engine.slots
        put_off = partial(self._put_off, job.order.id, "export_slot_lost", _SLOT_LOST)
        holder = ExportHolder(job.order.owner, job.order.channel, put_off)

        def progress(covered: float, written: int) -> None:
            if not job.covered:
                slots.tell(entry_id, holder)
            job.covered, job.written = covered, written
            progressed(job)

        async with self._using(job, source):
            lease = await slots.acquire(entry_id, hub.playback_slots, holder)
            try:
                footage = ExportFootage(
                    hub.playback,
                    hub.driver.guard,
                    job.order.channel,
                    job.order.span,
                    source.role,
                    hub.downloads,
                    source.segments,
                )
                opener = footage.opener_of(engine.memory(entry_id), self._pool)
                with lease.opening():
                    return await export_film(name, parts, opener, self._pool, progress)
            except IncompleteError as err:
                if is_fresh(job.order.span):
                    raise NotYetError("not_listed_yet", _WRITTEN_SOON, camera=source.channel.name) from err
                raise
            finally:
                lease.release()

    async def _originals(self, job: ExportJob, source: Source, progressed: Progressed) -> list[Clip]:
        """Fetch the recorder's own files that hold the span, whole as they are."""
        if (downloads := source.hub.downloads) is None:
            raise ExportError("no_downloads", name=source.hub.name)
        segments = [segment for segment in source.segments if segment.span.overlaps(job.order.span)]
        if not segments:
            raise ExportError("no_footage", camera=source.channel.name)
        if any(segment.open for segment in segments):
            # Half a file would be taken for a whole one.
            raise NotYetError("file_still_open", _STILL_OPEN, name=source.hub.name)
        job.total = sum(segment.span.duration.total_seconds() for segment in segments)
        clips: list[Clip] = []
        try:
            async with self._using(job, source):
                for segment in segments:
                    clip = await self._original(job, source, DownloadBytes(downloads, segment), segment, progressed)
                    clips.append(clip)
                    job.covered += segment.span.duration.total_seconds()
        except BaseException:
            for clip in clips:
                await asyncio.shield(self._pool.run(files.discard, Path(clip.path)))
            raise
        return clips

    async def _original(
        self, job: ExportJob, source: Source, download: DownloadBytes, segment: RecordingSegment, progressed: Progressed
    ) -> Clip:
        try:
            async with download.open() as chunks:
                mime = CONTENT_TYPES[download.container]
                target = await self._target(job, source.channel.name, _SUFFIXES.get(mime, _ORIGINAL), segment)
                async with self._written(target, download.size or segment.size or 0) as name:
                    size = await files.save(name, chunks, self._pool, lambda count: _count(job, count, progressed))
                    _require_whole(size, download.size, segment)
        except NvrUnsupportedError as err:
            raise ExportError("no_downloads", name=source.hub.name) from err
        order = job.order
        return Clip(
            secrets.token_hex(8),
            order.recorder_id,
            order.channel,
            source.channel.name,
            order.title or f"{source.channel.name} {dt_util.as_local(segment.span.start):%Y-%m-%d %H:%M:%S}",
            segment.span,
            dt_util.utcnow(),
            order.owner,
            str(target),
            size,
            mime,
            length=segment.span.duration.total_seconds(),
        )

    async def _converted(self, job: ExportJob, made: Exported, name: Path, progressed: Progressed) -> Exported:
        """Turn the film at `name` into one that plays everywhere, in its place."""
        other = name.with_name(f"{name.name}2")
        read = job.covered
        job.total += made.film.length
        await self._convert(job, name, other, progressed, read)
        await self._pool.run(other.replace, name)
        size = (await self._pool.run(name.stat)).st_size
        return replace(made, film=replace(made.film, size=size, codec=_EVERYWHERE))

    async def _convert(self, job: ExportJob, film: Path, target: Path, progressed: Progressed, read: float) -> None:
        """Convert in a thread, one film at a time; cancelling ends the work, too."""
        stopped, loop = threading.Event(), asyncio.get_running_loop()
        if not available():
            raise ExportError("no_encoder")

        def told(seconds: float, written: int) -> None:
            loop.call_soon_threadsafe(progress, seconds, written)

        def progress(seconds: float, written: int) -> None:
            job.covered, job.written = read + seconds, written
            progressed(job)

        work = asyncio.ensure_future(self._converting.run(convert, film, target, stopped, told))
        try:
            await asyncio.shield(work)
        except BaseException:
            stopped.set()
            with suppress(StoppedError, NvrError, OSError):
                await work
            await asyncio.shield(self._pool.run(files.discard, target))
            raise

    async def _target(self, job: ExportJob, camera: str, suffix: str, segment: RecordingSegment | None = None) -> Path:
        """Return the path of a file, of which the job can be told. What is in our own folder nobody can guess."""
        started = dt_util.as_local((segment or job.order).span.start)
        tag = f"{job.order.id}_{secrets.token_hex(4)}"
        name = f"{slugify(camera) or 'camera'}_{started:%Y%m%d_%H%M%S}_{tag}{suffix}"
        if job.order.folder is None:
            return own_folder(self._hass) / f".{name}"
        folder = Path(job.order.folder)
        if not await self._hass.async_add_executor_job(is_allowed, self._hass, folder):
            raise ExportError("clip_folder_not_allowed", folder=job.order.folder)
        return folder / name

    @asynccontextmanager
    async def _written(self, target: Path, size: int) -> AsyncGenerator[Path]:
        """Give a name to write to; what is written there gets its own in the end, or goes. Raises OSError."""
        await self._pool.run(files.require_space, target.parent, size)
        name = files.unfinished(target)
        try:
            await self._pool.run(files.prepare, target)
            yield name
            await self._pool.run(files.publish, name, target)
        except BaseException:
            # There is one thread: what was begun is over by then, the last step perhaps, too.
            await asyncio.shield(self._pool.run(files.withdraw, name, target))
            raise

    @asynccontextmanager
    async def _using(self, job: ExportJob, source: Source) -> AsyncGenerator[None]:
        """Let the job be put off when the recorder's login may not be used any more."""
        forget = source.hub.streams.async_add(lambda: self._put_off(job.order.id))
        try:
            yield
        finally:
            forget()


def _count(job: ExportJob, count: int, progressed: Progressed) -> None:
    job.written += count
    progressed(job)


def _require_whole(size: int, announced: int | None, segment: RecordingSegment) -> None:
    """Raise IncompleteError unless a file came whole, as far as anybody said how long it is."""
    short = size != announced if announced is not None else size < _NEARLY * (segment.size or 0)
    if short:
        raise IncompleteError(from_datetime(segment.span.start))


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
