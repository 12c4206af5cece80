"""What a test may do to the simulated recorder while it runs."""

from typing import Any

from .auth import User
from .device import SimChannel
from .happenings import HappeningUnit
from .rtsp_paths import camera_of


class HikvisionSimulator(HappeningUnit):
    """A Hikvision recorder on this machine. An async context manager; every attribute may be used while it runs."""

    def change_password(self, password: str) -> None:
        """Let another password count from now on; every nonce stays valid, the old answers do not."""
        self.login.users[self.options.user] = User(password)

    def rotate_nonces(self) -> None:
        """Make every nonce stale."""
        self.login.forget_nonces()

    def state(self) -> dict[str, Any]:
        """Return what the recorder is at present."""
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
            "zone": device.zone.wire(),
            "streams": self.alerts.listeners,
            "heads": {str(n): head.gone_to for n, head in device.heads.items()},
            "channels": {str(n): {"name": c.name, "online": c.online} for n, c in device.channels.items()},
        }

    async def control(self, action: str, body: dict[str, Any]) -> bool:
        """Do what only this family can; False for an unknown action."""
        if action != "linkage":
            return False
        trigger = (str(body["kind"]), int(body.get("channel", 1)))
        self.triggers.unlinked = self.triggers.unlinked - {trigger} | (set() if body.get("on", True) else {trigger})
        return True

    def set_zone(self, minutes: int, *, dst: bool = False) -> None:
        """Move the recorder to another zone."""
        self.device.set_zone(minutes, dst=dst)

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
        settings = self.device.channels[number].streams[1]
        settings.codec = codec
        settings.width, settings.height = width or settings.width, height or settings.height
        self.refresh_camera(number)

    def refresh_camera(self, number: int) -> None:
        """Let the pictures follow a changed channel."""
        self.studio.cameras[number] = camera_of(self.device.channels[number])
