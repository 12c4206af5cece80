"""Exports and clips in Home Assistant: what was ordered, what was made of it, what outlives a restart, who is told."""

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping, Set as AbstractSet
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
import secrets
import time
from typing import Any, Final

from homeassistant.config_entries import SIGNAL_CONFIG_ENTRY_CHANGED, ConfigEntry, ConfigEntryChange, ConfigEntryState
from homeassistant.const import EVENT_HOMEASSISTANT_STOP
from homeassistant.core import CALLBACK_TYPE, Event, HomeAssistant, callback
from homeassistant.helpers.dispatcher import async_dispatcher_connect
from homeassistant.helpers.event import async_track_time_interval
from homeassistant.helpers.storage import Store
from homeassistant.util import dt as dt_util
from homeassistant.util.hass_dict import HassKey

from .audit_rows import AuditKind
from .clip_links import ClipLinks
from .const import (
    ATTR_USER_ID,
    CONF_CLIP_DAYS,
    CONF_CLIP_SIZE,
    DOMAIN,
    EVENT_EXPORT_FAILED,
    EVENT_EXPORT_FINISHED,
    LOGGER,
)
from .core.models import TimeSpan
from .export_maker import ExportMaker
from .export_news import ExportNews
from .export_source import own_folder, owner_may
from .footage import RefusedError
from .media.exports import files
from .media.exports.library import ClipLibrary, Retention, delete_files, files_of, outdated, vanished
from .media.exports.models import Clip, ExportFormat, ExportJob, ExportOrder, JobState
from .media.exports.queue import ExportError, ExportQueue
from .media.pool import WorkPool
from .media_ids import ClipId, content_id
from .runtime import NvrConfigEntry
from .shared import shared
from .signals import Signal

_VERSION: Final = 1
_SAVE_DELAY: Final = 2.0
_PRUNE_INTERVAL: Final = timedelta(hours=1)
_TELL_EVERY: Final = 0.5
# What was recorded until now can be read once the recorder has written it.
_WRITTEN_AFTER: Final = timedelta(seconds=10)
_GIGABYTE: Final = 1_000_000_000
MOST_OF_ONE: Final = 100
"""How many exports of one person may be under way; those of automations count as one person's."""


class ExportDesk:
    """One for all recorders. `changed` tells of jobs and clips; of a clip that is gone by its id."""

    def __init__(self, hass: HomeAssistant) -> None:
        """Nothing is read before `async_start`."""
        self.library = ClipLibrary()
        self.links = ClipLinks()
        self.changed: Signal[ExportJob | Clip | str] = Signal()
        self._hass = hass
        self.news = ExportNews(hass)
        self.queue = ExportQueue(self._make, self._job_changed, self.news.reason_of)
        self._maker = ExportMaker(hass, self.queue.put_off)
        self._store = Store[dict[str, Any]](hass, _VERSION, f"{DOMAIN}.exports", private=True, atomic_writes=True)
        self.reading = WorkPool(2)
        self._told: dict[str, float] = {}
        self._ended: set[str] = set()
        self._stop_pruning: CALLBACK_TYPE | None = None
        self._tidying: asyncio.Task[None] | None = None

    async def async_start(self) -> None:
        """Take up what was left of the last run.

        The files are seen to behind it: a folder on a network that is away must not hold up the recorders.
        """
        raw = await self._store.async_load()
        jobs = self._read(raw or {})
        self._ended = {job.order.id for job in jobs if not job.active}
        folders = {own_folder(self._hass), *(Path(job.order.folder) for job in jobs if job.order.folder)}
        half_done = [job.order.id for job in jobs if job.active]
        known = {path for clip in self.library.all() for path in files_of(clip)}
        # What is unfinished goes before anything is begun, new orders too: theirs would look the same.
        self.queue.hold()
        self.queue.restore(jobs)
        self._stop_pruning = async_track_time_interval(
            self._hass, self._prune, _PRUNE_INTERVAL, cancel_on_shutdown=True
        )
        tidying = self._tidy(folders, half_done, known)
        self._tidying = self._hass.async_create_background_task(tidying, f"{DOMAIN} clips")

    async def _tidy(self, folders: Iterable[Path], half_done: Iterable[str], known: AbstractSet[Path]) -> None:
        """Remove what a crash left, go on with the exports, and drop clips that are too old."""
        await self._hass.async_add_executor_job(files.sweep, folders, half_done, known)
        self.queue.release()
        await self._prune(dt_util.utcnow())

    async def async_close(self) -> None:
        """Stop: Home Assistant does. What is under way begins anew next time."""
        if self._stop_pruning is not None:
            self._stop_pruning()
        if self._tidying is not None:
            self._tidying.cancel()
        await self.queue.aclose()
        await self._maker.aclose()
        await self.reading.aclose()
        await self._store.async_save(self._data())

    @callback
    def async_order(
        self,
        entry: NvrConfigEntry,
        channel: int,
        span: TimeSpan,
        form: ExportFormat,
        owner: str | None,
        *,
        folder: str | None = None,
        title: str | None = None,
        clip: str | None = None,
    ) -> ExportJob:
        """Take an order; the right to it is the caller's to check. What is still to come is waited for.

        Raises RefusedError when too many of the owner's are under way.
        """
        now = dt_util.utcnow()
        self.require_room(owner)
        if clip is not None and (known := self.library.get(clip)) is not None:
            beside = Path(known.path).parent
            folder = str(beside) if beside != own_folder(self._hass) else None
        order = ExportOrder(secrets.token_hex(8), entry.entry_id, channel, span, form, owner, now, folder, title, clip)
        job = ExportJob(order, total=span.duration.total_seconds())
        written = span.end + _WRITTEN_AFTER
        if written > now:
            job.not_before = written
        self.news.keep(AuditKind.EXPORT_ORDERED, job, {})
        self.queue.add(job)
        return job

    def require_room(self, owner: str | None, count: int = 1) -> None:
        """Raise RefusedError unless so many more exports of somebody may be under way."""
        active = sum(job.active and job.order.owner == owner for job in self.queue.jobs.values())
        if active + count > MOST_OF_ONE:
            raise RefusedError("too_many_exports", count=str(active))

    def statistics(self, recorder_id: str) -> dict[str, Any]:
        """Return what a bug report needs to know of a recorder's exports and clips: no name, no path."""
        jobs = [job for job in self.queue.jobs.values() if job.order.recorder_id == recorder_id]
        clips = [clip for clip in self.library.all() if clip.recorder_id == recorder_id]
        return {
            "exports": dict(sorted(Counter(job.state.value for job in jobs).items())),
            "reasons": dict(sorted(Counter(job.reason for job in jobs if job.reason).items())),
            "clips": len(clips),
            "kept": sum(clip.keep for clip in clips),
            "bytes": sum(clip.bytes for clip in clips),
            "codecs": dict(sorted(Counter(clip.codec[:4] or clip.mime for clip in clips).items())),
            "with_spare": sum(clip.spare is not None for clip in clips),
            "with_gaps": sum(bool(clip.gaps) for clip in clips),
            "links": self.links.count({clip.id for clip in clips}),
        }

    async def async_delete(self, clip: Clip, user_id: str | None) -> None:
        """Delete a clip with its files; raises OSError, then it stays."""
        await self._hass.async_add_executor_job(delete_files, clip)
        self._forget(clip)
        facts = self.news.facts(clip.recorder_id, clip.channel)
        what = {ATTR_USER_ID: user_id, "what": "clip", "clip_id": clip.id, "subject": clip.title}
        shared(self._hass).audit.record(AuditKind.CLIP_DELETED, {**facts, **what})

    @callback
    def async_change(self, clip_id: str, *, title: str | None = None, keep: bool | None = None) -> Clip:
        """Rename a clip, or keep it for ever, or no longer; raises KeyError."""
        clip = self.library.change(clip_id, title=title, keep=keep)
        self.async_save_soon()
        self.changed.async_send(clip)
        return clip

    @callback
    def async_save_soon(self) -> None:
        """Write jobs, clips and links in a moment."""
        self._store.async_delay_save(self._data, _SAVE_DELAY)

    async def async_look_at_rights(self) -> None:
        """End the exports of those who have lost their right."""
        for job in [job for job in self.queue.jobs.values() if job.active]:
            if not await owner_may(self._hass, job):
                facts = self.news.facts(job.order.recorder_id, job.order.channel)
                camera = str(facts.get("channel_name") or job.order.channel)
                await self.queue.fail(job.order.id, "not_allowed_export", camera=camera)

    async def async_entry_removed(self, entry_id: str) -> None:
        """End the exports of a recorder that is gone; its clips stay, for administrators."""
        for job in [job for job in self.queue.jobs.values() if job.active and job.order.recorder_id == entry_id]:
            await self.queue.fail(job.order.id, "no_recorder")

    async def _make(self, job: ExportJob) -> list[str]:
        clips = await self._clips(job)
        # From here to the job's end nothing is waited for: no clip may be there of a job that was cancelled.
        for clip in clips:
            self.library.put(clip)
            self.changed.async_send(clip)
        return [clip.id for clip in clips]

    async def _clips(self, job: ExportJob) -> list[Clip]:
        if job.order.clip is None:
            return await self._maker.make(job, self._progressed)
        clip = self.library.get(job.order.clip)
        if clip is None or not await owner_may(self._hass, job):
            raise ExportError("no_clip")
        made = await self._maker.make_spare(job, clip, self._progressed)
        # It may have been renamed meanwhile, or deleted.
        if (now := self.library.get(clip.id)) is None:
            await self._hass.async_add_executor_job(Path(made.spare or "").unlink, True)
            raise ExportError("no_clip")
        return [replace(now, spare=made.spare, spare_size=made.spare_size)]

    @callback
    def _progressed(self, job: ExportJob) -> None:
        now = time.monotonic()
        if now - self._told.get(job.order.id, 0.0) >= _TELL_EVERY:
            self._told[job.order.id] = now
            self.changed.async_send(job)

    @callback
    def _job_changed(self, job: ExportJob) -> None:
        self.async_save_soon()
        self.changed.async_send(job)
        if job.active or job.order.id in self._ended:
            return
        self._ended &= self.queue.jobs.keys()
        self._ended.add(job.order.id)
        self._ended &= {job.order.id, *self.queue.jobs}
        self._told.pop(job.order.id, None)
        if job.state is JobState.DONE:
            self._hass.async_create_task(self._store.async_save(self._data()), f"{DOMAIN} exports")
            self._hass.async_create_background_task(self._prune(dt_util.utcnow()), f"{DOMAIN} clips")
            for clip_id in job.clips:
                clip = self.library.get(clip_id)
                self.news.tell(EVENT_EXPORT_FINISHED, job, _of_clip(clip))
                self.news.keep(AuditKind.EXPORT_FINISHED, job, {"clip_id": clip_id})
                if clip is not None and job.order.clip is None:
                    self.news.accessed(clip, job.order.owner, "export")
        elif job.state is JobState.FAILED:
            self.news.tell(
                EVENT_EXPORT_FAILED, job, {"reason": job.reason, "message": (self.news.reason(job) or "")[:200]}
            )
            self.news.keep(AuditKind.EXPORT_FAILED, job, {"subject": job.reason})
        else:
            self.news.keep(AuditKind.EXPORT_CANCELLED, job, {})

    async def _prune(self, now: datetime) -> None:
        """Delete the clips that are too old or too much, and forget the links that are over."""
        self.links.drop_expired(now)
        rules = {entry.entry_id: _retention(entry) for entry in self._hass.config_entries.async_entries(DOMAIN)}
        clips = self.library.all()
        # What is not there takes no room; a share that is away for an hour must not cost a clip either.
        gone = await self._hass.async_add_executor_job(vanished, clips)
        for clip in outdated([clip for clip in clips if clip.id not in gone], rules, now):
            try:
                await self._hass.async_add_executor_job(delete_files, clip)
            except OSError as err:
                LOGGER.error("An old clip cannot be deleted: %s", err.strerror)
            else:
                self._forget(clip)

    def _forget(self, clip: Clip) -> None:
        self.library.remove(clip.id)
        self.links.revoke_clip(clip.id)
        self.async_save_soon()
        self.changed.async_send(clip.id)

    def _data(self) -> dict[str, Any]:
        return {
            "jobs": [job.to_json() for job in self.queue.jobs.values()],
            "clips": [clip.to_json() for clip in self.library.all()],
            "links": self.links.to_json(),
        }

    def _read(self, raw: Mapping[str, Any]) -> list[ExportJob]:
        for item in raw.get("clips", ()):
            if (clip := _read_one(Clip, item)) is not None:
                self.library.put(clip)
        self.links.from_json(raw.get("links", ()))
        return [job for item in raw.get("jobs", ()) if (job := _read_one(ExportJob, item)) is not None]


def _read_one[T: (Clip, ExportJob)](kind: type[T], raw: Mapping[str, Any]) -> T | None:
    """Read one row; a row that cannot be understood is left out, the others stay."""
    try:
        return kind.from_json(raw)
    except KeyError, TypeError, ValueError:
        LOGGER.warning("A row of the list of exports cannot be understood and is left out")
        return None


def _of_clip(clip: Clip | None) -> dict[str, object]:
    if clip is None:
        return {}
    return {
        "clip_id": clip.id,
        "media_content_id": content_id(ClipId(clip.id)),
        "path": clip.path,
        "size": clip.size,
        "duration": round(clip.length, 3),
        "gaps": len(clip.gaps),
    }


def _retention(entry: ConfigEntry[Any]) -> Retention:
    days, size = entry.options.get(CONF_CLIP_DAYS), entry.options.get(CONF_CLIP_SIZE)
    return Retention(int(days) if days else None, int(size) * _GIGABYTE if size else None)


DATA_EXPORTS: HassKey[ExportDesk] = HassKey(f"{DOMAIN}_exports")


@callback
def export_desk(hass: HomeAssistant) -> ExportDesk:
    """Return the desk, made on first use."""
    if (found := hass.data.get(DATA_EXPORTS)) is None:
        found = hass.data[DATA_EXPORTS] = ExportDesk(hass)
    return found


async def async_setup_exports(hass: HomeAssistant) -> None:
    """Begin; once, from `async_setup`."""
    desk = export_desk(hass)

    async def stop(_event: Event) -> None:
        await desk.async_close()

    @callback
    def entry_changed(change: ConfigEntryChange, entry: ConfigEntry) -> None:
        if entry.domain != DOMAIN:
            return
        if change is ConfigEntryChange.REMOVED:
            hass.async_create_task(desk.async_entry_removed(entry.entry_id), f"{DOMAIN} exports")
        elif entry.state is ConfigEntryState.LOADED:
            desk.queue.wake(entry.entry_id)

    @callback
    def look_again() -> None:
        hass.async_create_task(desk.async_look_at_rights(), f"{DOMAIN} exports")

    hass.bus.async_listen_once(EVENT_HOMEASSISTANT_STOP, stop)
    async_dispatcher_connect(hass, SIGNAL_CONFIG_ENTRY_CHANGED, entry_changed)
    shared(hass).rights_changed.async_subscribe(look_again)
    await desk.async_start()
