"""What a user may choose about a recorder that is set up."""

from collections.abc import Mapping
from typing import Any, Final

from homeassistant.config_entries import ConfigFlowResult, OptionsFlowWithReload
from homeassistant.data_entry_flow import section
from homeassistant.helpers.selector import (
    NumberSelector,
    NumberSelectorConfig,
    NumberSelectorMode,
    SelectOptionDict,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
)
import probatio

from .const import (
    CONF_CAMERA_PROFILE,
    CONF_GRACE_TIME,
    CONF_HOLD_TIME,
    CONF_IGNORED_CHANNELS,
    CONF_IGNORED_DETECTIONS,
    CONF_PLAYBACK_SLOTS,
    CONF_RTSP_PORT,
    CONF_RTSP_TRANSPORT,
    DEFAULT_GRACE_TIME,
    CameraProfile,
)
from .core.models import EventKind, RtspTransport
from .detections import CHANNEL_DETECTIONS, RECORDER_DETECTIONS
from .shared import shared

CHANNELS: Final = "channels"
STREAMS: Final = "streams"
EVENTS: Final = "events"
CONNECTION: Final = "connection"

_NUMBERS: Final = (CONF_GRACE_TIME, CONF_HOLD_TIME, CONF_PLAYBACK_SLOTS, CONF_RTSP_PORT)


def _number(lowest: int, highest: int, unit: str | None = None) -> NumberSelector:
    config = NumberSelectorConfig(min=lowest, max=highest, step=1, mode=NumberSelectorMode.BOX)
    if unit is not None:
        config["unit_of_measurement"] = unit
    return NumberSelector(config)


def _schema(channels: list[SelectOptionDict]) -> probatio.Schema:
    kinds = sorted({kind.value for kind in (*CHANNEL_DETECTIONS, *RECORDER_DETECTIONS)} | {EventKind.DOORBELL.value})
    return probatio.Schema(
        {
            probatio.Required(CHANNELS): section(
                probatio.Schema(
                    {
                        probatio.Optional(CONF_IGNORED_CHANNELS, default=[]): SelectSelector(
                            SelectSelectorConfig(options=channels, multiple=True, mode=SelectSelectorMode.DROPDOWN)
                        ),
                        probatio.Required(CONF_CAMERA_PROFILE): SelectSelector(
                            SelectSelectorConfig(
                                options=[profile.value for profile in CameraProfile],
                                translation_key=CONF_CAMERA_PROFILE,
                            )
                        ),
                    }
                )
            ),
            probatio.Required(EVENTS): section(
                probatio.Schema(
                    {
                        probatio.Optional(CONF_IGNORED_DETECTIONS, default=[]): SelectSelector(
                            SelectSelectorConfig(
                                options=kinds,
                                multiple=True,
                                mode=SelectSelectorMode.DROPDOWN,
                                translation_key="detection",
                            )
                        ),
                        probatio.Optional(CONF_HOLD_TIME): _number(2, 300, "s"),
                    }
                )
            ),
            probatio.Required(STREAMS): section(
                probatio.Schema(
                    {
                        probatio.Required(CONF_RTSP_TRANSPORT): SelectSelector(
                            SelectSelectorConfig(
                                options=[transport.value for transport in RtspTransport],
                                translation_key=CONF_RTSP_TRANSPORT,
                            )
                        ),
                        probatio.Optional(CONF_RTSP_PORT): _number(1, 65535),
                        probatio.Optional(CONF_PLAYBACK_SLOTS): _number(1, 16),
                    }
                ),
                {"collapsed": True},
            ),
            probatio.Required(CONNECTION): section(
                probatio.Schema({probatio.Required(CONF_GRACE_TIME): _number(0, 3600, "s")}),
                {"collapsed": True},
            ),
        }
    )


def _flat(user_input: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return the options as the entry keeps them: without sections, whole numbers."""
    options = {key: value for part in user_input.values() for key, value in part.items()}
    return {key: int(value) if key in _NUMBERS else value for key, value in options.items() if value is not None}


class NvrOptionsFlow(OptionsFlowWithReload):
    """One form; the recorder is set up anew when something changed."""

    async def async_step_init(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Show or take the options."""
        if user_input is not None:
            return self.async_create_entry(data=_flat(user_input))
        store = await shared(self.hass).async_store(self.config_entry.entry_id)
        channels = [
            SelectOptionDict(value=str(channel.number), label=f"{channel.number}: {channel.name}")
            for channel in store.memory.channels
        ]
        known = {channel["value"] for channel in channels}
        # A channel that was left out and is gone since must not make the form refuse its own suggestion.
        kept = self.config_entry.options.get(CONF_IGNORED_CHANNELS, ())
        channels += [SelectOptionDict(value=number, label=number) for number in kept if number not in known]
        options: dict[str, Any] = {
            CONF_CAMERA_PROFILE: CameraProfile.AUTO.value,
            CONF_RTSP_TRANSPORT: RtspTransport.TCP.value,
            CONF_GRACE_TIME: DEFAULT_GRACE_TIME,
            **self.config_entry.options,
        }
        suggested = dict.fromkeys((CHANNELS, EVENTS, STREAMS, CONNECTION), options)
        schema = self.add_suggested_values_to_schema(_schema(channels), suggested)
        return self.async_show_form(step_id="init", data_schema=schema)
