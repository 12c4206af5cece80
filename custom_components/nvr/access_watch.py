"""What follows when rights change: who lost one is shut out at once, and users that are gone leave the tables.

Home Assistant tells of changed options, of users that were changed or removed, and of what policies name: entities,
their devices and areas. It does not tell when the policy of a group is edited in its storage, which has no user
interface: that counts from the next request on, and from the next sign of life of whoever watches.
"""

from typing import Any, Final

from homeassistant.auth import EVENT_USER_REMOVED, EVENT_USER_UPDATED
from homeassistant.config_entries import SIGNAL_CONFIG_ENTRY_CHANGED, ConfigEntry, ConfigEntryChange
from homeassistant.core import Event, HomeAssistant, callback
from homeassistant.helpers import device_registry as dr, entity_registry as er
from homeassistant.helpers.dispatcher import async_dispatcher_connect

from .access_rules import read_rules
from .const import CONF_ACCESS, DOMAIN
from .shared import shared

# What a policy goes by; names, states and the like give nobody a right.
_OF_ENTITIES: Final = frozenset({"entity_id", "disabled_by", "device_id", "area_id"})
_OF_DEVICES: Final = frozenset({"area_id", "disabled_by"})


@callback
def async_watch_access(hass: HomeAssistant) -> None:
    """Watch options and users; once, from `async_setup`."""

    @callback
    def entry_changed(change: ConfigEntryChange, entry: ConfigEntry) -> None:
        if entry.domain == DOMAIN and change is ConfigEntryChange.UPDATED:
            shared(hass).rights_changed.async_send()

    @callback
    def user_updated(_event: Event) -> None:
        shared(hass).rights_changed.async_send()

    async def user_removed(_event: Event) -> None:
        shared(hass).rights_changed.async_send()
        await async_forget_users(hass)

    async_dispatcher_connect(hass, SIGNAL_CONFIG_ENTRY_CHANGED, entry_changed)
    _watch_registries(hass)
    hass.bus.async_listen(EVENT_USER_UPDATED, user_updated)
    hass.bus.async_listen(EVENT_USER_REMOVED, user_removed)
    hass.async_create_task(async_forget_users(hass), f"{DOMAIN} users")


@callback
def _watch_registries(hass: HomeAssistant) -> None:
    """Look at rights again when a camera was removed, switched off or moved; once for all that happens together."""
    waiting = False

    @callback
    def look_again() -> None:
        nonlocal waiting
        waiting = False
        shared(hass).rights_changed.async_send()

    def changed(event: Event[Any], fields: frozenset[str]) -> None:
        nonlocal waiting
        action = event.data["action"]
        matters = action == "remove" or (action == "update" and not fields.isdisjoint(event.data["changes"]))
        if matters and not waiting:
            waiting = True
            # After everybody else who listens: what a recorder's cameras are is looked up anew by then.
            hass.loop.call_soon(look_again)

    @callback
    def entity_changed(event: Event[er.EventEntityRegistryUpdatedData]) -> None:
        if event.data["entity_id"].startswith("camera."):
            changed(event, _OF_ENTITIES)

    @callback
    def device_changed(event: Event[dr.EventDeviceRegistryUpdatedData]) -> None:
        changed(event, _OF_DEVICES)

    hass.bus.async_listen(er.EVENT_ENTITY_REGISTRY_UPDATED, entity_changed)
    hass.bus.async_listen(dr.EVENT_DEVICE_REGISTRY_UPDATED, device_changed)


async def async_forget_users(hass: HomeAssistant) -> None:
    """Take users that are gone out of the tables of all recorders."""
    there = {user.id for user in await hass.auth.async_get_users()}
    for entry in hass.config_entries.async_entries(DOMAIN):
        if (raw := entry.options.get(CONF_ACCESS)) is None:
            continue
        rules = read_rules(raw)
        left = rules.only_users(there)
        if left != rules:
            hass.config_entries.async_update_entry(entry, options={**entry.options, CONF_ACCESS: left.to_json()})
