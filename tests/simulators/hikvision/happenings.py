"""What happens before the cameras of the simulated recorder, and how it is told."""

from dataclasses import fields as names_of
from datetime import datetime
from typing import Any

from ..footage import Incident, Kind
from .alerts import Alert
from .power import PoweredUnit
from .xmlout import el, fields

_TARGETS = {"person": "human", "car": "vehicle"}
_ALERT_FIELDS = frozenset(item.name for item in names_of(Alert)) - {"picture", "extra"}


def alert_of(body: dict[str, Any]) -> Alert:
    """Return the alert a body describes. Raises ValueError for an unknown field."""
    unknown = set(body) - _ALERT_FIELDS - {"picture"}
    if unknown:
        raise ValueError(f"no such fields: {sorted(unknown)}")
    values = dict(body)
    if isinstance(values.get("when"), str):
        values["when"] = datetime.fromisoformat(values["when"])
    values["picture"] = None
    return Alert(**values)


class HappeningUnit(PoweredUnit):
    """A recorder that tells of events."""

    def emit(self, kind: str, channel: int = 1, **values: Any) -> bool:
        """Send one event now (see Alert); False when its trigger is not linked."""
        return self.alerts.emit(Alert(kind, channel, **values))

    async def event(self, body: dict[str, Any]) -> bool:
        """Send the event a body describes, with a still when it asks for one; False when its trigger is not linked."""
        alert = alert_of(body)
        if body.get("picture"):
            alert.picture = await self.studio.jpeg(alert.channel, width=320, height=180)
        return self.alerts.emit(alert)

    @property
    def event_boundary(self) -> bytes:
        """What every part of the event stream begins with."""
        return b"--boundary"

    def send_events(self, data: bytes) -> None:
        """Send rendered events to whoever listens."""
        self.alerts.send(data)

    def cut_events(self, *, inside_part: bool = False) -> None:
        """End every event stream, orderly or in the middle of a part."""
        self.alerts.cut(inside_part=inside_part)

    def burst(self, count: int, *, channels: int = 8, vary: bool = False) -> bytes:
        """Render distinct events of alternating phases ahead, linked or not; send them with `alerts.send`.

        With `vary` each also tells where its target was, as analytics do: then no two are alike but for their time.
        """
        kinds = [kind for kind in self.device.firmware.analytics if kind not in {"videoloss", "VMD"}]
        numbers = sorted(self.device.channels)[:channels]
        pairs = [(kind, number) for kind in kinds for number in numbers]
        alerts = []
        for index in range(count):
            kind, number = pairs[index // 2 % len(pairs)]
            state = "inactive" if index % 2 else "active"
            place = fields(X=index % 997, Y=index // 997, width=120, height=240)
            extra = [el("TargetRect", place)] if vary else []
            alerts.append(Alert(kind, number, state, count=index + 1, extra=extra))
        self.counters.events += count
        return self.alerts.burst(alerts)

    def motion(self, channel: int, *, on: bool = True, target: str | None = None) -> None:
        """Begin or end motion, repeated every second in between."""
        self.alerts.motion(channel, on=on, target=target)

    def seeing(self) -> list[int]:
        """Return the channels that have a picture now."""
        return [number for number, channel in self.device.channels.items() if channel.online]

    def tell(self, incident: Incident, *, on: bool) -> None:
        """Tell that an incident begins or ends."""
        target = _TARGETS.get(incident.subject)
        self.motion(incident.channel, on=on, target=target)
        if incident.kind is Kind.SMART and on:
            self.emit("fielddetection", incident.channel, region=1, target=target or "others")
        elif incident.kind is Kind.SMART:
            self.emit("fielddetection", incident.channel, state="inactive", count=0)
