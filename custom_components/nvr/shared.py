"""What spans recorders and survives reloads: media engine, links to footage, audit, memories, refused logins."""

from dataclasses import dataclass, field
from datetime import datetime
import hashlib
from pathlib import Path
from typing import Any

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback
from homeassistant.util import dt as dt_util
from homeassistant.util.hass_dict import HassKey

from .audit import AuditLog
from .const import DOMAIN
from .core.credentials import LoginGuard
from .core.driver import ConnectionConfig
from .endings import stopped, unavailable
from .lockout import LockNotice
from .media.engine import MediaEngine
from .media.streaming.desk import StreamDesk
from .media.thumbnails.maker import PictureMaker
from .media.thumbnails.store import PictureStore
from .persistence import MemoryStore
from .playback_links import PlaybackLinks
from .signals import Signal


@dataclass(slots=True)
class NvrShared:
    """One per Home Assistant. Who subscribes to `rights_changed` looks again at what it lets people see."""

    hass: HomeAssistant
    audit: AuditLog = field(init=False)
    desk: StreamDesk = field(init=False)
    pictures: PictureMaker = field(init=False)
    engine: MediaEngine = field(default_factory=MediaEngine)
    links: PlaybackLinks = field(default_factory=PlaybackLinks)
    stores: dict[str, MemoryStore] = field(default_factory=dict)
    guards: dict[tuple[str, str, str], LoginGuard] = field(default_factory=dict)
    lock_notices: dict[str, LockNotice] = field(default_factory=dict)
    rights_changed: Signal[()] = field(default_factory=Signal[()])

    def __post_init__(self) -> None:
        """Make what needs Home Assistant."""
        self.audit = AuditLog(self.hass)
        self.engine.slots.on_learned = self._remember_sessions
        self.desk = StreamDesk(self.engine.slots, self.engine.pool)
        # They can be made again: the cache is in no backup.
        folder = Path(self.hass.config.cache_path(DOMAIN, "pictures"))
        self.pictures = PictureMaker(PictureStore(folder, self.engine.pool, self._entry_ids), self.engine.pool)

    async def async_store(self, entry_id: str) -> MemoryStore:
        """Return the memory of an entry's recorder; it is read from disk once."""
        if (store := self.stores.get(entry_id)) is None:
            store = self.stores[entry_id] = MemoryStore(self.hass, entry_id)
            memory = await store.async_load()
            self.engine.slots.recall(entry_id, memory.sessions)
        return store

    async def async_close_playback(self, entry_id: str) -> None:
        """End all streams and playback of a recorder, and the links to it."""
        entry = self.hass.config_entries.async_get_entry(entry_id)
        await self.desk.close_recorder(entry_id, unavailable(entry.title if entry is not None else "NVR"))
        await self.links.revoke_entry(entry_id)
        await self.pictures.close_recorder(entry_id)
        await self.engine.close_recorder(entry_id)
        # Also what nobody gave a sign of life for, and is ending because of that.
        await self.engine.slots.settle(entry_id)

    async def async_forget(self, entry_id: str) -> None:
        """Forget a removed entry."""
        store = await self.async_store(entry_id)
        await store.async_remove()
        await self.pictures.forget_recorder(entry_id)
        self.stores.pop(entry_id, None)
        self.engine.slots.recall(entry_id, {})
        self.async_allow(entry_id)
        if (notice := self.lock_notices.pop(entry_id, None)) is not None:
            notice.async_clear()

    async def async_close(self) -> None:
        """End all playback and every count: Home Assistant stops."""
        for notice in self.lock_notices.values():
            notice.async_clear()
        await self.desk.aclose(stopped())
        await self.links.revoke_all()
        await self.pictures.aclose()
        await self.engine.aclose()

    @callback
    def guard(self, entry_id: str, config: ConnectionConfig) -> LoginGuard:
        """Return the count of refusals of this very login at this address; reloads do not begin it anew."""
        key = (entry_id, _account(config), _login(config))
        if key not in self.guards:
            self.guards[key] = self._new_guard(config)
        return self.guards[key]

    @callback
    def trial_guard(self, config: ConnectionConfig) -> LoginGuard:
        """Return a new count for a login that was typed just now; a lock goes on, and is known to the next one."""
        guard = self._new_guard(config)
        self.guards["", _account(config), ""] = guard
        return guard

    @callback
    def async_note_lock(self, config: ConnectionConfig, until: datetime) -> None:
        """Let everybody know who would use the account; `until` is UTC, with its margin."""
        for guard in self._guards_of(config):
            guard.keep_silent(until)

    @callback
    def lock_notice(self, entry: ConfigEntry[Any]) -> LockNotice:
        """Return what tells the user of a lock; it outlives the set-up that met it."""
        if entry.entry_id not in self.lock_notices:
            self.lock_notices[entry.entry_id] = LockNotice(self.hass, entry)
        return self.lock_notices[entry.entry_id]

    @callback
    def async_allow(self, entry_id: str) -> None:
        """Begin the counts of an entry anew: the user entered a login that works."""
        self.guards = {key: guard for key, guard in self.guards.items() if key[0] != entry_id}
        if (store := self.stores.get(entry_id)) is not None:
            store.memory.locked_until = None

    @callback
    def _remember_sessions(self, entry_id: str) -> None:
        """Keep how many sessions a recorder was found to have."""
        if (store := self.stores.get(entry_id)) is not None:
            store.memory.sessions = self.engine.slots.learned(entry_id)
            store.async_save_soon()

    def _entry_ids(self) -> set[str]:
        return {entry.entry_id for entry in self.hass.config_entries.async_entries(DOMAIN)}

    def _new_guard(self, config: ConnectionConfig) -> LoginGuard:
        """Return a count that begins anew. A lock is of the account at this address, whatever the password."""
        guard = LoginGuard(utcnow=dt_util.utcnow)
        for other in self._guards_of(config):
            if (until := other.locked_until) is not None:
                guard.keep_silent(until)
        return guard

    def _guards_of(self, config: ConnectionConfig) -> list[LoginGuard]:
        account = _account(config)
        return [guard for (_, where, _), guard in self.guards.items() if where == account]


def _login(config: ConnectionConfig) -> str:
    """Return a fingerprint of the login and where it goes; the login itself is kept nowhere."""
    return _fingerprint(config.host, str(config.http_port), config.username, config.password)


def _account(config: ConnectionConfig) -> str:
    """Return a fingerprint of whom a lock is of: behind one address other ports may be other recorders."""
    return _fingerprint(config.host, str(config.http_port), config.username)


def _fingerprint(*texts: str) -> str:
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()


DATA_SHARED: HassKey[NvrShared] = HassKey(DOMAIN)


@callback
def shared(hass: HomeAssistant) -> NvrShared:
    """Return what is shared, made on first use."""
    if (found := hass.data.get(DATA_SHARED)) is None:
        found = hass.data[DATA_SHARED] = NvrShared(hass)
    return found
