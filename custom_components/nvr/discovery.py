"""What is on the network around Home Assistant, and how it is called; nobody is given a login for it."""

import asyncio
from collections.abc import Iterable
from dataclasses import replace
from ipaddress import IPv4Interface
import time
from typing import Final

from homeassistant.components import network
from homeassistant.core import HomeAssistant, callback
from homeassistant.util.hass_dict import HassKey

from .connection import show_address
from .const import DOMAIN
from .core.discovery.box import Box, BoxKind
from .core.discovery.scan import SCANNERS, SECONDS, Interface, Scanner, scan
from .core.driver import TlsMode
from .core.families import FAMILIES

# Home Assistant tells of many boxes in the same minute when it starts: they share one search.
_FRESH: Final = 30.0
_ORDER: Final = {BoxKind.RECORDER: 0, BoxKind.UNKNOWN: 1, BoxKind.CAMERA: 2}


class Finder:
    """Asks the network, once for all who want to know at about the same time."""

    def __init__(self, hass: HomeAssistant) -> None:
        """Nothing is asked yet."""
        self._hass = hass
        self._boxes: tuple[Box, ...] = ()
        self._at: float | None = None
        self._under_way: asyncio.Task[tuple[Box, ...]] | None = None
        self.scanners: tuple[Scanner, ...] = SCANNERS
        self.seconds = SECONDS
        self.enough = 0

    async def async_find(self) -> tuple[Box, ...]:
        """Return all that answer on the networks that Home Assistant is to use, by what was asked just now."""
        if self._at is not None and time.monotonic() - self._at < _FRESH:
            return self._boxes
        if self._under_way is None or self._under_way.done():
            # Of nobody's own: who gives up does not end it for the others.
            self._under_way = self._hass.async_create_background_task(self._async_scan(), "nvr search of the network")
        return await asyncio.shield(self._under_way)

    async def async_look(self, host: str, mac: str = "") -> Box | None:
        """Return what a host tells of itself; asked by itself where no search of the network reaches it."""
        boxes = await self.async_find()
        found = next((box for box in boxes if box.host == host or (mac and box.mac == mac)), None)
        if found is None:
            alone = [replace(scanner, group="", overhear=False) for scanner in self.scanners]
            interfaces = [Interface(own.address) for own in await self._async_interfaces()]
            boxes = await scan(alone, interfaces, hosts=(host,), seconds=self.seconds, enough=1)
            found = next((box for box in boxes if box.host == host), None)
        return found

    async def _async_scan(self) -> tuple[Box, ...]:
        interfaces = await self._async_interfaces()
        self._boxes = await scan(self.scanners, interfaces, seconds=self.seconds, enough=self.enough)
        self._at = time.monotonic()
        return self._boxes

    async def _async_interfaces(self) -> list[Interface]:
        """Return our own addresses in the networks that the user lets Home Assistant use."""
        return [
            Interface(own["address"], _broadcast(own["address"], own["network_prefix"]))
            for adapter in await network.async_get_adapters(self._hass)
            if adapter["enabled"]
            for own in adapter["ipv4"]
        ]


def _broadcast(address: str, prefix: int) -> str:
    own = IPv4Interface(f"{address}/{prefix}")
    return "" if own.is_loopback or prefix > 30 else str(own.network.broadcast_address)


DATA_FINDER: HassKey[Finder] = HassKey(f"{DOMAIN}_finder")


@callback
def finder(hass: HomeAssistant) -> Finder:
    """Return what asks the network, made on first use."""
    if (found := hass.data.get(DATA_FINDER)) is None:
        found = hass.data[DATA_FINDER] = Finder(hass)
    return found


def brand_of(box: Box) -> str:
    """Return the brand to show; empty for a box that no family knows."""
    for family in FAMILIES:
        if box.family in {"", family.key}:
            for brand in family.brands:
                if brand.owns(box.maker, box.model):
                    return brand.title
    return next((family.title for family in FAMILIES if family.key == box.family), "")


def title_of(box: Box) -> str:
    """Return how a box is called: brand and model, and the name its owner gave it."""
    made = " ".join(part for part in (brand_of(box), box.model) if part)
    return f"{box.name} ({made})" if box.name and made else box.name or made or box.host


def address_of(box: Box) -> str:
    """Return the address of a box as a person would type it."""
    return show_address(box.host, box.port, TlsMode.OFF)


def offered(boxes: Iterable[Box]) -> list[Box]:
    """Return what may be added, recorders first: no intercoms, nothing of makes we do not know."""
    known = [box for box in boxes if box.kind in _ORDER and brand_of(box)]
    return sorted(known, key=lambda box: _ORDER[box.kind])
