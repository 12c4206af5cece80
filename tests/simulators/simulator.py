"""What the command line and the control port need of a simulated recorder, whatever its family."""

from typing import Any, Protocol

from .clock import SimClock
from .detector import Watched
from .rtsp import RtspServer


class CountersView(Protocol):
    """What was counted."""

    def snapshot(self) -> dict[str, object]:
        """Return plain values that JSON can carry."""

    def reset(self) -> None:
        """Zero everything but what is going on now."""


class Slots(Protocol):
    """What may happen to the channels of a recorder."""

    async def set_channel_online(self, number: int, *, online: bool) -> None:
        """Lose a camera, or have it back."""

    def add_channel(self, number: int, name: str | None = None) -> object:
        """Plug a camera in."""

    async def remove_channel(self, number: int) -> None:
        """Take a camera out."""

    def rename_channel(self, number: int, name: str) -> None:
        """Give a channel another name."""

    def replace_camera(self, number: int, model: str, serial: str) -> None:
        """Put another camera into a slot; an empty text is one that the recorder cannot tell."""

    def shuffle_lists(self, seed: int | None) -> None:
        """List channels in another order, which the seed decides; None: by number."""

    def set_codec(self, number: int, codec: str, *, width: int | None = None, height: int | None = None) -> None:
        """Change a main stream's codec and size."""


class Simulator(Watched, Slots, Protocol):
    """A recorder on this machine that is running."""

    fingerprint: str | None
    rtsp: RtspServer

    @property
    def counters(self) -> CountersView: ...
    @property
    def faults(self) -> object: ...
    @property
    def clock(self) -> SimClock: ...
    @property
    def serial(self) -> str: ...
    @property
    def http_port(self) -> int: ...
    @property
    def https_port(self) -> int | None: ...
    @property
    def rtsp_port(self) -> int: ...
    @property
    def event_boundary(self) -> bytes:
        """What every part of the event stream begins with."""

    async def control(self, action: str, body: dict[str, Any]) -> bool:
        """Do what only this family can; False for an unknown action."""

    def state(self) -> dict[str, Any]:
        """Return what GET /state answers."""

    async def event(self, body: dict[str, Any]) -> bool:
        """Send one event. Raises ValueError for an unknown field."""

    def send_events(self, data: bytes) -> None:
        """Send rendered events to whoever listens."""

    def cut_events(self, *, inside_part: bool = False) -> None:
        """End every event stream."""

    def burst(self, count: int, *, channels: int = 8, vary: bool = False) -> bytes:
        """Render distinct events ahead."""

    def motion(self, channel: int, *, on: bool = True, target: str | None = None) -> None:
        """Begin or end motion."""

    def apply_faults(self, changes: dict[str, Any]) -> None:
        """Set switches by dotted name. Raises ValueError for an unknown one."""

    async def power_on(self) -> None:
        """Listen."""

    async def power_off(self, *, blackhole: bool = False) -> None:
        """Close every socket."""

    def reboot(self, *, off_seconds: float | None = None, version: str | None = None) -> None:
        """Restart soon."""

    def stall(self, *, on: bool = True) -> None:
        """Stop the network."""

    def change_password(self, password: str) -> None:
        """Let another password count."""

    def rotate_nonces(self) -> None:
        """Make every nonce stale."""

    def set_zone(self, minutes: int, *, dst: bool = False) -> None:
        """Move the recorder to another zone."""
