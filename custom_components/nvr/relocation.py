"""Whether a recorder that is set up answers where it is known to be, or somewhere else."""

from dataclasses import replace
from typing import Any

from homeassistant.config_entries import ConfigEntry, ConfigEntryState
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import device_registry as dr

from .connection import connection_config, session_factory, without_login
from .const import CONF_FAMILY, DOMAIN, LOGGER
from .core.errors import NvrError
from .core.families import build_driver, detect
from .shared import shared


@callback
def entry_of(hass: HomeAssistant, mac: str) -> ConfigEntry[Any] | None:
    """Return the entry of the recorder with that network address (as the device registry writes it)."""
    registry = dr.async_get(hass)
    for entry in hass.config_entries.async_entries(DOMAIN, include_ignore=False):
        for device in dr.async_entries_for_config_entry(registry, entry.entry_id):
            if (dr.CONNECTION_NETWORK_MAC, mac) in device.connections:
                return entry
    return None


async def async_answers(entry: ConfigEntry[Any]) -> bool:
    """Tell whether the recorder answers where it is known to be: by a host name, or on its other network port."""
    if entry.state is not ConfigEntryState.LOADED or not entry.runtime_data.hub.link.reached:
        return False
    try:
        serial: str = await entry.runtime_data.hub.driver.identify()
    except NvrError:
        return False
    return serial == entry.unique_id


async def async_answers_at(hass: HomeAssistant, entry: ConfigEntry[Any], host: str) -> bool:
    """Tell whether the recorder of the entry answers there; the login goes only to a box of its family.

    Refusals there count together with those at the address that is known: it is the same account.
    """
    make = session_factory(hass)
    family = entry.data[CONF_FAMILY]
    known = connection_config(entry.data, entry.options)
    guard, config = shared(hass).guard(entry.entry_id, known), replace(known, host=host)
    try:
        guard.check()
        async with make() as session:
            found = await detect(without_login(config), session)
        if family not in found.candidates:
            return False
        driver = build_driver(family, config, make, guard=guard)
        try:
            await driver.connect(entry.unique_id)
        finally:
            await driver.close()
    except NvrError as err:
        LOGGER.debug("The new address of %s was not taken: %s", entry.title, err)
        return False
    return driver.info.serial == entry.unique_id
