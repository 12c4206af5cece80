"""Purpose-specific conditions: how an NVR and its channels are now. Like the triggers, nothing else depends on them."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any, ClassVar, Final, Unpack, cast, override

from homeassistant.const import CONF_FOR, CONF_OPTIONS, CONF_TARGET, STATE_OFF, STATE_ON
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.condition import Condition, ConditionCheckParams, ConditionConfig
from homeassistant.helpers.typing import ConfigType
from homeassistant.util import dt as dt_util
import probatio

from .automation_targets import Whom, loaded_hubs, recording_state
from .core.models import EventKind
from .hub import NvrHub
from .persistence import RECORDER

CONF_BEHAVIOR: Final = "behavior"
CONF_KIND: Final = "kind"
_ANY: Final = "any"
_ALL: Final = "all"

_BEHAVIOR: Final[dict[probatio.Marker, Any]] = {
    probatio.Optional(CONF_BEHAVIOR, default=_ANY): probatio.In([_ANY, _ALL])
}


def _schema(options: dict[probatio.Marker, Any]) -> probatio.Schema:
    """Return the schema of a condition: nobody named means everybody."""
    return probatio.Schema(
        {
            probatio.Optional(CONF_TARGET): cv.TARGET_FIELDS,
            probatio.Optional(CONF_OPTIONS, default=dict): {**_BEHAVIOR, **options},
        }
    )


class _NvrCondition(Condition):
    """Asks one thing of all who are meant."""

    schema: ClassVar[probatio.Schema] = _schema({})
    of_recorders: ClassVar[bool] = False
    of_channels: ClassVar[bool] = False

    @classmethod
    @override
    async def async_validate_config(cls, hass: HomeAssistant, config: ConfigType) -> ConfigType:
        return cast(ConfigType, cls.schema(config))

    def __init__(self, hass: HomeAssistant, config: ConditionConfig) -> None:
        super().__init__(hass, config)
        self._options: Mapping[str, Any] = config.options or {}
        self._whom = Whom(hass, config.target)

    def holds(self, hub: NvrHub, number: int) -> bool:
        """Tell whether it is so of a channel, or of the NVR itself (RECORDER)."""
        raise NotImplementedError

    @callback
    @override
    def _async_check(self, **kwargs: Unpack[ConditionCheckParams]) -> bool:
        """Nobody who is meant is there: then it is not so."""
        answers = [self.holds(hub, number) for hub, number in self._meant()]
        return bool(answers) and (all if self._options.get(CONF_BEHAVIOR) == _ALL else any)(answers)

    def _meant(self) -> Iterator[tuple[NvrHub, int]]:
        for hub in loaded_hubs(self._hass):
            if self.of_recorders and self._whom.means(hub.device_id):
                yield hub, RECORDER
            for channel in hub.channels if self.of_channels else ():
                if self._whom.means(hub.channel_device_id(channel.number), hub.device_id):
                    yield hub, channel.number


class _Online(_NvrCondition):
    """It is there."""

    @override
    def holds(self, hub: NvrHub, number: int) -> bool:
        return hub.online if number == RECORDER else hub.channel_available(number)


class _Offline(_NvrCondition):
    """It was announced as offline, for as long as asked; what is not known is not offline."""

    schema = _schema({probatio.Optional(CONF_FOR): cv.positive_time_period})

    @override
    def holds(self, hub: NvrHub, number: int) -> bool:
        wanted: timedelta | None = self._options.get(CONF_FOR)
        absence = hub.watch.absence(number)
        return absence is not None and (wanted is None or absence.downtime >= wanted)


class IsOnline(_Online):
    """An NVR is online."""

    of_recorders = True


class IsOffline(_Offline):
    """An NVR is offline."""

    of_recorders = True


class IsChannelOnline(_Online):
    """A camera is online."""

    of_channels = True


class IsChannelOffline(_Offline):
    """A camera is offline."""

    of_channels = True


class IsRecording(_NvrCondition):
    """A camera is being recorded, by the sensor that shows it."""

    of_channels = True

    @override
    def holds(self, hub: NvrHub, number: int) -> bool:
        state = recording_state(self._hass, hub, number)
        return state is not None and state.state == STATE_ON


class IsNotRecording(_NvrCondition):
    """A camera is not recorded, for as long as asked; where that is not known it is not so."""

    schema = _schema({probatio.Optional(CONF_FOR): cv.positive_time_period})
    of_channels = True

    @override
    def holds(self, hub: NvrHub, number: int) -> bool:
        wanted: timedelta = self._options.get(CONF_FOR) or timedelta()
        state = recording_state(self._hass, hub, number)
        return state is not None and state.state == STATE_OFF and dt_util.utcnow() - state.last_changed >= wanted


class IsDetecting(_NvrCondition):
    """Something is being detected now: it began and is not over."""

    schema = _schema(
        {probatio.Optional(CONF_KIND): probatio.All(cv.ensure_list, [probatio.In([kind.value for kind in EventKind])])}
    )
    of_recorders = True
    of_channels = True

    @override
    def holds(self, hub: NvrHub, number: int) -> bool:
        kinds = self._options.get(CONF_KIND)
        return any(active == number and (not kinds or kind in kinds) for active, kind, _ in hub.fanout.active)


CONDITIONS: Final[dict[str, type[Condition]]] = {
    "is_channel_offline": IsChannelOffline,
    "is_channel_online": IsChannelOnline,
    "is_detecting": IsDetecting,
    "is_not_recording": IsNotRecording,
    "is_offline": IsOffline,
    "is_online": IsOnline,
    "is_recording": IsRecording,
}


async def async_get_conditions(_hass: HomeAssistant) -> dict[str, type[Condition]]:
    """Return the conditions by key."""
    return CONDITIONS
