"""What shows how a recorder and its recording are: tables of descriptions, and the thin entities they describe."""

from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, Final, override

from homeassistant.components.binary_sensor import BinarySensorDeviceClass, BinarySensorEntity
from homeassistant.components.button import ButtonEntity
from homeassistant.components.sensor import (
    SensorDeviceClass,
    SensorEntity,
    SensorEntityDescription,
    SensorStateClass,
)
from homeassistant.const import (
    PERCENTAGE,
    EntityCategory,
    UnitOfDataRate,
    UnitOfInformation,
    UnitOfTemperature,
    UnitOfTime,
)
from homeassistant.core import callback
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.entity import Entity
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
from homeassistant.util import dt as dt_util

from .access import Action
from .const import DOMAIN
from .coordinator import NvrCoordinator
from .core.models import Channel, Disk, DiskState, StreamRole
from .entity import ChannelEntity, MakeEntities, RecorderEntity, adder, unique_id
from .entity_control import ManagedEntity
from .errors import translated_errors
from .health import Health
from .media.streaming.meter import StreamReading
from .persistence import RECORDER
from .runtime import NvrConfigEntry

type Value = str | float | datetime | None
_HOUR: Final = 3600


@callback
def add_health_entities(
    entry: NvrConfigEntry, async_add_entities: AddConfigEntryEntitiesCallback, make: MakeEntities
) -> None:
    """Add what there is, and whatever the recorder turns out to have later: a disk, a channel, all of it after away."""
    add = adder(entry, async_add_entities, make)
    data = entry.runtime_data
    entry.async_on_unload(data.hub.channels_added.async_subscribe(lambda _channels: add()))
    entry.async_on_unload(data.health.found.async_subscribe(add))


def _once_there(entry: NvrConfigEntry, platform: str, owner: str, *, key: str) -> bool:
    """Tell whether an entity was registered before: it stays, although the recorder is away, or says nothing now."""
    registry = er.async_get(entry.runtime_data.coordinator.hass)
    return registry.async_get_entity_id(platform, DOMAIN, unique_id(owner, key)) is not None


class _OfChannel(ChannelEntity):
    """It is the recorder's own knowledge: it still tells of a channel whose camera is away."""

    __slots__ = ("health",)

    def __init__(self, coordinator: NvrCoordinator, health: Health, channel: Channel, key: str) -> None:
        super().__init__(coordinator, channel, key)
        self.health = health

    @override
    async def async_added_to_hass(self) -> None:
        """Listen to what does not come with the refresh."""
        await super().async_added_to_hass()
        self.async_on_remove(self.health.changed.async_subscribe(self._changed))

    @callback
    def _changed(self, number: int) -> None:
        if number == self.number:
            self.async_write_ha_state()

    @property
    @override
    def available(self) -> bool:
        """Whether the recorder is there to be asked."""
        return self.hub.online and self.channel is not None


class _OfRecorder(RecorderEntity):
    """Something of the recorder that is looked at from time to time."""

    def __init__(self, coordinator: NvrCoordinator, health: Health, key: str) -> None:
        super().__init__(coordinator, key)
        self.health = health

    @override
    async def async_added_to_hass(self) -> None:
        """Listen to what does not come with the refresh."""
        await super().async_added_to_hass()
        self.async_on_remove(self.health.changed.async_subscribe(self._changed))

    @callback
    def _changed(self, number: int) -> None:
        if number == RECORDER:
            self.async_write_ha_state()


class ChannelRecording(_OfChannel, BinarySensorEntity):
    """Whether the channel is being recorded now; unknown, and never off, while nobody has looked."""

    _attr_device_class = BinarySensorDeviceClass.RUNNING
    _attr_entity_category = EntityCategory.DIAGNOSTIC
    _attr_translation_key = "recording"

    def __init__(self, coordinator: NvrCoordinator, health: Health, channel: Channel) -> None:
        super().__init__(coordinator, health, channel, "recording")

    @property
    @override
    def is_on(self) -> bool | None:
        """By what the recorder lists and says."""
        return self.health.recording.health(self.number).recording


class StorageProblem(_OfRecorder, BinarySensorEntity):
    """Whether a disk does not record; an empty bay, a sleeping and a full disk are no problem."""

    _attr_device_class = BinarySensorDeviceClass.PROBLEM
    _attr_entity_category = EntityCategory.DIAGNOSTIC
    _attr_translation_key = "storage_problem"

    def __init__(self, coordinator: NvrCoordinator, health: Health) -> None:
        super().__init__(coordinator, health, "storage_problem")

    @property
    @override
    def is_on(self) -> bool | None:
        """Unknown while the disks are."""
        return None if (faulty := self.health.box.faulty) is None else bool(faulty)


def binary_sensors(entry: NvrConfigEntry, given: Container[str | None]) -> Iterable[Entity]:
    """Yield the binary sensors of what is known to be there, those of channels that were given left out."""
    data = entry.runtime_data
    there = partial(_once_there, entry, "binary_sensor")
    if data.health.box.known_disks or there(data.hub.info.serial, key="storage_problem"):
        yield StorageProblem(data.coordinator, data.health)
    for channel in data.hub.channels:
        if unique_id(channel.id, "recording") in given:
            continue
        if data.health.recording.offered or there(channel.id, key="recording"):
            yield ChannelRecording(data.coordinator, data.health, channel)


@dataclass(frozen=True, kw_only=True)
class RecordingSensorDescription(SensorEntityDescription):
    """A sensor of a channel's recording and where its value comes from."""

    value_fn: Callable[[Health, int], Value]
    attributes_fn: Callable[[Health, int], Mapping[str, Any] | None] | None = None
    of_oldest: bool = False


@dataclass(frozen=True, kw_only=True)
class BoxSensorDescription(SensorEntityDescription):
    """A sensor of the recorder, where its value comes from, and whether the recorder has it."""

    value_fn: Callable[[Health], Value]
    exists_fn: Callable[[Health], bool] = lambda _health: True


def _kept(health: Health, number: int) -> float | None:
    """Return how far the footage goes back, in hours."""
    oldest = health.recording.oldest(number)
    return None if oldest is None else (dt_util.utcnow() - oldest).total_seconds() / _HOUR


def _missing(health: Health, number: int) -> float | None:
    missing = health.recording.health(number).missing
    return None if missing is None else missing.total_seconds() / 60


def _gaps(health: Health, number: int) -> Mapping[str, Any] | None:
    """Return the gaps of the last 24 h; the newest of very many."""
    gaps = health.recording.health(number).gaps
    if gaps is None:
        return None
    return {"gaps": [{"start": gap.start.isoformat(), "end": gap.end.isoformat()} for gap in gaps[-50:]]}


RECORDING_SENSORS: Final = (
    RecordingSensorDescription(
        key="newest_footage",
        device_class=SensorDeviceClass.TIMESTAMP,
        value_fn=lambda health, number: health.recording.health(number).newest,
    ),
    RecordingSensorDescription(
        key="oldest_footage",
        device_class=SensorDeviceClass.TIMESTAMP,
        value_fn=lambda health, number: health.recording.oldest(number),
        of_oldest=True,
    ),
    RecordingSensorDescription(
        key="footage_kept",
        device_class=SensorDeviceClass.DURATION,
        native_unit_of_measurement=UnitOfTime.HOURS,
        suggested_unit_of_measurement=UnitOfTime.DAYS,
        suggested_display_precision=1,
        state_class=SensorStateClass.MEASUREMENT,
        value_fn=_kept,
        of_oldest=True,
    ),
    RecordingSensorDescription(
        key="missing_footage",
        device_class=SensorDeviceClass.DURATION,
        native_unit_of_measurement=UnitOfTime.MINUTES,
        suggested_display_precision=0,
        state_class=SensorStateClass.MEASUREMENT,
        value_fn=_missing,
        attributes_fn=_gaps,
    ),
)


@dataclass(frozen=True, kw_only=True)
class StreamSensorDescription(SensorEntityDescription):
    """A sensor of one live stream and where its value comes from."""

    value_fn: Callable[[Health, int, StreamRole], Value]
    attributes_fn: Callable[[StreamReading], Mapping[str, Any]] | None = None


def _stream_key(role: StreamRole, description: StreamSensorDescription) -> str:
    return f"{role.value}_stream_{description.key}"


def _read(name: str) -> Callable[[Health, int, StreamRole], Value]:
    def value(health: Health, number: int, role: StreamRole) -> float | None:
        found = getattr(health.stream(number, role), name, None)
        return None if found is None else round(float(found), 1)

    return value


STREAM_SENSORS: Final = (
    StreamSensorDescription(
        key="health",
        native_unit_of_measurement=PERCENTAGE,
        value_fn=lambda health, number, role: health.stream_score(number, role),
        attributes_fn=lambda reading: {"lost_frames": reading.lost, "reconnections": reading.reconnections},
    ),
    StreamSensorDescription(key="frame_rate", native_unit_of_measurement="fps", value_fn=_read("fps")),
    StreamSensorDescription(
        key="bitrate",
        device_class=SensorDeviceClass.DATA_RATE,
        native_unit_of_measurement=UnitOfDataRate.KILOBITS_PER_SECOND,
        suggested_display_precision=0,
        value_fn=_read("bitrate"),
    ),
)


def _tells(name: str) -> Callable[[Health], bool]:
    return lambda health: getattr(health.box.status, name, None) is not None


def _told(name: str) -> Callable[[Health], Value]:
    def value(health: Health) -> float | None:
        found = getattr(health.box.status, name, None)
        return None if found is None else round(float(found), 1)

    return value


def _capacity(health: Health) -> float | None:
    sizes = [disk.capacity for disk in health.box.disks or () if disk.capacity]
    return sum(sizes) if sizes else None


BOX_SENSORS: Final = (
    BoxSensorDescription(
        key="cpu",
        native_unit_of_measurement=PERCENTAGE,
        suggested_display_precision=0,
        state_class=SensorStateClass.MEASUREMENT,
        value_fn=_told("cpu"),
        exists_fn=_tells("cpu"),
    ),
    BoxSensorDescription(
        key="memory",
        native_unit_of_measurement=PERCENTAGE,
        suggested_display_precision=0,
        state_class=SensorStateClass.MEASUREMENT,
        value_fn=_told("memory"),
        exists_fn=_tells("memory"),
    ),
    BoxSensorDescription(
        key="last_restart",
        device_class=SensorDeviceClass.TIMESTAMP,
        value_fn=lambda health: health.box.started_at,
        exists_fn=lambda health: health.box.started_at is not None,
    ),
    BoxSensorDescription(
        key="firmware",
        value_fn=lambda health: health.firmware,
        exists_fn=lambda health: health.firmware is not None,
    ),
    BoxSensorDescription(
        key="storage_capacity",
        device_class=SensorDeviceClass.DATA_SIZE,
        native_unit_of_measurement=UnitOfInformation.MEBIBYTES,
        suggested_unit_of_measurement=UnitOfInformation.TERABYTES,
        suggested_display_precision=1,
        value_fn=_capacity,
        exists_fn=lambda health: _capacity(health) is not None,
    ),
)


class RecordingSensor(_OfChannel, SensorEntity):
    """One value of a channel's recording; off until somebody wants it."""

    _attr_entity_category = EntityCategory.DIAGNOSTIC
    _attr_entity_registry_enabled_default = False
    _unrecorded_attributes = frozenset({"gaps"})
    entity_description: RecordingSensorDescription

    def __init__(
        self, coordinator: NvrCoordinator, health: Health, channel: Channel, description: RecordingSensorDescription
    ) -> None:
        super().__init__(coordinator, health, channel, description.key)
        self.entity_description = description
        self._attr_translation_key = description.key

    @override
    async def async_added_to_hass(self) -> None:
        """Have the oldest footage looked for only where somebody wants to see it: it takes several questions."""
        await super().async_added_to_hass()
        if self.entity_description.of_oldest:
            self.async_on_remove(self.health.recording.async_want_oldest(self.number))

    @property
    @override
    def native_value(self) -> Value:
        """The value as last known."""
        return self.entity_description.value_fn(self.health, self.number)

    @property
    @override
    def extra_state_attributes(self) -> Mapping[str, Any] | None:
        """What belongs to the value."""
        attributes = self.entity_description.attributes_fn
        return None if attributes is None else attributes(self.health, self.number)


class StreamSensor(ChannelEntity, SensorEntity):
    """How one live stream comes in, while somebody watches it in the viewer; unknown otherwise, and never 0."""

    _attr_entity_category = EntityCategory.DIAGNOSTIC
    _attr_entity_registry_enabled_default = False
    _attr_state_class = SensorStateClass.MEASUREMENT
    _unrecorded_attributes = frozenset({"lost_frames", "reconnections"})
    entity_description: StreamSensorDescription

    def __init__(
        self,
        coordinator: NvrCoordinator,
        health: Health,
        channel: Channel,
        role: StreamRole,
        description: StreamSensorDescription,
    ) -> None:
        key = _stream_key(role, description)
        super().__init__(coordinator, channel, key)
        self.entity_description = description
        self.health = health
        self.role = role
        self._attr_translation_key = key

    @override
    async def async_added_to_hass(self) -> None:
        """Listen to what does not come with the refresh."""
        await super().async_added_to_hass()
        self.async_on_remove(self.health.metered.async_subscribe(self.async_write_ha_state))

    @property
    @override
    def native_value(self) -> Value:
        """As measured last."""
        return self.entity_description.value_fn(self.health, self.number, self.role)

    @property
    @override
    def extra_state_attributes(self) -> Mapping[str, Any] | None:
        """What belongs to the value."""
        attributes, reading = self.entity_description.attributes_fn, self.health.stream(self.number, self.role)
        return None if attributes is None or reading is None else attributes(reading)


class BoxSensor(_OfRecorder, SensorEntity):
    """One value of the box."""

    _attr_entity_category = EntityCategory.DIAGNOSTIC
    _attr_entity_registry_enabled_default = False
    entity_description: BoxSensorDescription

    def __init__(self, coordinator: NvrCoordinator, health: Health, description: BoxSensorDescription) -> None:
        super().__init__(coordinator, health, description.key)
        self.entity_description = description
        self._attr_translation_key = description.key

    @property
    @override
    def native_value(self) -> Value:
        """The value as last known."""
        return self.entity_description.value_fn(self.health)


class ChannelProblems(_OfRecorder, SensorEntity):
    """How many channels have a problem, and which."""

    _attr_entity_category = EntityCategory.DIAGNOSTIC
    _attr_translation_key = "channels_with_problems"
    _attr_state_class = SensorStateClass.MEASUREMENT
    _unrecorded_attributes = frozenset({"channels"})

    def __init__(self, coordinator: NvrCoordinator, health: Health) -> None:
        super().__init__(coordinator, health, "channels_with_problems")

    @property
    @override
    def native_value(self) -> int:
        """How many."""
        return sum(bool(self.health.problems(channel.number)) for channel in self.hub.channels)

    @property
    @override
    def extra_state_attributes(self) -> dict[str, Any]:
        """Which, and what is wrong with them."""
        found = ((channel, self.health.problems(channel.number)) for channel in self.hub.channels)
        return {
            "channels": [
                {"channel": channel.number, "name": channel.name, "problems": list(problems)}
                for channel, problems in found
                if problems
            ]
        }


class DiskSensor(_OfRecorder, SensorEntity):
    """The state of one disk; one that was pulled out leaves an empty bay."""

    _attr_device_class = SensorDeviceClass.ENUM
    _attr_entity_category = EntityCategory.DIAGNOSTIC
    _attr_options = [state.value for state in DiskState if state is not DiskState.UNKNOWN]  # noqa: RUF012
    _attr_translation_key = "disk"
    _unrecorded_attributes = frozenset({"capacity", "free", "kind", "raw_state"})

    def __init__(self, coordinator: NvrCoordinator, health: Health, disk: Disk) -> None:
        super().__init__(coordinator, health, f"disk_{disk.id}")
        self._id = disk.id
        self._attr_translation_placeholders = {"disk": disk.name or disk.id}

    @property
    @override
    def native_value(self) -> str | None:
        """Its state; unknown for a word of the recorder that we do not know."""
        disk = self.health.box.disk(self._id)
        if disk is None:
            return DiskState.EMPTY_BAY.value if self.health.box.disks is not None else None
        return None if disk.state is DiskState.UNKNOWN else disk.state.value

    @property
    @override
    def extra_state_attributes(self) -> dict[str, Any] | None:
        """Size and room in MB as the recorder counts them; no room is left on one that overwrites."""
        if (disk := self.health.box.disk(self._id)) is None:
            return None
        return {"capacity": disk.capacity, "free": disk.free, "kind": disk.kind, "raw_state": disk.raw_state}


class DiskTemperature(_OfRecorder, SensorEntity):
    """The temperature of one disk, where the recorder tells it."""

    _attr_device_class = SensorDeviceClass.TEMPERATURE
    _attr_native_unit_of_measurement = UnitOfTemperature.CELSIUS
    _attr_state_class = SensorStateClass.MEASUREMENT
    _attr_entity_category = EntityCategory.DIAGNOSTIC
    _attr_entity_registry_enabled_default = False
    _attr_translation_key = "disk_temperature"

    def __init__(self, coordinator: NvrCoordinator, health: Health, disk: Disk) -> None:
        super().__init__(coordinator, health, f"disk_{disk.id}_temperature")
        self._id = disk.id
        self._attr_translation_placeholders = {"disk": disk.name or disk.id}

    @override
    async def async_added_to_hass(self) -> None:
        """Have it asked for: nobody else wants to know."""
        await super().async_added_to_hass()
        self.async_on_remove(self.health.box.async_want_temperature(self._id))

    @property
    @override
    def native_value(self) -> float | None:
        """In degrees Celsius; unknown while the disk sleeps."""
        return self.health.box.temperatures.get(self._id)


def sensors(entry: NvrConfigEntry, given: Container[str | None]) -> Iterable[Entity]:
    """Yield the sensors of what is known to be there, those of channels that were given left out."""
    data = entry.runtime_data
    coordinator, health = data.coordinator, data.health
    yield ChannelProblems(coordinator, health)
    there = partial(_once_there, entry, "sensor")
    for box in BOX_SENSORS:
        if box.exists_fn(health) or there(data.hub.info.serial, key=box.key):
            yield BoxSensor(coordinator, health, box)
    for disk in health.box.known_disks.values():
        yield DiskSensor(coordinator, health, disk)
        if disk.id in health.box.temperatures or there(data.hub.info.serial, key=f"disk_{disk.id}_temperature"):
            yield DiskTemperature(coordinator, health, disk)
    for channel in data.hub.channels:
        for profile in channel.profiles:
            for item in STREAM_SENSORS:
                if unique_id(channel.id, _stream_key(profile.role, item)) not in given:
                    yield StreamSensor(coordinator, health, channel, profile.role, item)
        for each in RECORDING_SENSORS:
            if unique_id(channel.id, each.key) in given:
                continue
            if health.recording.offered or there(channel.id, key=each.key):
                yield RecordingSensor(coordinator, health, channel, each)


class SetClock(ManagedEntity, ButtonEntity):
    """Sets the recorder's clock to ours, in its own zone; nothing else ever does."""

    _attr_entity_category = EntityCategory.CONFIG
    _attr_translation_key = "set_clock"

    def __init__(self, coordinator: NvrCoordinator, health: Health) -> None:
        super().__init__(coordinator, None, "set_clock")
        self._health = health

    @override
    async def async_press(self) -> None:
        """Set it now; a recorder that keeps another time afterwards says so here."""
        await self._require(Action.SETTINGS)
        with translated_errors(self.hub.name):
            await self._health.async_set_clock()


def buttons(entry: NvrConfigEntry, _given: Container[str | None]) -> Iterable[Entity]:
    """Yield the buttons of what is known to be there."""
    data = entry.runtime_data
    if data.hub.driver.clock_setter is not None or _once_there(entry, "button", data.hub.info.serial, key="set_clock"):
        yield SetClock(data.coordinator, data.health)
