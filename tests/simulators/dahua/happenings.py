"""What happens before the cameras of the simulated Dahua unit, and how it is told."""

from dataclasses import fields
from datetime import datetime
from typing import Any

from ..footage import Incident, Kind
from .events import SimEvent, motion_data
from .power import PoweredUnit

_SMART = {"person": "Human", "car": "Vehicle", "human": "Human", "vehicle": "Vehicle"}

_EVENT_FIELDS = frozenset(item.name for item in fields(SimEvent)) - {"index"} | {"channel"}


class HappeningUnit(PoweredUnit):
    """A unit that tells of events."""

    def emit(self, code: str, channel: int = 1, **values: Any) -> None:
        """Send one event now (see SimEvent); `channel` counts from 1."""
        self.events.emit(SimEvent(code, channel - 1, **values))

    async def event(self, body: dict[str, Any]) -> bool:
        """Send the event a body describes, e.g. {"code": "AlarmLocal", "channel": 2, "action": "Pulse"}."""
        unknown = set(body) - _EVENT_FIELDS
        if unknown:
            raise ValueError(f"no such fields: {sorted(unknown)}")
        values = dict(body)
        if isinstance(values.get("when"), str):
            values["when"] = datetime.fromisoformat(values["when"])
        self.emit(str(values.pop("code")), int(values.pop("channel", 1)), **values)
        return True

    @property
    def event_boundary(self) -> bytes:
        """What every part of the event stream begins with."""
        return f"--{self.faults.events.boundary}".encode()

    def send_events(self, data: bytes) -> None:
        """Send rendered events to whoever listens."""
        self.events.send(data)

    def cut_events(self, *, inside_part: bool = False) -> None:
        """End every event stream, orderly or in the middle of a part."""
        self.events.cut(inside_part=inside_part)

    def burst(self, count: int, *, channels: int = 8, vary: bool = False) -> bytes:
        """Render distinct events of alternating phases ahead; send them with `send_events`."""
        numbers = [channel.number for channel in self.device.wired()][:channels]
        return self.events.burst(count, numbers, vary=vary)

    def motion(self, channel: int, *, on: bool = True, target: str | None = None) -> None:
        """Begin or end motion, and what the firmware says besides about who moves (dahua-cgi 12.2)."""
        way = self.device.firmware.smart_motion
        action = "Start" if on else "Stop"
        subject = _SMART.get(target or "")
        data = motion_data(smart=way == "flag" and (subject is not None or not on))
        self.events.emit(SimEvent("VideoMotion", channel - 1, action, data))
        if way == "codes" and subject is not None:
            self.events.emit(SimEvent(f"SmartMotion{subject}", channel - 1, action, {"RegionName": ["Region1"]}))

    def rule(self, code: str, channel: int = 1, *, on: bool = True, target: str = "Human") -> None:
        """Begin or end an event of an IVS rule, e.g. CrossLineDetection."""
        self.events.rule(code, channel - 1, "Start" if on else "Stop", target)

    def seeing(self) -> list[int]:
        """Return the channels that have a picture now."""
        return [channel.number for channel in self.device.wired() if channel.live]

    def tell(self, incident: Incident, *, on: bool) -> None:
        """Tell that an incident begins or ends."""
        self.motion(incident.channel, on=on, target=incident.subject)
        if incident.kind is Kind.SMART:
            target = _SMART.get(incident.subject, "Unknown")
            self.rule("CrossRegionDetection", incident.channel, on=on, target=target)
