"""What the cameras detect, what troubles the recorder, and whether both are there."""

from functools import partial
from typing import Any, Final, override

from homeassistant.components.binary_sensor import BinarySensorDeviceClass, BinarySensorEntity
from homeassistant.const import EntityCategory
from homeassistant.core import CALLBACK_TYPE, Context, HomeAssistant, callback
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
from homeassistant.helpers.event import async_call_later

from .const import ATTR_REASON, ATTR_SINCE
from .coordinator import NvrCoordinator
from .core.models import Channel, EventKind, EventPhase, EventStreamState, NvrEvent
from .detections import CHANNEL_DETECTIONS, RECORDER_DETECTIONS, Detection, DetectionKey, enabled_by_default
from .entity import ChannelEntity, RecorderEntity, add_channel_entities
from .entity_health import add_health_entities, binary_sensors as health_sensors
from .hub import NvrHub
from .runtime import NvrConfigEntry

PARALLEL_UPDATES = 0

# The recorder's own number among the sources of events.
_RECORDER: Final = 0
# How long a detection that only pulses shows.
_PULSE_SECONDS: Final = 5.0


async def async_setup_entry(
    _hass: HomeAssistant, entry: NvrConfigEntry, async_add_entities: AddConfigEntryEntitiesCallback
) -> None:
    """Add presence and detections; a detection that comes for the first time brings its sensor with it."""
    coordinator = entry.runtime_data.coordinator
    hub = entry.runtime_data.hub
    added: dict[int, set[DetectionKey]] = {}

    def channel_sensors(channel: Channel) -> list[BinarySensorEntity]:
        keys = hub.roster.detections(channel.number)
        added[channel.number] = set(keys)
        enabled = enabled_by_default(keys)
        return [
            ChannelPresence(coordinator, channel),
            *(ChannelDetection(coordinator, channel, key, enabled=key in enabled) for key in sorted(keys, key=str)),
        ]

    @callback
    def seen(number: int, key: DetectionKey) -> None:
        known = added.setdefault(number, set())
        if key in known or key not in hub.roster.detections(number):
            return
        known.add(key)
        if number == _RECORDER:
            async_add_entities([RecorderDetection(coordinator, key)])
        elif (channel := hub.channel(number)) is not None:
            enabled = key in enabled_by_default(frozenset(known)) and hub.roster.devices.has_room(number)
            async_add_entities([ChannelDetection(coordinator, channel, key, enabled=enabled)])

    added[_RECORDER] = set(hub.roster.detections(_RECORDER))
    async_add_entities(
        [
            RecorderPresence(coordinator),
            *(RecorderDetection(coordinator, key) for key in sorted(added[_RECORDER], key=str)),
        ]
    )
    add_channel_entities(entry, async_add_entities, channel_sensors)
    entry.async_on_unload(hub.roster.detection_seen.async_subscribe(seen))
    add_health_entities(entry, async_add_entities, partial(health_sensors, entry))


def _absence(hub: NvrHub, number: int) -> dict[str, Any] | None:
    """Return what is told of who is announced as offline; None of everybody else."""
    if (edge := hub.watch.absence(number)) is None:
        return None
    return {ATTR_SINCE: edge.since.isoformat(), ATTR_REASON: edge.reason}


class RecorderPresence(RecorderEntity, BinarySensorEntity):
    """Whether the recorder is there; it changes when the grace time is over, like the events on the bus."""

    _attr_device_class = BinarySensorDeviceClass.CONNECTIVITY
    _attr_entity_category = EntityCategory.DIAGNOSTIC
    _attr_translation_key = "connectivity"

    def __init__(self, coordinator: NvrCoordinator) -> None:
        super().__init__(coordinator, "connectivity")

    @property
    @override
    def available(self) -> bool:
        """Always: to say that it is away is its purpose."""
        return True

    @property
    @override
    def is_on(self) -> bool | None:
        """Unknown while a start with the recorder away waits for the grace time."""
        online = self.hub.watch.online(_RECORDER)
        return None if online and not self.hub.link.reached else online

    @property
    @override
    def extra_state_attributes(self) -> dict[str, Any] | None:
        """Since when it is away, and why."""
        return _absence(self.hub, _RECORDER)


class ChannelPresence(ChannelEntity, BinarySensorEntity):
    """Whether the camera of a channel is there, as the recorder says."""

    _attr_device_class = BinarySensorDeviceClass.CONNECTIVITY
    _attr_entity_category = EntityCategory.DIAGNOSTIC
    _attr_translation_key = "connectivity"

    def __init__(self, coordinator: NvrCoordinator, channel: Channel) -> None:
        super().__init__(coordinator, channel, "connectivity")

    @property
    @override
    def available(self) -> bool:
        """Whether the recorder is there to be asked."""
        return self.hub.online and self.channel is not None

    @property
    @override
    def is_on(self) -> bool | None:
        """None when the recorder does not say."""
        return self.hub.channel_online(self.number)

    @property
    @override
    def extra_state_attributes(self) -> dict[str, Any] | None:
        """Since when it is away, and why."""
        return _absence(self.hub, self.number)


class _Detection(BinarySensorEntity):
    """On between start and stop; a pulse shows for a few seconds."""

    key: DetectionKey
    number: int
    coordinator: NvrCoordinator
    _pulse: CALLBACK_TYPE | None = None

    def _describe(self, number: int, key: DetectionKey, detection: Detection) -> None:
        self.number = number
        self.key = key
        self._attr_device_class = detection.device_class
        self._attr_translation_key = key.kind.value
        if key.kind is EventKind.IO_INPUT and key.port is not None:
            self._attr_translation_key = "io_input_port"
            self._attr_translation_placeholders = {"port": str(key.port)}
        if detection.diagnostic:
            self._attr_entity_category = EntityCategory.DIAGNOSTIC

    @property
    @override
    def is_on(self) -> bool | None:
        """Unknown until the event stream was up once; then a silent stream means off."""
        hub = self.coordinator.hub
        if self._pulse is not None or hub.fanout.is_active(self.number, self.key):
            return True
        alive = hub.link.events.was_alive and hub.link.stream_state is not EventStreamState.REFUSED
        return False if alive else None

    @override
    async def async_added_to_hass(self) -> None:
        """Take the events of this one detection."""
        await super().async_added_to_hass()
        fanout = self.coordinator.hub.fanout
        fanout.async_add_detection(self.number, self.key, self._take)
        # The pulse that brought this sensor into being came before it.
        age = fanout.pulse_age(self.number, self.key)
        if age is not None and age < _PULSE_SECONDS:
            self._pulse = async_call_later(self.hass, _PULSE_SECONDS - age, self._pulse_over)

    @override
    async def async_will_remove_from_hass(self) -> None:
        """Take no more."""
        self.coordinator.hub.fanout.async_drop_detection(self.number, self.key, self._take)
        self._end_pulse()
        await super().async_will_remove_from_hass()

    @callback
    def _take(self, event: NvrEvent, context: Context) -> None:
        self._end_pulse()
        if event.phase is EventPhase.PULSE:
            self._pulse = async_call_later(self.hass, _PULSE_SECONDS, self._pulse_over)
        self.async_set_context(context)
        self.async_write_ha_state()

    @callback
    def _pulse_over(self, _now: object) -> None:
        self._pulse = None
        self.async_write_ha_state()

    @callback
    def _end_pulse(self) -> None:
        if self._pulse is not None:
            self._pulse()
            self._pulse = None


class ChannelDetection(_Detection, ChannelEntity):
    """One kind of detection of a channel."""

    __slots__ = ("_outlives_camera", "key")

    def __init__(self, coordinator: NvrCoordinator, channel: Channel, key: DetectionKey, *, enabled: bool) -> None:
        ChannelEntity.__init__(self, coordinator, channel, str(key))
        detection = CHANNEL_DETECTIONS[key.kind]
        self._describe(channel.number, key, detection)
        self._attr_entity_registry_enabled_default = enabled
        self._outlives_camera = detection.outlives_camera

    @property
    @override
    def available(self) -> bool:
        """Some still say something while the camera itself is away."""
        if self._outlives_camera:
            return self.hub.online and self.channel is not None
        return super().available


class RecorderDetection(_Detection, RecorderEntity):
    """One kind of trouble of the recorder, or an alarm input of its own."""

    def __init__(self, coordinator: NvrCoordinator, key: DetectionKey) -> None:
        RecorderEntity.__init__(self, coordinator, str(key))
        self._describe(_RECORDER, key, RECORDER_DETECTIONS[key.kind])
