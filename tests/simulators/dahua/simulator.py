"""What a test may do to the simulated Dahua unit while it runs."""

from dataclasses import fields
from datetime import datetime
from typing import Any

from ..footage import Incident, Kind
from ..switches import apply
from .auth import RIGHTS, User
from .cameras import camera_of
from .device import SimChannel
from .events import SimEvent, motion_data
from .power import PoweredUnit

_SMART = {"person": "Human", "car": "Vehicle", "human": "Human", "vehicle": "Vehicle"}

_EVENT_FIELDS = frozenset(item.name for item in fields(SimEvent)) - {"index"} | {"channel"}


class DahuaSimulator(PoweredUnit):
    """A Dahua unit on this machine. An async context manager; every attribute may be used while it runs."""

    def change_password(self, password: str) -> None:
        """Let another password count from now on; every nonce and session stays valid."""
        self.login.users[self.options.user] = User(password)

    def add_user(self, user: str, password: str, rights: frozenset[str] = RIGHTS) -> None:
        """Make another login: rights are live, playback, config, system, control."""
        self.login.users[user] = User(password, rights)

    def rotate_nonces(self) -> None:
        """Make every nonce stale."""
        self.login.forget_nonces()

    def end_sessions(self) -> None:
        """End every RPC2 session; the handles go with them."""
        self.rpc.forget()

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

    def state(self) -> dict[str, Any]:
        """Return what the unit is at present."""
        device = self.device
        return {
            "serial": device.serial,
            "powered": self.powered,
            "http_port": self.http_port,
            "rtsp_port": self.rtsp_port,
            "version": device.version,
            "now": self.now().isoformat(),
            "device_now": device.clock.device_now().isoformat(),
            "zone": device.zone.name or device.zone.minutes,
            "streams": self.events.listeners,
            "connections": self.open_connections(),
            "rpc_sessions": len(self.rpc.sessions),
            "channels": {
                str(n): {"name": c.title, "online": c.online, "slot": c.slot.value} for n, c in device.channels.items()
            },
        }

    def set_zone(self, minutes: int, *, dst: bool = False) -> None:
        """Move the unit to another zone."""
        self.device.set_zone(minutes, dst=dst)

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

    async def control(self, action: str, body: dict[str, Any]) -> bool:
        """Do what only this family can; False for an unknown action."""
        match action:
            case "disk":
                self.set_disk(str(body["mode"]))
            case "rule":
                on, target = bool(body.get("on", True)), str(body.get("target", "Human"))
                self.rule(str(body["code"]), int(body.get("channel", 1)), on=on, target=target)
            case "sessions":
                self.end_sessions()
            case "unlock":
                self.login.unlock()
            case "user":
                rights = frozenset(body["rights"]) if "rights" in body else RIGHTS
                self.add_user(str(body["user"]), str(body["password"]), rights)
            case "slot":
                await self.remove_channel(int(body["channel"]), stale=bool(body.get("stale")))
            case _:
                return False
        return True

    def set_disk(self, mode: str) -> None:
        """Break a disk or mend it: ok | error | partition | missing | none; the event tells."""
        self.faults.storage.mode = mode
        code = "StorageNotExist" if mode in {"missing", "none"} else "StorageFailure"
        if mode == "ok":
            for known in ("StorageFailure", "StorageNotExist"):
                if self.events.active(known):
                    self.events.emit(SimEvent(known, 0, "Stop", {"Name": "/dev/sda"}))
            return
        self.events.emit(SimEvent(code, 0, "Start", {"Name": "/dev/sda"}))
        self.device.note(code, "/dev/sda")

    async def set_channel_online(self, number: int, *, online: bool) -> None:
        """Lose a camera, or have it back: state, streams, recording and the VideoLoss event follow."""
        channel = self.device.channels[number]
        if channel.online == online:
            return
        channel.online = online
        if online:
            self.footage.resume_recording(number)
        else:
            self.footage.stop_recording(number)
            await self.rtsp.drop_channel(number)
            at = self.device.stamp()
            self.device.note(
                "IPC Offline Alarm",
                "Event Type:IPC Offline Alarm",
                f"Channel:{number}",
                f"Start Time:{at}",
                channel=number,
                code="NetMonitorAbort",
            )
        self.events.emit(SimEvent("VideoLoss", channel.index, "Stop" if online else "Start", {}))

    def add_channel(self, number: int, name: str | None = None) -> SimChannel:
        """Plug a camera in."""
        channel = self.device.add_camera(number, name)
        self.refresh_camera(number)
        return channel

    async def remove_channel(self, number: int, *, stale: bool = False) -> None:
        """Take a camera out; its slot stays."""
        self.device.remove_camera(number, stale=stale)
        await self.rtsp.drop_channel(number)

    def rename_channel(self, number: int, name: str) -> None:
        """Give a channel another title."""
        self.device.channels[number].title = name
        self.refresh_camera(number)

    def set_codec(self, number: int, codec: str, *, width: int | None = None, height: int | None = None) -> None:
        """Change a main stream's codec ("H.264", "H.265") and size."""
        settings = self.device.channels[number].streams[0]
        settings.codec = codec
        settings.width, settings.height = width or settings.width, height or settings.height
        self.refresh_camera(number)

    def refresh_camera(self, number: int) -> None:
        """Let the pictures follow a changed channel."""
        self.studio.cameras[number] = camera_of(self.device.channels[number])

    def burst(self, count: int, *, channels: int = 8, vary: bool = False) -> bytes:
        """Render distinct events of alternating phases ahead; send them with `send_events`."""
        numbers = [channel.number for channel in self.device.wired()][:channels]
        return self.events.burst(count, numbers, vary=vary)

    def set_faults(self, **changes: Any) -> None:
        """Set switches by dotted name with `__` for the dot, e.g. find__page_cap=40."""
        self.apply_faults({name.replace("__", "."): value for name, value in changes.items()})

    def apply_faults(self, changes: dict[str, Any]) -> None:
        """Set switches by dotted name; those of RTSP begin with `rtsp.`. Raises ValueError for an unknown one."""
        own = {name: value for name, value in changes.items() if not name.startswith("rtsp.")}
        streaming = {name[5:]: value for name, value in changes.items() if name.startswith("rtsp.")}
        if "server.stalled" in own:
            streaming.setdefault("stalled", own["server.stalled"])
        apply(self.rtsp.faults, {k: v for k, v in streaming.items() if hasattr(self.rtsp.faults, k)})
        apply(self.rtsp.options, {k: v for k, v in streaming.items() if not hasattr(self.rtsp.faults, k)})
        apply(self.faults, own)
