"""Who did what: every access to footage and every refusal, kept for administrators, restarts included.

`record` only notes the row; it is written from a thread a moment later, with what came until then, and at the latest
when Home Assistant stops. Names are kept beside the ids, for whoever is gone by the time somebody looks.
"""

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
import time
from typing import Final

from homeassistant.auth import EVENT_USER_ADDED, EVENT_USER_UPDATED
from homeassistant.const import EVENT_HOMEASSISTANT_FINAL_WRITE
from homeassistant.core import CALLBACK_TYPE, Event, HassJob, HomeAssistant, callback
from homeassistant.helpers.event import async_call_later, async_track_time_interval
from homeassistant.helpers.storage import STORAGE_DIR
from homeassistant.util import dt as dt_util

from .audit_files import AuditFiles, AuditPage
from .audit_rows import MAX_TEXT, AuditFilter, AuditKind, AuditRow, format_time, make_row
from .const import CONF_AUDIT_DAYS, DEFAULT_AUDIT_DAYS, DOMAIN, LOGGER

FOLDER: Final = f"{DOMAIN}_audit"
_WRITE_DELAY: Final = 2.0
_PRUNE_INTERVAL: Final = timedelta(hours=1)
# Rows that wait for a disk that takes none; the oldest are given up.
_MAX_WAITING: Final = 2000
# A player asks again and again: the same refusal is one row a minute (s).
_DENIAL_REPEATS: Final = 60.0
_MAX_DENIALS: Final = 256


class AuditLog:
    """One for all recorders; how long rows are kept is chosen for each."""

    def __init__(self, hass: HomeAssistant) -> None:
        """Nothing is read or written before the first row or question."""
        self._hass = hass
        self._files = AuditFiles(Path(hass.config.path(STORAGE_DIR, FOLDER)))
        self._lock = asyncio.Lock()
        self._waiting: list[AuditRow] = []
        self._names: dict[str, str] = {}
        self._denials: dict[tuple[object, ...], float] = {}
        self._timer: CALLBACK_TYPE | None = None
        self._failing = False
        self._lost = 0

    @callback
    def async_start(self) -> None:
        """Drop what is too old from time to time, learn names, and write what waits when Home Assistant stops."""

        async def prune(_now: datetime) -> None:
            await self.async_flush()
            await self.async_prune()

        async def stop(_event: Event) -> None:
            await self.async_flush()

        async_track_time_interval(self._hass, prune, _PRUNE_INTERVAL, cancel_on_shutdown=True)
        self._hass.async_create_background_task(self.async_prune(), f"{DOMAIN} audit")
        self._hass.async_create_task(self._learn_names(), f"{DOMAIN} audit")
        for changed in (EVENT_USER_ADDED, EVENT_USER_UPDATED):
            self._hass.bus.async_listen(changed, self._learn_names)
        self._hass.bus.async_listen_once(EVENT_HOMEASSISTANT_FINAL_WRITE, stop)

    @callback
    def record(self, kind: AuditKind, facts: Mapping[str, object]) -> None:
        """Note a row; facts without a column are left out, `user_id` None is Home Assistant itself."""
        self._waiting.append(make_row(kind, dt_util.utcnow(), facts))
        if len(self._waiting) > _MAX_WAITING:
            self._lost += 1
            del self._waiting[0]
        if self._timer is None:
            job = HassJob(self._write_soon, f"{DOMAIN} audit", cancel_on_shutdown=True)
            self._timer = async_call_later(self._hass, _WRITE_DELAY, job)

    @callback
    def record_denial(self, facts: Mapping[str, object]) -> None:
        """Note a refusal, unless it is the same as one of a moment ago."""
        key = tuple(facts.get(name) for name in ("user_id", "entry_id", "channel", "action", "via"))
        now = time.monotonic()
        last = self._denials.pop(key, None)
        if last is not None and now - last < _DENIAL_REPEATS:
            self._denials[key] = last
            return
        self._denials[key] = now
        if len(self._denials) > _MAX_DENIALS:
            del self._denials[next(iter(self._denials))]
        self.record(AuditKind.DENIED, facts)

    async def async_flush(self) -> None:
        """Write what waits; whoever is cancelled here leaves only."""
        if self._timer is not None:
            self._timer()
            self._timer = None
        await asyncio.shield(self._hass.async_create_task(self._write(), f"{DOMAIN} audit"))

    async def _write(self) -> None:
        """Write what waits, one after the other; a disk that takes nothing is told of once, and tried again."""
        async with self._lock:
            rows, self._waiting = self._waiting, []
            if not rows:
                return
            for row in rows:
                if (name := self._names.get(row.get("user_id", ""))) is not None:
                    row["user"] = name
            try:
                await self._hass.async_add_executor_job(self._files.append, rows)
            except OSError as err:
                self._waiting = rows + self._waiting
                self._lost += max(0, len(self._waiting) - _MAX_WAITING)
                self._waiting = self._waiting[-_MAX_WAITING:]
                if not self._failing:
                    LOGGER.error("The audit cannot be written: %s", err.strerror)
                self._failing = True
            else:
                self._failing = False

    async def async_query(self, wanted: AuditFilter, *, limit: int, before: int | None = None) -> AuditPage:
        """Return the newest rows that are looked for, what waits included; raises OSError."""
        await self.async_flush()
        days = self._days()

        def fits(row: AuditRow) -> bool:
            return wanted.fits(row) and _is_kept(row, days)

        return await self._hass.async_add_executor_job(partial(self._files.read, fits, limit=limit, before=before))

    async def async_prune(self) -> None:
        """Drop the rows that are too old, each by the choice for its recorder."""
        days = self._days()
        oldest = max(days.values())
        try:
            await self._hass.async_add_executor_job(self._files.prune, lambda row: _is_kept(row, days), oldest)
        except OSError as err:
            LOGGER.error("Old rows of the audit cannot be dropped: %s", err.strerror)

    @property
    def statistics(self) -> dict[str, int]:
        """How much there is, and how much could not be kept."""
        return {**self._files.statistics, "waiting": len(self._waiting), "lost": self._lost}

    async def _write_soon(self, _now: datetime) -> None:
        self._timer = None
        await self.async_flush()

    async def _learn_names(self, _event: Event | None = None) -> None:
        """Learn what people are called; whoever is removed keeps his name here."""
        users = await self._hass.auth.async_get_users()
        self._names |= {user.id: user.name[:MAX_TEXT] for user in users if user.name}

    def _days(self) -> dict[str | None, str]:
        """Return, by entry, from when on rows are kept; None stands for recorders that are gone."""
        now = dt_util.utcnow()
        days = {
            entry.entry_id: int(entry.options.get(CONF_AUDIT_DAYS, DEFAULT_AUDIT_DAYS))
            for entry in self._hass.config_entries.async_entries(DOMAIN)
        }
        since: dict[str | None, str] = {None: format_time(now - timedelta(days=DEFAULT_AUDIT_DAYS))}
        since |= {entry_id: format_time(now - timedelta(days=kept)) for entry_id, kept in days.items()}
        return since


def _is_kept(row: AuditRow, since: Mapping[str | None, str]) -> bool:
    first: str = row["time"]
    return first >= since.get(row.get("entry_id"), since[None])
