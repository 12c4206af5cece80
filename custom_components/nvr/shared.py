"""What spans recorders and survives reloads: media engine, links to footage, audit, memories, refused logins."""

from dataclasses import dataclass, field
import hashlib

from homeassistant.core import HomeAssistant, callback
from homeassistant.util import dt as dt_util
from homeassistant.util.hass_dict import HassKey

from .audit import AuditLog
from .const import DOMAIN
from .core.credentials import LoginGuard
from .core.driver import ConnectionConfig
from .media.engine import MediaEngine
from .persistence import MemoryStore
from .playback_links import PlaybackLinks
from .signals import Signal


@dataclass(slots=True)
class NvrShared:
    """One per Home Assistant. Who subscribes to `rights_changed` looks again at what it lets people see."""

    hass: HomeAssistant
    audit: AuditLog = field(init=False)
    engine: MediaEngine = field(default_factory=MediaEngine)
    links: PlaybackLinks = field(default_factory=PlaybackLinks)
    stores: dict[str, MemoryStore] = field(default_factory=dict)
    guards: dict[tuple[str, str], LoginGuard] = field(default_factory=dict)
    rights_changed: Signal[()] = field(default_factory=Signal[()])

    def __post_init__(self) -> None:
        """Make what needs Home Assistant."""
        self.audit = AuditLog(self.hass)

    async def async_store(self, entry_id: str) -> MemoryStore:
        """Return the memory of an entry's recorder; it is read from disk once."""
        if (store := self.stores.get(entry_id)) is None:
            store = self.stores[entry_id] = MemoryStore(self.hass, entry_id)
            await store.async_load()
        return store

    async def async_close_playback(self, entry_id: str) -> None:
        """End all playback of a recorder, and the links to it."""
        await self.links.revoke_entry(entry_id)
        await self.engine.close_recorder(entry_id)

    async def async_forget(self, entry_id: str) -> None:
        """Forget a removed entry."""
        store = await self.async_store(entry_id)
        await store.async_remove()
        self.stores.pop(entry_id, None)
        self.async_allow(entry_id)

    async def async_close(self) -> None:
        """End all playback: Home Assistant stops."""
        await self.links.revoke_all()
        await self.engine.aclose()

    @callback
    def guard(self, entry_id: str, config: ConnectionConfig) -> LoginGuard:
        """Return the count of refusals of this very login at this address; reloads do not begin it anew."""
        key = (entry_id, _login(config))
        if key not in self.guards:
            self.guards[key] = LoginGuard(utcnow=dt_util.utcnow)
        return self.guards[key]

    @callback
    def async_allow(self, entry_id: str) -> None:
        """Begin the counts of an entry anew: the user acted."""
        self.guards = {key: guard for key, guard in self.guards.items() if key[0] != entry_id}


def _login(config: ConnectionConfig) -> str:
    """Return a fingerprint of the login and where it goes; the login itself is kept nowhere."""
    text = "\0".join((config.host, str(config.http_port), config.username, config.password))
    return hashlib.sha256(text.encode()).hexdigest()


DATA_SHARED: HassKey[NvrShared] = HassKey(DOMAIN)


@callback
def shared(hass: HomeAssistant) -> NvrShared:
    """Return what is shared, made on first use."""
    if (found := hass.data.get(DATA_SHARED)) is None:
        found = hass.data[DATA_SHARED] = NvrShared(hass)
    return found
