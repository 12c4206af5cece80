"""Purpose-specific triggers: what an NVR tells, as Home Assistant's automation editor offers it.

Home Assistant still changes this interface. Nothing else here depends on it, and all that a trigger tells is on the bus
too (`nvr_event`, `nvr_offline` ...): an automation on those events needs none of these.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, ClassVar, Final, cast, override

from homeassistant.components.binary_sensor import DOMAIN as BINARY_SENSOR_DOMAIN
from homeassistant.config_entries import SIGNAL_CONFIG_ENTRY_CHANGED, ConfigEntry, ConfigEntryChange, ConfigEntryState
from homeassistant.const import CONF_FOR, CONF_OPTIONS, CONF_TARGET, EVENT_STATE_CHANGED, STATE_OFF
from homeassistant.core import (
    CALLBACK_TYPE,
    Context,
    Event,
    EventStateChangedData,
    HomeAssistant,
    State,
    callback,
)
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.dispatcher import async_dispatcher_connect
from homeassistant.helpers.event import async_call_later
from homeassistant.helpers.trigger import Trigger, TriggerActionRunner, TriggerConfig, TriggerNotTriggeredReporter
from homeassistant.helpers.typing import ConfigType
from homeassistant.util import dt as dt_util
import probatio

from .automation_targets import Whom, is_recording_sensor, loaded_hub, recorded_channel
from .const import (
    ATTR_CHANNEL,
    ATTR_CHANNEL_NAME,
    ATTR_DOWNTIME,
    ATTR_ENTRY_ID,
    ATTR_KIND,
    ATTR_LATE,
    ATTR_PHASE,
    ATTR_PLATE,
    ATTR_REGION,
    ATTR_RULE,
    ATTR_SINCE,
    ATTR_TARGET,
    DOMAIN,
    EVENT_CHANNEL_OFFLINE,
    EVENT_CHANNEL_ONLINE,
    EVENT_DETECTION,
    EVENT_OFFLINE,
    EVENT_ONLINE,
)
from .core.models import DetectionTarget, EventKind, EventPhase
from .core.vocabulary import is_kind, is_plate
from .persistence import RECORDER

CONF_KIND: Final = "kind"
CONF_OBJECT: Final = "object"
CONF_PLATES: Final = "plates"
CONF_RULE: Final = "rule"
CONF_WHICH: Final = "which"

DISK_KINDS: Final = (EventKind.DISK_ERROR, EventKind.DISK_FULL)
_LISTED: Final = "listed"
_NOT_LISTED: Final = "not_listed"

type _Options = dict[probatio.Marker, Any]


def _schema(options: _Options) -> probatio.Schema:
    """Return the schema of a trigger: nobody named means everybody."""
    return probatio.Schema(
        {
            probatio.Optional(CONF_TARGET): cv.TARGET_FIELDS,
            probatio.Optional(CONF_OPTIONS, default=dict): options,
        }
    )


def _several(words: type[EventKind | DetectionTarget]) -> Any:
    return probatio.All(cv.ensure_list, [probatio.In([word.value for word in words])])


class _NvrTrigger(Trigger):
    """Runs on one event of ours, where it is about whom the trigger means."""

    schema: ClassVar[probatio.Schema] = _schema({})
    event_type: ClassVar[str]
    description: ClassVar[str]

    @classmethod
    @override
    async def async_validate_config(cls, hass: HomeAssistant, config: ConfigType) -> ConfigType:
        return cast(ConfigType, cls.schema(config))

    def __init__(self, hass: HomeAssistant, config: TriggerConfig) -> None:
        super().__init__(hass, config)
        self._options: Mapping[str, Any] = config.options or {}
        self._whom = Whom(hass, config.target)

    def fits(self, data: Mapping[str, Any]) -> bool:
        """Tell whether an event is what the options ask for; as long as there are none, each of ours is."""
        return ATTR_ENTRY_ID in data

    @callback
    def is_meant(self, data: Mapping[str, Any]) -> bool:
        """Tell whether an event is about whom the trigger means."""
        hub = loaded_hub(self._hass, data.get(ATTR_ENTRY_ID))
        return self._whom.means(data.get("device_id"), None if hub is None else hub.device_id)

    @callback
    def run(self, action: TriggerActionRunner, data: Mapping[str, Any], context: Context | None) -> None:
        """Run the action: what the event tells are the trigger's variables."""
        who = data.get(ATTR_CHANNEL_NAME) or data.get("name")
        action(dict(data), f"{self.description} of {who}", context)

    @override
    async def async_attach_runner(
        self, run_action: TriggerActionRunner, did_not_trigger: TriggerNotTriggeredReporter | None = None
    ) -> CALLBACK_TYPE:
        @callback
        def heard(event: Event[Any]) -> None:
            if self.fits(event.data) and self.is_meant(event.data):
                self.run(run_action, event.data, event.context)

        return self._hass.bus.async_listen(self.event_type, heard)


class _Away(_NvrTrigger):
    """Somebody is away, for as long as asked: since the first sign of it, also over a restart in between."""

    schema = _schema({probatio.Optional(CONF_FOR): cv.positive_time_period})
    back: ClassVar[str]
    of_channels: ClassVar[bool]

    @override
    async def async_attach_runner(
        self, run_action: TriggerActionRunner, did_not_trigger: TriggerNotTriggeredReporter | None = None
    ) -> CALLBACK_TYPE:
        wanted: timedelta | None = self._options.get(CONF_FOR)
        if not wanted:
            return await super().async_attach_runner(run_action, did_not_trigger)
        waiting = _Waiting(self._hass, self, run_action, wanted.total_seconds())
        ends = [
            self._hass.bus.async_listen(self.event_type, waiting.async_gone),
            self._hass.bus.async_listen(self.back, waiting.async_back),
            async_dispatcher_connect(self._hass, SIGNAL_CONFIG_ENTRY_CHANGED, waiting.async_entry_changed),
            waiting.async_stop,
        ]
        for entry in self._hass.config_entries.async_entries(DOMAIN):
            waiting.async_look(entry.entry_id)

        @callback
        def detach() -> None:
            for end in ends:
                end()

        return detach


class _Waiting:
    """The timers of those who are away, for one trigger that asks for how long."""

    def __init__(self, hass: HomeAssistant, trigger: _Away, action: TriggerActionRunner, wanted: float) -> None:
        self._hass = hass
        self._trigger = trigger
        self._action = action
        self._wanted = wanted
        self._running: dict[tuple[object, object], CALLBACK_TYPE] = {}

    @callback
    def async_gone(self, event: Event[Any]) -> None:
        """Wait from when it went; it is told late, for it may come back at once."""
        if self._trigger.is_meant(event.data):
            self._wait(event.data, event.context)

    @callback
    def async_back(self, event: Event[Any]) -> None:
        """Wait no longer."""
        if (cancel := self._running.pop(_key(event.data), None)) is not None:
            cancel()

    @callback
    def async_look(self, entry_id: str) -> None:
        """Wait for those whose waiting a restart, or a new set-up of the automation, has cut short."""
        for data in _away_now(self._hass, entry_id, channels=self._trigger.of_channels):
            if _age(data) < self._wanted and self._trigger.is_meant(data):
                self._wait(data, None)

    @callback
    def async_entry_changed(self, _change: ConfigEntryChange, entry: ConfigEntry) -> None:
        """Look at an NVR that was set up."""
        if entry.domain == DOMAIN and entry.state is ConfigEntryState.LOADED:
            self.async_look(entry.entry_id)

    @callback
    def async_stop(self) -> None:
        """Wait for nobody."""
        for cancel in self._running.values():
            cancel()
        self._running.clear()

    def _wait(self, data: Mapping[str, Any], context: Context | None) -> None:
        key = _key(data)
        if key in self._running:
            return

        @callback
        def over(_now: datetime) -> None:
            self._running.pop(key, None)
            if _still_away(self._hass, data):
                self._trigger.run(self._action, {**data, ATTR_DOWNTIME: round(_age(data))}, context)

        self._running[key] = async_call_later(self._hass, max(0.0, self._wanted - _age(data)), over)


def _key(data: Mapping[str, Any]) -> tuple[object, object]:
    return data.get(ATTR_ENTRY_ID), data.get(ATTR_CHANNEL, RECORDER)


def _age(data: Mapping[str, Any]) -> float:
    """Return for how long (s) somebody is away."""
    since = dt_util.parse_datetime(str(data.get(ATTR_SINCE)))
    return 0.0 if since is None else (dt_util.utcnow() - since).total_seconds()


@callback
def _still_away(hass: HomeAssistant, data: Mapping[str, Any]) -> bool:
    hub = loaded_hub(hass, data.get(ATTR_ENTRY_ID))
    return hub is not None and hub.watch.online(data.get(ATTR_CHANNEL, RECORDER)) is False


@callback
def _away_now(hass: HomeAssistant, entry_id: str, *, channels: bool) -> list[dict[str, object]]:
    """Return the payload of each who is away, as it was when that was announced."""
    if (hub := loaded_hub(hass, entry_id)) is None:
        return []
    numbers = [channel.number for channel in hub.channels] if channels else [RECORDER]
    edges = ((number, hub.watch.absence(number)) for number in numbers)
    return [
        payload for number, edge in edges if edge is not None and (payload := hub.announcer.edge_payload(number, edge))
    ]


class WentOffline(_Away):
    """An NVR is away."""

    event_type = EVENT_OFFLINE
    back = EVENT_ONLINE
    of_channels = False
    description = "absence"


class CameOnline(_NvrTrigger):
    """An NVR is there again."""

    event_type = EVENT_ONLINE
    description = "return"


class ChannelLost(_Away):
    """A camera is away."""

    event_type = EVENT_CHANNEL_OFFLINE
    back = EVENT_CHANNEL_ONLINE
    of_channels = True
    description = "absence"


class ChannelRestored(_NvrTrigger):
    """A camera is there again."""

    event_type = EVENT_CHANNEL_ONLINE
    description = "return"


class _OnEvent(_NvrTrigger):
    """Something happened, now."""

    event_type = EVENT_DETECTION
    phases: ClassVar[frozenset[str]] = frozenset({EventPhase.START, EventPhase.PULSE})

    @override
    def fits(self, data: Mapping[str, Any]) -> bool:
        return data.get(ATTR_PHASE) in self.phases and not data.get(ATTR_LATE)


class Detected(_OnEvent):
    """Something was detected: of a kind, of somebody, by a rule; what is not asked for is not looked at."""

    schema = _schema(
        {
            probatio.Optional(CONF_KIND): _several(EventKind),
            probatio.Optional(CONF_OBJECT): _several(DetectionTarget),
            probatio.Optional(CONF_RULE): cv.string,
        }
    )
    description = "detection"

    @override
    def fits(self, data: Mapping[str, Any]) -> bool:
        kinds, objects = self._options.get(CONF_KIND), self._options.get(CONF_OBJECT)
        kind, target = str(data.get(ATTR_KIND)), data.get(ATTR_TARGET)
        if not super().fits(data) or (objects and target not in objects):
            return False
        return (not kinds or any(is_kind(kind, target, asked) for asked in kinds)) and self._by_rule(data)

    def _by_rule(self, data: Mapping[str, Any]) -> bool:
        asked = str(self._options.get(CONF_RULE, "")).strip().casefold()
        return not asked or asked in {str(data.get(name)).casefold() for name in (ATTR_RULE, ATTR_REGION)}


class DetectionEnded(Detected):
    """What was detected is over."""

    phases = frozenset({EventPhase.STOP})
    description = "end of a detection"


class PlateSeen(_OnEvent):
    """A number plate was read: any, one of a list, or one that is not on it."""

    schema = _schema(
        {
            probatio.Optional(CONF_PLATES): probatio.All(cv.ensure_list, [cv.string]),
            probatio.Optional(CONF_WHICH, default=_LISTED): probatio.In([_LISTED, _NOT_LISTED]),
        }
    )
    description = "number plate"

    @override
    def fits(self, data: Mapping[str, Any]) -> bool:
        plate, listed = data.get(ATTR_PLATE), self._options.get(CONF_PLATES)
        if not plate or not super().fits(data):
            return False
        known = any(is_plate(plate, pattern) for pattern in listed or ())
        return not listed or known is (self._options.get(CONF_WHICH) != _NOT_LISTED)


class DiskFault(_OnEvent):
    """An NVR tells that a disk fails, is missing or is full without being overwritten."""

    description = "disk fault"

    @override
    def fits(self, data: Mapping[str, Any]) -> bool:
        return data.get(ATTR_KIND) in DISK_KINDS and super().fits(data)


class RecordingFailed(_OnEvent):
    """An NVR tells that it cannot record."""

    description = "recording failure"

    @override
    def fits(self, data: Mapping[str, Any]) -> bool:
        return data.get(ATTR_KIND) == EventKind.RECORDING_FAILED and super().fits(data)


class NotRecording(_NvrTrigger):
    """A camera is not recorded, for as long as asked; by the sensor that shows it, which is unknown when in doubt."""

    schema = _schema({probatio.Optional(CONF_FOR): cv.positive_time_period})
    description = "lack of recording"

    @override
    async def async_attach_runner(
        self, run_action: TriggerActionRunner, did_not_trigger: TriggerNotTriggeredReporter | None = None
    ) -> CALLBACK_TYPE:
        wanted: timedelta = self._options.get(CONF_FOR) or timedelta()
        running: dict[str, CALLBACK_TYPE] = {}

        @callback
        def look(entity_id: str, state: State | None, context: Context | None) -> None:
            if state is None or state.state != STATE_OFF:
                if (cancel := running.pop(entity_id, None)) is not None:
                    cancel()
                return
            data = self._meant(entity_id, state)
            if data is None or entity_id in running:
                return

            @callback
            def over(_now: datetime) -> None:
                running.pop(entity_id, None)
                self.run(run_action, {**data, ATTR_DOWNTIME: round(_age(data))}, context)

            running[entity_id] = async_call_later(self._hass, max(0.0, wanted.total_seconds() - _age(data)), over)

        @callback
        def changed(event: Event[EventStateChangedData]) -> None:
            old, new = event.data["old_state"], event.data["new_state"]
            if old is None or new is None or old.state != new.state:
                look(event.data["entity_id"], new, event.context)

        def stop() -> None:
            unsubscribe()
            for cancel in running.values():
                cancel()

        unsubscribe = self._hass.bus.async_listen(
            EVENT_STATE_CHANGED, changed, event_filter=callback(lambda data: is_recording_sensor(data["entity_id"]))
        )
        for state in self._hass.states.async_all(BINARY_SENSOR_DOMAIN):
            if wanted and _age({ATTR_SINCE: state.last_changed.isoformat()}) < wanted.total_seconds():
                look(state.entity_id, state, None)
        return stop

    def _meant(self, entity_id: str, state: State) -> dict[str, object] | None:
        """Return what is told of a sensor's channel; None where it is none, or not meant."""
        if (found := recorded_channel(self._hass, entity_id)) is None:
            return None
        hub, number = found
        data = hub.announcer.payload(number)
        if data is None or not self.is_meant(data):
            return None
        return {**data, ATTR_SINCE: state.last_changed.isoformat()}


TRIGGERS: Final[dict[str, type[Trigger]]] = {
    "came_online": CameOnline,
    "channel_lost": ChannelLost,
    "channel_restored": ChannelRestored,
    "detected": Detected,
    "detection_ended": DetectionEnded,
    "disk_fault": DiskFault,
    "not_recording": NotRecording,
    "plate_seen": PlateSeen,
    "recording_failed": RecordingFailed,
    "went_offline": WentOffline,
}


async def async_get_triggers(_hass: HomeAssistant) -> dict[str, type[Trigger]]:
    """Return the triggers by key."""
    return TRIGGERS
