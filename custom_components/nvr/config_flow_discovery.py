"""The part of the config flow that knows what is on the network: a list to choose from, and boxes that were noticed."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final, override
from urllib.parse import urlsplit

from homeassistant.config_entries import ConfigEntry, ConfigFlow, ConfigFlowResult
from homeassistant.const import CONF_HOST, CONF_PASSWORD, CONF_PORT, CONF_USERNAME
from homeassistant.core import callback
from homeassistant.data_entry_flow import AbortFlow
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers.selector import (
    SelectOptionDict,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
    TextSelector,
    TextSelectorConfig,
    TextSelectorType,
)
from homeassistant.helpers.service_info.dhcp import DhcpServiceInfo
from homeassistant.helpers.service_info.ssdp import ATTR_UPNP_PRESENTATION_URL, ATTR_UPNP_SERIAL, SsdpServiceInfo
from homeassistant.helpers.service_info.zeroconf import ZeroconfServiceInfo
import probatio

from .connection import TypedAddress, session_factory
from .const import DOMAIN, LOGGER
from .core.discovery.box import Box, BoxKind
from .core.driver import ConnectionConfig
from .core.errors import NvrError
from .core.families import detect
from .discovery import address_of, finder, offered, title_of
from .relocation import async_answers, async_answers_at, entry_of

USERNAME: Final = TextSelector(TextSelectorConfig(autocomplete="username"))
PASSWORD: Final = TextSelector(TextSelectorConfig(type=TextSelectorType.PASSWORD, autocomplete="current-password"))
_HOST: Final = TextSelector(TextSelectorConfig(autocomplete="off"))

LOGIN_SCHEMA: Final = probatio.Schema(
    {probatio.Required(CONF_USERNAME): USERNAME, probatio.Required(CONF_PASSWORD): PASSWORD}
)


def user_schema(boxes: list[Box]) -> probatio.Schema:
    """Return the form of the first step: what was found can be chosen, any other address typed."""
    choice = SelectSelectorConfig(
        options=[SelectOptionDict(value=address_of(box), label=f"{title_of(box)}: {address_of(box)}") for box in boxes],
        mode=SelectSelectorMode.DROPDOWN,
        custom_value=True,
    )
    return probatio.Schema(
        {
            probatio.Required(CONF_HOST): SelectSelector(choice) if boxes else _HOST,
            probatio.Required(CONF_USERNAME): USERNAME,
            probatio.Required(CONF_PASSWORD): PASSWORD,
        }
    )


class DiscoveryFlow(ConfigFlow):
    """Searches, and begins with what Home Assistant noticed; nothing here sends a login to a box that is not set up."""

    def __init__(self) -> None:
        self._search: asyncio.Task[tuple[Box, ...]] | None = None
        self._offered: list[Box] | None = None
        self._box: Box | None = None
        self._errors: dict[str, str] = {}
        self._placeholders: dict[str, str] = {}
        self._suggested: dict[str, Any] = {}

    async def async_step_search(self, _user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Look around before asking for an address; who searched just now waits for nothing."""
        begun = self._search is not None
        if self._search is None:
            self._search = self.hass.async_create_task(finder(self.hass).async_find(), "nvr search")
        if not self._search.done():
            return self.async_show_progress(step_id="search", progress_action="search", progress_task=self._search)
        self._offered = [box for box in offered(self._search.result()) if not self._is_set_up(box)]
        return self.async_show_progress_done(next_step_id="user") if begun else await self.async_step_user()

    @callback
    @override
    def async_remove(self) -> None:
        """End the waiting for a search that nobody is there for any more."""
        if self._search is not None:
            self._search.cancel()

    async def async_step_dhcp(self, discovery_info: DhcpServiceInfo) -> ConfigFlowResult:
        """Follow a recorder to its new address, once it has proved there who it is; or offer to add a new one."""
        mac = dr.format_mac(discovery_info.macaddress)
        entry = entry_of(self.hass, mac)
        if entry is None:
            return await self._async_noticed(discovery_info.ip, mac)
        return await self._async_follow(entry, discovery_info.ip)

    async def async_step_ssdp(self, discovery_info: SsdpServiceInfo) -> ConfigFlowResult:
        """Offer to add what announced itself by UPnP."""
        host, _ = _host_and_port(discovery_info.ssdp_location)
        if not host:
            return self.async_abort(reason="not_an_nvr")
        # Its own page may be told as anybody's: only the port is believed.
        _, port = _host_and_port(discovery_info.upnp.get(ATTR_UPNP_PRESENTATION_URL))
        serial = discovery_info.upnp.get(ATTR_UPNP_SERIAL)
        return await self._async_noticed(host, known_as=str(serial or discovery_info.ssdp_udn or ""), port=port)

    async def async_step_zeroconf(self, discovery_info: ZeroconfServiceInfo) -> ConfigFlowResult:
        """Offer to add what announced itself by Bonjour."""
        known_as, port = discovery_info.hostname, discovery_info.port or 0
        # Of several addresses the one that our searches understand, too.
        host = next((str(one) for one in discovery_info.ip_addresses if one.version == 4), discovery_info.host)
        return await self._async_noticed(host, known_as=known_as, port=port)

    async def async_step_discovered(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask for the login of what was found."""
        if self._box is None:
            raise AbortFlow("not_an_nvr")
        if user_input is not None:
            address = TypedAddress(self._box.host, self._box.port)
            return await self._async_log_in(address, user_input[CONF_USERNAME], user_input[CONF_PASSWORD])
        self._placeholders |= {"box": title_of(self._box), "host": address_of(self._box)}
        return self._show("discovered", LOGIN_SCHEMA, self._suggested)

    async def async_step_user(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask for the address of an NVR, and for a login."""
        raise NotImplementedError

    async def _async_log_in(self, address: TypedAddress, username: str, password: str) -> ConfigFlowResult:
        """Try the login there."""
        raise NotImplementedError

    async def _async_noticed(self, host: str, mac: str = "", known_as: str = "", port: int = 0) -> ConfigFlowResult:
        """Offer to add a recorder that was noticed at an address; cameras are left to whoever looks for one.

        A person with a recorder has a camera for each of its channels, and wants no card for each of them.
        """
        self._async_abort_entries_match({CONF_HOST: host})
        await self._async_take_identity(mac or known_as or host)
        box = await finder(self.hass).async_look(host, mac)
        if box is None:
            box = await self._async_detected(host, mac, port)
        elif (entry := self._entry_of(box)) is not None:
            return await self._async_follow(entry, host)
        elif box.activated is False:
            return self.async_abort(reason="not_activated")
        elif box.kind in {BoxKind.CAMERA, BoxKind.OTHER}:
            return self.async_abort(reason="not_a_recorder")
        elif not box.family:
            box = (await self._async_detected(host, mac, box.port)).with_more(box)
        if box.mac:
            await self._async_take_identity(box.mac)
        self._box = box
        self.context["title_placeholders"] = {"name": title_of(box)}
        return await self.async_step_discovered()

    async def _async_follow(self, entry: ConfigEntry[Any], host: str) -> ConfigFlowResult:
        """Follow a recorder that is set up to where it was noticed, unless it answers where it was."""
        await self.async_set_unique_id(entry.unique_id)
        known = entry.data[CONF_HOST] == host or await async_answers(entry)
        if known or not await async_answers_at(self.hass, entry, host):
            return self.async_abort(reason="already_configured")
        LOGGER.info("%s has moved to another address", entry.title)
        return self.async_update_reload_and_abort(entry, data_updates={CONF_HOST: host}, reason="already_configured")

    async def _async_take_identity(self, identity: str) -> None:
        """Let there be one flow for each box, and none for what the user wants to hear of no more."""
        await self.async_set_unique_id(identity)
        self._abort_if_unique_id_configured()

    async def _async_detected(self, host: str, mac: str, port: int) -> Box:
        """See what answers there without a login; ends the flow where that is no recorder we know."""
        with suppress(NvrError):
            async with session_factory(self.hass)() as session:
                found = await detect(ConnectionConfig(host, "", "", port=port), session)
            if found.candidates:
                return Box(host, port, family=found.candidates[0], mac=mac)
        raise AbortFlow("not_an_nvr")

    def _entry_of(self, box: Box) -> ConfigEntry[Any] | None:
        """Return the entry of a box, by its network address or its serial number."""
        if box.mac and (found := entry_of(self.hass, box.mac)) is not None:
            return found
        entries = self.hass.config_entries.async_entries(DOMAIN, include_ignore=False)
        return next((entry for entry in entries if box.serial and entry.unique_id == box.serial), None)

    def _is_set_up(self, box: Box) -> bool:
        """Tell whether a box is one of ours; one that tells nothing of itself goes by where it is."""
        if self._entry_of(box) is not None:
            return True
        return any(
            entry.data.get(CONF_HOST) == box.host and box.port in {0, entry.data.get(CONF_PORT)}
            for entry in self.hass.config_entries.async_entries(DOMAIN, include_ignore=False)
        )

    def _show(self, step_id: str, schema: probatio.Schema, suggested: Mapping[str, Any] | None) -> ConfigFlowResult:
        """Show a form, with the errors that wait to be told."""
        errors, self._errors = self._errors, {}
        filled = {key: value for key, value in (suggested or {}).items() if key != CONF_PASSWORD}
        return self.async_show_form(
            step_id=step_id,
            data_schema=self.add_suggested_values_to_schema(schema, filled),
            errors=errors,
            description_placeholders=self._placeholders,
        )


def _host_and_port(address: object) -> tuple[str, int]:
    """Return the host of an address and the port of its web server; empty and 0 for what is none."""
    with suppress(ValueError):
        parts = urlsplit(str(address or ""))
        return parts.hostname or "", parts.port or 0
    return "", 0
