"""What follows when rights change: who lost one is shut out at once, and users that are gone leave the tables.

Home Assistant tells of changed options and of users that were changed or removed. It does not tell when the policy of a
group is edited in its storage, which has no user interface: that counts from the next request on.
"""

from homeassistant.auth import EVENT_USER_REMOVED, EVENT_USER_UPDATED
from homeassistant.config_entries import SIGNAL_CONFIG_ENTRY_CHANGED, ConfigEntry, ConfigEntryChange
from homeassistant.core import Event, HomeAssistant, callback
from homeassistant.helpers.dispatcher import async_dispatcher_connect

from .access_rules import read_rules
from .const import CONF_ACCESS, DOMAIN
from .shared import shared


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
    hass.bus.async_listen(EVENT_USER_UPDATED, user_updated)
    hass.bus.async_listen(EVENT_USER_REMOVED, user_removed)
    hass.async_create_task(async_forget_users(hass), f"{DOMAIN} users")


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
