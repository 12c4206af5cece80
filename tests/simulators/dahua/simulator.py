"""What a test may do to the simulated Dahua unit while it runs."""

from typing import Any

from .auth import RIGHTS, User
from .cameras import camera_of
from .device import SimChannel
from .events import SimEvent
from .happenings import HappeningUnit


class DahuaSimulator(HappeningUnit):
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

    def lose_finders(self) -> None:
        """Forget every search, as when another client takes the finder over."""
        self.device.lose_finders()

    def state(self) -> dict[str, Any]:
        """Return what the unit is at present."""
        device = self.device
        return {
            "serial": device.serial,
            "powered": self.powered,
            "http_port": self.http_port,
            "rtsp_port": self.rtsp_port,
            "discovery_port": self.discovery.port,
            "version": device.version,
            "now": self.now().isoformat(),
            "device_now": device.clock.device_now().isoformat(),
            "zone": device.zone.name or device.zone.minutes,
            "streams": self.events.listeners,
            "connections": self.open_connections(),
            "rpc_sessions": len(self.rpc.sessions),
            "heads": {str(n): head.gone_to for n, head in device.heads.items()},
            "channels": {
                str(n): {"name": c.title, "online": c.online, "slot": c.slot.value} for n, c in device.channels.items()
            },
        }

    def set_zone(self, minutes: int, *, dst: bool = False) -> None:
        """Move the unit to another zone."""
        self.device.set_zone(minutes, dst=dst)

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

    def replace_camera(self, number: int, model: str | None = None, serial: str = "") -> None:
        """Put another camera into a slot; `model` and `serial` may be told (empty: the recorder does not know)."""
        self.device.replace_camera(number)
        if model is not None:
            channel = self.device.channels[number]
            channel.model, channel.serial = model, serial

    def shuffle_lists(self, seed: int | None) -> None:
        """List channels in another order, which the seed decides; None: by number."""
        self.device.list_seed = seed

    def set_codec(self, number: int, codec: str, *, width: int | None = None, height: int | None = None) -> None:
        """Change a main stream's codec ("H.264", "H.265") and size."""
        settings = self.device.channels[number].streams[0]
        settings.codec = codec
        settings.width, settings.height = width or settings.width, height or settings.height
        self.refresh_camera(number)

    def refresh_camera(self, number: int) -> None:
        """Let the pictures follow a changed channel."""
        self.studio.cameras[number] = camera_of(self.device.channels[number])
