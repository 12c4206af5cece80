"""What a test may do to the simulated recorder while it runs."""

from dataclasses import fields as names_of
from datetime import datetime
from typing import Any

from ..footage import Incident, Kind
from ..switches import apply
from .alerts import Alert
from .auth import User
from .device import SimChannel
from .power import PoweredUnit
from .rtsp_paths import camera_of
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


class HikvisionSimulator(PoweredUnit):
    """A Hikvision recorder on this machine. An async context manager; every attribute may be used while it runs."""

    def change_password(self, password: str) -> None:
        """Let another password count from now on; every nonce stays valid, the old answers do not."""
        self.login.users[self.options.user] = User(password)

    def rotate_nonces(self) -> None:
        """Make every nonce stale."""
        self.login.forget_nonces()

    def emit(self, kind: str, channel: int = 1, **values: Any) -> bool:
        """Send one event now (see Alert); False when its trigger is not linked."""
        return self.alerts.emit(Alert(kind, channel, **values))

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

    def state(self) -> dict[str, Any]:
        """Return what the recorder is at present."""
        device = self.device
        return {
            "serial": device.serial,
            "powered": self.powered,
            "http_port": self.http_port,
            "rtsp_port": self.rtsp_port,
            "version": device.version,
            "now": self.now().isoformat(),
            "device_now": device.clock.device_now().isoformat(),
            "zone": device.zone.wire(),
            "streams": self.alerts.listeners,
            "channels": {str(n): {"name": c.name, "online": c.online} for n, c in device.channels.items()},
        }

    async def control(self, _action: str, _body: dict[str, Any]) -> bool:
        """Know no action of its own."""
        return False

    def set_zone(self, minutes: int, *, dst: bool = False) -> None:
        """Move the recorder to another zone."""
        self.device.set_zone(minutes, dst=dst)

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

    async def set_channel_online(self, number: int, *, online: bool, detect: str = "ipNotExist") -> None:
        """Lose a camera, or have it back: status, streams, recording and the videoloss event follow."""
        channel = self.device.channels[number]
        if channel.online == online:
            return
        channel.online, channel.detect = online, "connect" if online else detect
        if online:
            self.footage.resume_recording(number)
        else:
            self.footage.stop_recording(number)
            await self.rtsp.drop_channel(number)
        self.alerts.video_loss(number, lost=not online)

    def add_channel(self, number: int, name: str | None = None) -> SimChannel:
        """Plug a camera in."""
        channel = self.device.add_channel(number, name)
        self.refresh_camera(number)
        return channel

    async def remove_channel(self, number: int) -> None:
        """Delete a channel."""
        self.device.remove_channel(number)
        await self.rtsp.drop_channel(number)

    def rename_channel(self, number: int, name: str) -> None:
        """Give a channel another name."""
        self.device.channels[number].name = name
        self.refresh_camera(number)

    def set_codec(self, number: int, codec: str, *, width: int | None = None, height: int | None = None) -> None:
        """Change a main stream's codec ("H.264", "H.265") and size."""
        settings = self.device.channels[number].streams[1]
        settings.codec = codec
        settings.width, settings.height = width or settings.width, height or settings.height
        self.refresh_camera(number)

    def refresh_camera(self, number: int) -> None:
        """Let the pictures follow a changed channel."""
        self.studio.cameras[number] = camera_of(self.device.channels[number])

    def set_faults(self, **changes: Any) -> None:
        """Set switches by dotted name with `__` for the dot, e.g. search__page_cap=40."""
        self.apply_faults({name.replace("__", "."): value for name, value in changes.items()})

    def apply_faults(self, changes: dict[str, Any]) -> None:
        """Set switches by dotted name; those of RTSP begin with `rtsp.`. Raises ValueError for an unknown one."""
        own = {name: value for name, value in changes.items() if not name.startswith("rtsp.")}
        streaming = {name[5:]: value for name, value in changes.items() if name.startswith("rtsp.")}
        if "server.stalled" in own:
            streaming.setdefault("stalled", own["server.stalled"])
        apply(self.rtsp.faults, {k: v for k, v in streaming.items() if hasattr(self.rtsp.faults, k)})
        rest = {k: v for k, v in streaming.items() if not hasattr(self.rtsp.faults, k)}
        apply(self.rtsp.options, rest)
        apply(self.faults, own)
