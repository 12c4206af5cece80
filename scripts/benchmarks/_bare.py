"""Entities that do nothing: what Home Assistant itself costs for as many of them, of the same platforms."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from homeassistant.components.binary_sensor import BinarySensorEntity
from homeassistant.components.button import ButtonEntity
from homeassistant.components.camera import Camera
from homeassistant.components.event import EventEntity
from homeassistant.components.image import ImageEntity
from homeassistant.components.light import ColorMode, LightEntity
from homeassistant.components.number import NumberEntity
from homeassistant.components.select import SelectEntity
from homeassistant.components.sensor import SensorEntity
from homeassistant.components.siren import SirenEntity
from homeassistant.components.switch import SwitchEntity
from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers.entity import Entity
from pytest_homeassistant_custom_component.common import MockModule, MockPlatform, mock_integration, mock_platform

DOMAIN = "bare"


@dataclass(frozen=True, slots=True)
class Row:
    """One entity: on which device of its entry, of which platform, whether it is in use, and its name."""

    device: int
    platform: str
    enabled: bool
    name: str


class _BareCamera(Camera):
    pass


class _BareBinarySensor(BinarySensorEntity):
    _attr_is_on = False


class _BareButton(ButtonEntity):
    pass


class _BareEvent(EventEntity):
    _attr_event_types = ["start", "stop"]  # noqa: RUF012 - as Home Assistant declares it


class _BareLight(LightEntity):
    _attr_color_mode = ColorMode.ONOFF
    _attr_supported_color_modes = {ColorMode.ONOFF}  # noqa: RUF012 - as Home Assistant declares it
    _attr_is_on = False


class _BareNumber(NumberEntity):
    _attr_native_value = 1


class _BareSelect(SelectEntity):
    _attr_options = ["one", "two"]  # noqa: RUF012 - as Home Assistant declares it
    _attr_current_option = "one"


class _BareSensor(SensorEntity):
    _attr_native_value = 1


class _BareSiren(SirenEntity):
    _attr_is_on = False


class _BareSwitch(SwitchEntity):
    _attr_is_on = False


BARE: Mapping[str, type[Any]] = {
    "binary_sensor": _BareBinarySensor,
    "button": _BareButton,
    "camera": _BareCamera,
    "event": _BareEvent,
    "image": ImageEntity,
    "light": _BareLight,
    "number": _BareNumber,
    "select": _BareSelect,
    "sensor": _BareSensor,
    "siren": _BareSiren,
    "switch": _BareSwitch,
}


def mock_bare(hass: HomeAssistant, rows_of: Mapping[str, Sequence[Row]]) -> None:
    """Make an integration whose entries, by their ids, add these entities."""
    platforms = sorted({row.platform for rows in rows_of.values() for row in rows})

    async def set_up(hass: HomeAssistant, entry: ConfigEntry[Any]) -> bool:
        await hass.config_entries.async_forward_entry_setups(entry, platforms)
        return True

    mock_integration(hass, MockModule(DOMAIN, async_setup_entry=set_up))
    mock_platform(hass, f"{DOMAIN}.config_flow")
    for platform in platforms:
        mock_platform(hass, f"{DOMAIN}.{platform}", MockPlatform(async_setup_entry=_adder(platform, rows_of)))


def _adder(platform: str, rows_of: Mapping[str, Sequence[Row]]) -> Any:
    async def add(hass: HomeAssistant, entry: ConfigEntry[Any], add_entities: Any) -> None:
        rows = enumerate(rows_of[entry.entry_id])
        mine = ((number, row) for number, row in rows if row.platform == platform)
        add_entities(list(_entities(hass, entry, mine)))

    return add


def _entities(hass: HomeAssistant, entry: ConfigEntry[Any], rows: Iterable[tuple[int, Row]]) -> Iterable[Entity]:
    for number, row in rows:
        kind = BARE[row.platform]
        entity: Any = kind(hass) if row.platform == "image" else kind()
        entity._attr_unique_id = f"{entry.entry_id}_{number}"  # noqa: SLF001 - how an entity is given its facts
        entity._attr_has_entity_name = True  # noqa: SLF001
        entity._attr_name = row.name  # noqa: SLF001
        entity._attr_entity_registry_enabled_default = row.enabled  # noqa: SLF001
        entity._attr_device_info = dr.DeviceInfo(  # noqa: SLF001
            identifiers={(DOMAIN, f"{entry.entry_id}_{row.device}")}, name=f"{entry.title} camera {row.device}"
        )
        yield entity
