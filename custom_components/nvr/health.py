"""How a recorder and its recording are: what entities show and repairs tell, put together for one entry."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback

from .box_health import BoxHealth
from .core.errors import NvrUnsupportedError
from .core.models import EventKind, SilentEvent, StreamRole
from .detections import DetectionKey
from .errands import Errands
from .health_issues import HealthIssues
from .hub import NvrHub
from .input_watch import InputWatch
from .media.streaming.meter import StreamReading, score
from .persistence import RECORDER
from .recording_watch import RecordingWatch
from .signals import Signal

# How often (s) streams that are watched are told of, and what is missing of a day before it counts.
METERED: Final = 30.0
_GAP: Final = timedelta(minutes=1)
_VIDEO_LOSS: Final = DetectionKey(EventKind.VIDEO_LOSS)


class Health:
    """One recorder's health. `changed` names whose may differ: a channel's number, or RECORDER.

    `found` tells that the recorder turned out to have more than was known, `metered` that streams were measured.
    """

    def __init__(self, hass: HomeAssistant, entry: ConfigEntry[Any], hub: NvrHub) -> None:
        """Ask nothing before `async_start`."""
        self.changed = Signal[int]()
        self.found = Signal[()]()
        self.metered = Signal[()]()
        self._hub = hub
        self._errands = Errands(hass, entry)
        self.box = BoxHealth(hub, self._box_changed)
        self.recording = RecordingWatch(hass, hub, self._recording_changed)
        self._issues = HealthIssues(
            hass, entry, hub, box=self.box, recording=self.recording, silent=lambda: self.silent
        )
        self._shape: object = None
        self._deafen: CALLBACK_TYPE | None = None

    @callback
    def async_start(self) -> None:
        """Look after it from now on."""
        self._deafen = self._issues.async_start()
        self._errands.run("box", self.box.async_run())
        self._errands.run("inputs", InputWatch(self._hub).async_run())
        self._errands.run("recording", self.recording.async_run())
        self._errands.run("streams", self._measure())

    async def async_stop(self) -> None:
        """End all of it, also on the recorder."""
        if self._deafen is not None:
            self._deafen()
            self._deafen = None
        await self._errands.close()
        # What was ended may have been in the middle of a search: its last words leave before the connection is closed.
        await asyncio.sleep(0)

    async def async_set_clock(self) -> None:
        """Set the recorder's clock to ours, in its own zone; raises core errors."""
        if (setter := self._hub.driver.clock_setter) is None:
            raise NvrUnsupportedError("the recorder's clock cannot be set")
        await self._hub.link.async_prove()
        await setter.set_now()
        await self.box.async_judge_clock()
        self._hub.changed.async_send()

    @property
    def firmware(self) -> str | None:
        """What the recorder runs."""
        return self._hub.info.firmware or None

    @property
    def silent(self) -> Sequence[SilentEvent]:
        """What the recorder detects and does not tell us of."""
        linkage = self._hub.driver.event_linkage
        return () if linkage is None or not self._hub.link.reached else linkage.silent()

    async def async_link(self) -> None:
        """Have the recorder tell us of all it detects; raises core errors."""
        if (linkage := self._hub.driver.event_linkage) is None:
            raise NvrUnsupportedError("the recorder knows no such linkage")
        for event in linkage.silent():
            await self._hub.link.async_prove()
            await linkage.link(event)
        self._box_changed()

    def stream(self, number: int, role: StreamRole) -> StreamReading | None:
        """Return how a live stream comes in; None while nobody watches it."""
        meter = self._hub.meters.get((number, role))
        return None if meter is None else meter.reading()

    def stream_score(self, number: int, role: StreamRole) -> int | None:
        """Return how well it does, 0 to 100; None while nobody watches it."""
        if (reading := self.stream(number, role)) is None:
            return None
        channel = self._hub.channel(number)
        profile = None if channel is None else channel.profile(role)
        missing = self.recording.health(number).missing
        return score(
            reading,
            None if profile is None else profile.fps,
            online=self._hub.channel_available(number),
            gap=missing is not None and missing > _GAP,
        )

    async def _measure(self) -> None:
        """Let the streams' entities look again, while there is something to see and once after."""
        watched = False
        while True:
            await asyncio.sleep(METERED)
            before, watched = watched, any(meter.watched for meter in self._hub.meters.values())
            if watched or before:
                self.metered.async_send()

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
        status, driver = self.box.status, self._hub.driver
        told = () if status is None else (status.cpu is None, status.memory is None, status.uptime is None)
        shape = (
            frozenset(self.box.known_disks),
            frozenset(self.box.temperatures),
            self.box.tells_firmware,
            told,
            self.recording.offered,
            driver.clock_setter is None,
        )
        if shape != self._shape:
            self._shape = shape
            self.found.async_send()
        self.changed.async_send(RECORDER)
        self._issues.async_update()

    @callback
    def _recording_changed(self, number: int) -> None:
        if number != RECORDER:
            self.changed.async_send(number)
        # The recorder counts the channels with problems.
        self._box_changed()
