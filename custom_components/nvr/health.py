"""How a recorder and its recording are: what entities show and repairs tell, put together for one entry."""

import asyncio
from typing import Any, Final

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback

from .box_health import BoxHealth
from .core.models import EventKind
from .detections import DetectionKey
from .errands import Errands
from .hub import NvrHub
from .persistence import RECORDER
from .recording_watch import RecordingWatch
from .signals import Signal

_VIDEO_LOSS: Final = DetectionKey(EventKind.VIDEO_LOSS)


class Health:
    """One recorder's health. `changed` names whose may differ: a channel's number, or RECORDER."""

    def __init__(self, hass: HomeAssistant, entry: ConfigEntry[Any], hub: NvrHub) -> None:
        """Ask nothing before `async_start`."""
        self.changed = Signal[int]()
        self._hub = hub
        self._errands = Errands(hass, entry)
        self.box = BoxHealth(hub, self._box_changed)
        self.recording = RecordingWatch(hass, hub, self._recording_changed)

    @callback
    def async_start(self) -> None:
        """Look after it from now on."""
        self._errands.run("box", self.box.async_run())
        self._errands.run("recording", self.recording.async_run())

    async def async_stop(self) -> None:
        """End all of it, also on the recorder."""
        await self._errands.close()
        # What was ended may have been in the middle of a search: its last words leave before the connection is closed.
        await asyncio.sleep(0)

    def problems(self, number: int) -> tuple[str, ...]:
        """Return what is wrong with a channel: offline, no_picture, not_recording."""
        found = {
            "offline": self._hub.channel_online(number) is False,
            "no_picture": self._hub.fanout.is_active(number, _VIDEO_LOSS),
            "not_recording": self.recording.health(number).silent_since is not None,
        }
        return tuple(name for name, wrong in found.items() if wrong)

    @property
    def statistics(self) -> dict[str, Any]:
        """What a bug report needs to know."""
        return {"box": self.box.statistics, "recording": self.recording.statistics}

    @callback
    def _box_changed(self) -> None:
        self.changed.async_send(RECORDER)

    @callback
    def _recording_changed(self, number: int) -> None:
        self.changed.async_send(number)
        if number != RECORDER:
            # It counts the channels with problems.
            self.changed.async_send(RECORDER)
