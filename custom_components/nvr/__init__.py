"""Network video recorders in Home Assistant: set-up and unload."""

from homeassistant.config_entries import SIGNAL_CONFIG_ENTRY_CHANGED, ConfigEntry, ConfigEntryChange, ConfigEntryState
from homeassistant.const import EVENT_HOMEASSISTANT_STOP
from homeassistant.core import Event, HomeAssistant, callback
from homeassistant.exceptions import ConfigEntryAuthFailed, ConfigEntryNotReady
from homeassistant.helpers import config_validation as cv, device_registry as dr
from homeassistant.helpers.dispatcher import async_dispatcher_connect
from homeassistant.helpers.typing import ConfigType

from . import issues
from .access_watch import async_watch_access
from .audit_view import async_register_audit_view
from .behalf import for_nobody
from .clip_view import async_register_clip_view
from .const import CONF_IGNORED_CHANNELS, DOMAIN, PLATFORMS
from .coordinator import NvrCoordinator
from .core.errors import NvrAuthError, NvrError
from .errors import WITH_PAGE, error_key, error_placeholders
from .export_actions import async_setup_export_actions
from .export_commands import async_register_export_commands
from .exports import async_setup_exports
from .health import Health
from .hub import NvrHub
from .picture_view import async_register_picture_view
from .ptz_actions import async_setup_ptz_actions
from .runtime import NvrConfigEntry, NvrRuntimeData
from .services import async_setup_services
from .shared import shared
from .sightings import Sightings
from .stream_log import StreamLog
from .talk_actions import async_setup_talk_actions, make_talks
from .views import async_register_views
from .websocket_api import async_register_commands

CONFIG_SCHEMA = cv.config_entry_only_config_schema(DOMAIN)


async def async_setup(hass: HomeAssistant, _config: ConfigType) -> bool:
    """Set up what spans recorders."""
    common = shared(hass)

    async def close(_event: Event) -> None:
        await common.async_close()

    @callback
    def entry_changed(_change: ConfigEntryChange, entry: ConfigEntry) -> None:
        # Also one that is disabled while its set-up waits to be tried again: that is never unloaded.
        if entry.domain == DOMAIN and entry.state is ConfigEntryState.NOT_LOADED:
            issues.async_clear_passing(hass, entry)
            if (notice := common.lock_notices.get(entry.entry_id)) is not None:
                notice.async_clear()

    hass.bus.async_listen_once(EVENT_HOMEASSISTANT_STOP, close)
    async_dispatcher_connect(hass, SIGNAL_CONFIG_ENTRY_CHANGED, entry_changed)
    async_setup_services(hass)
    async_setup_ptz_actions(hass)
    async_setup_talk_actions(hass)
    async_register_views(hass)
    async_register_picture_view(hass)
    async_register_audit_view(hass)
    async_register_clip_view(hass)
    async_setup_export_actions(hass)
    async_register_export_commands(hass)
    async_register_commands(hass)
    async_watch_access(hass)
    StreamLog(hass)
    with for_nobody():
        common.audit.async_start()
        await async_setup_exports(hass)
    return True


async def async_setup_entry(hass: HomeAssistant, entry: NvrConfigEntry) -> bool:
    """Set up one recorder; one that is known already comes up, unavailable, even while it is away."""
    common = shared(hass)
    hub = NvrHub(hass, entry, common, await common.async_store(entry.entry_id))
    health = Health(hass, entry, hub)

    async def stop(_event: Event) -> None:
        await health.async_stop()
        await hub.async_stop()

    entry.async_on_unload(hass.bus.async_listen_once(EVENT_HOMEASSISTANT_STOP, stop))
    try:
        with for_nobody():
            await hub.async_start()
            coordinator = NvrCoordinator(hass, entry, hub)
            entry.runtime_data = NvrRuntimeData(
                hub, coordinator, health, Sightings(entry, hub), make_talks(hass, entry, hub)
            )
            await hass.config_entries.async_forward_entry_setups(entry, PLATFORMS)
            health.async_start()
    except NvrError as err:
        await hub.async_stop()
        raise _not_ready(entry, err) from err
    except BaseException:
        await hub.async_stop()
        raise
    return True


def _not_ready(entry: NvrConfigEntry, err: NvrError) -> ConfigEntryAuthFailed | ConfigEntryNotReady:
    """Return what tells Home Assistant, and the user, why the set-up did not work."""
    kind = ConfigEntryAuthFailed if isinstance(err, NvrAuthError) else ConfigEntryNotReady
    key, placeholders = error_key(err), error_placeholders(err, entry.title)
    if err.about and key in WITH_PAGE:
        key, placeholders = f"{key}_to", {**placeholders, "page": err.about}
    return kind(translation_domain=DOMAIN, translation_key=key, translation_placeholders=placeholders)


async def async_unload_entry(hass: HomeAssistant, entry: NvrConfigEntry) -> bool:
    """Unload one recorder, and leave nothing running here or there."""
    if unloaded := await hass.config_entries.async_unload_platforms(entry, PLATFORMS):
        await entry.runtime_data.health.async_stop()
        await entry.runtime_data.hub.async_stop()
    return unloaded


async def async_remove_entry(hass: HomeAssistant, entry: NvrConfigEntry) -> None:
    """Forget one recorder."""
    issues.async_clear_all(hass, entry)
    await shared(hass).async_forget(entry.entry_id)


async def async_remove_config_entry_device(
    hass: HomeAssistant, entry: NvrConfigEntry, device: dr.AnyDeviceEntry
) -> bool:
    """Let the user remove a channel that the recorder no longer has, or that is left out; also while it is away."""
    memory = (await shared(hass).async_store(entry.entry_id)).memory
    if memory.info is None:
        return False
    left_out = {int(number) for number in entry.options.get(CONF_IGNORED_CHANNELS, ())}
    present = {channel.id for channel in memory.channels if channel.number not in left_out} | {memory.info.serial}
    return not any(domain == DOMAIN and identifier in present for domain, identifier in device.identifiers)
