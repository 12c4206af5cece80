"""What newer firmware there is for the NVR. It tells and installs nothing: that is done where the NVR shows its menu.

Disabled unless wanted: to find out, the NVR asks its maker over the internet.
"""

from collections.abc import Container, Iterable
from datetime import datetime, timedelta
from functools import partial
from typing import Final, override

from homeassistant.components.update import DOMAIN as UPDATE_DOMAIN, UpdateDeviceClass, UpdateEntity
from homeassistant.const import EntityCategory
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.entity import Entity
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
from homeassistant.helpers.event import async_call_later

from .const import DOMAIN, LOGGER
from .coordinator import NvrCoordinator
from .core.errors import NvrError
from .core.models import FirmwareOffer
from .entity import RecorderEntity
from .entity_health import add_health_entities
from .errors import error_key, translated_errors
from .runtime import NvrConfigEntry

PARALLEL_UPDATES = 1

_KEY: Final = "firmware_update"
# After the start, whose requests are few; then as seldom as makers publish.
FIRST: Final = timedelta(minutes=1)
INTERVAL: Final = timedelta(days=1)
_MOST_NOTES: Final = 255


async def async_setup_entry(
    _hass: HomeAssistant, entry: NvrConfigEntry, async_add_entities: AddConfigEntryEntitiesCallback
) -> None:
    """Add the firmware of an NVR that can find out what there is; also while it is away, where it could before."""
    add_health_entities(entry, async_add_entities, partial(_updates, entry))


def _updates(entry: NvrConfigEntry, _given: Container[str | None]) -> Iterable[Entity]:
    data = entry.runtime_data
    registry = er.async_get(data.coordinator.hass)
    unique_id = f"{data.hub.info.serial}_{_KEY}"
    once = registry.async_get_entity_id(UPDATE_DOMAIN, DOMAIN, unique_id) is not None
    if data.health.box.tells_firmware or once:
        yield FirmwareUpdate(data.coordinator)


class FirmwareUpdate(RecorderEntity, UpdateEntity):
    """The NVR's firmware, and what its maker has; unknown until the NVR has asked."""

    _attr_device_class = UpdateDeviceClass.FIRMWARE
    _attr_entity_category = EntityCategory.DIAGNOSTIC
    _attr_entity_registry_enabled_default = False
    _attr_translation_key = "firmware"

    def __init__(self, coordinator: NvrCoordinator) -> None:
        super().__init__(coordinator, _KEY)
        self._offer: FirmwareOffer | None = None
        self._next: CALLBACK_TYPE | None = None

    @override
    async def async_added_to_hass(self) -> None:
        """Have the NVR ask from time to time."""
        await super().async_added_to_hass()
        self._ask_after(FIRST)

    @override
    async def async_will_remove_from_hass(self) -> None:
        """Have it ask no more."""
        if self._next is not None:
            self._next()
        await super().async_will_remove_from_hass()

    @callback
    def _ask_after(self, pause: timedelta) -> None:
        self._next = async_call_later(self.hass, pause, self._async_look)

    async def _async_look(self, _now: datetime) -> None:
        """Ask on nobody's behalf: what fails is tried again the next day."""
        self._ask_after(INTERVAL)
        try:
            await self._async_ask()
        except NvrError as err:
            LOGGER.debug("%s did not find out what firmware there is (%s)", self.hub.name, error_key(err))

    async def _async_ask(self) -> None:
        if (source := self.hub.driver.firmware) is None:
            return
        await self.hub.link.async_prove()
        offer = await source.newest()
        await self.hub.link.async_prove()
        self._offer = offer
        self.async_write_ha_state()

    @override
    async def async_update(self) -> None:
        """Ask now, for somebody wants to know; raises what a person can act on."""
        with translated_errors(self.hub.name):
            await self._async_ask()

    @property
    @override
    def installed_version(self) -> str | None:
        """What it runs."""
        return self.hub.info.firmware or None

    @property
    @override
    def latest_version(self) -> str | None:
        """What there is; None before the NVR has asked."""
        if self._offer is None:
            return None
        return self._offer.version or self.installed_version

    @property
    @override
    def release_summary(self) -> str | None:
        """What the maker says of it."""
        return self._offer.notes[:_MOST_NOTES] or None if self._offer is not None else None

    @override
    def version_is_newer(self, latest_version: str, installed_version: str) -> bool:
        """Believe the maker: its versions are no numbers that could be compared."""
        return latest_version != installed_version
