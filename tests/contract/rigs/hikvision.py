"""The real Hikvision driver before a simulated recorder, or before documents served as they are."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, ClassVar, Literal, override

from aiohttp import web
import pytest

from custom_components.nvr.core.drivers.hikvision import HikvisionDriver, events as events_module
from custom_components.nvr.core.models import EventKind, RecorderKind
from tests.simulators.hikvision.simulator import HikvisionSimulator

from ..rig import USER, Counts, Input, Open, Place, Rig, Role, Traits
from .pair import Pair

_KINDS = {
    EventKind.MOTION: "VMD",
    EventKind.VIDEO_LOSS: "videoloss",
    EventKind.TAMPER: "tamperdetection",
    EventKind.LINE_CROSSING: "linedetection",
    EventKind.INTRUSION: "fielddetection",
    EventKind.REGION_ENTER: "regionEntrance",
    EventKind.REGION_EXIT: "regionExiting",
}

_LACKS: frozenset[Role] = frozenset({"detections", "key_frames"})


class HikvisionRig(Rig[HikvisionSimulator]):
    """A simulated Hikvision recorder or camera."""

    family = "hikvision"
    make_driver = HikvisionDriver
    traits_of: ClassVar[Mapping[str, Traits]] = {
        "nvr8": Traits(requests=14, lacks=_LACKS, plays_twice=False),
        "nvr16": Traits(requests=14, lacks=_LACKS, plays_twice=False),
        "nvr-old": Traits(requests=14, lacks=_LACKS, names_cameras=False, refuses=True),
        "nvr32": Traits(requests=14, lacks=_LACKS),
        "dvr4": Traits(RecorderKind.HYBRID, requests=14, lacks=_LACKS, plays_twice=False),
        "dvr8": Traits(RecorderKind.HYBRID, requests=14, lacks=_LACKS, plays_twice=False),
        "ipc": Traits(RecorderKind.CAMERA, requests=14, lacks=_LACKS),
        "ipc2": Traits(RecorderKind.CAMERA, requests=14, lacks=_LACKS, plays_twice=False),
        "ipc-old": Traits(RecorderKind.CAMERA, requests=14, lacks=_LACKS, plays_twice=False),
    }
    places: ClassVar[Mapping[Place, tuple[str, ...]]] = {
        "anywhere": ("*",),
        "identity": ("/ISAPI/System/deviceInfo",),
        "channels": ("/ISAPI/ContentMgmt/InputProxy/channels*", "/ISAPI/System/Video/inputs/channels"),
        "snapshots": ("*/picture",),
        "recordings": ("/ISAPI/ContentMgmt/search", "*/dailyDistribution"),
        "downloads": ("/ISAPI/ContentMgmt/download",),
        "storage": ("/ISAPI/ContentMgmt/Storage",),
        "clock": ("/ISAPI/System/time",),
    }

    @override
    def build(self, profile: str, setting: dict[str, Any]) -> HikvisionSimulator:
        return HikvisionSimulator(profile=profile, **setting)

    @override
    def counts(self) -> Counts:
        seen = self.simulator.counters
        return Counts(
            requests=seen.requests,
            unauthorized=seen.unauthorized,
            refused=seen.auth_failures,
            locks=seen.lockouts,
            most_at_once=seen.max_active,
            connections=seen.connections,
            snapshots=seen.snapshots,
            downloads=seen.downloads,
            event_streams=seen.alert_streams,
            searches=seen.searches,
            writes=seen.writes,
        )

    @override
    def open_things(self) -> Open:
        seen, rtsp = self.simulator.counters, self.simulator.rtsp
        return Open(
            sockets=self.simulator.open_connections(),
            requests=seen.active,
            searches=seen.searches_active,
            downloads=seen.downloads_active,
            event_streams=self.simulator.alerts.listeners,
            logins=0,
            rtsp_sockets=rtsp.counters.connections_open,
            rtsp_sessions=len(rtsp.sessions),
        )

    @override
    def inputs(self) -> dict[int, Input]:
        return {
            number: Input(
                number,
                channel.name,
                channel.online,
                channel.streams[1].codec,
                channel.streams[1].width,
                None if channel.analog or self.simulator.device.is_camera else channel.serial,
                None if channel.analog or self.simulator.device.is_camera else channel.model,
            )
            for number, channel in sorted(self.simulator.device.channels.items())
        }

    @override
    def lock(self, *, told: bool = True) -> None:
        self.simulator.faults.auth.lock_body = "long" if told else "short"
        self.simulator.login.lock("127.0.0.1", USER)

    @override
    def unlock(self) -> None:
        self.simulator.login.unlock()

    @override
    def rotate_every_answer(self) -> None:
        self.simulator.faults.auth.nonce_uses = 1

    @override
    def fill(self, *, full: bool = True) -> None:
        self.simulator.faults.load.busy = full

    @override
    def end_logins(self) -> None:
        self.simulator.rotate_nonces()

    @override
    def keep_time(self, monotonic: Callable[[], float]) -> None:
        self.simulator.login.now = monotonic

    @override
    def free_slot(self) -> int:
        return max(self.simulator.device.channels) + 1

    @override
    def break_disk(self) -> None:
        self.simulator.faults.disk = "error"

    @override
    def spoil_snapshots(self, how: Literal["ok", "refused", "empty", "garbage"]) -> None:
        self.simulator.faults.snapshot.mode = "deviceError" if how == "refused" else how

    @property
    @override
    def tells(self) -> Mapping[EventKind, str]:
        return {kind: name for kind, name in _KINDS.items() if name in self.simulator.device.firmware.analytics}

    @override
    def happen(self, kind: EventKind, channel: int, *, on: bool = True) -> None:
        if kind is EventKind.MOTION:
            self.simulator.motion(channel, on=on)
            return
        self.simulator.emit(_KINDS[kind], channel, state="active" if on else "inactive", count=int(on))

    @override
    def silence(self, *, on: bool = True) -> None:
        self.simulator.faults.alerts.silent = on

    @override
    def hasten(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(events_module, "BACK_OFF", (0.05, 0.1))


# -- for the tests of what only this family has ----------------------------------------------------------------------


_PAIR = Pair(HikvisionSimulator, HikvisionDriver, "nvr8")
driving, recorder = _PAIR.driving, _PAIR.recorder


@asynccontextmanager
async def documents(folder: Path) -> AsyncIterator[tuple[int, list[str]]]:
    """Serve a folder of answers, `/` as `__`, a `.status` file for an HTTP status; yields port and paths asked."""
    asked: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        path = request.path.removeprefix("/ISAPI/")
        asked.append(path)
        name = path.replace("/", "__")
        body = await asyncio.to_thread(_read, folder / f"{name}.xml")
        if body is not None:
            return web.Response(body=body, content_type="application/xml")
        status = await asyncio.to_thread(_read, folder / f"{name}.status")
        return web.Response(status=int(status) if status is not None and status.strip().isdigit() else 404)

    runner = web.AppRunner(_app(answer))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield runner.addresses[0][1], asked
    finally:
        await runner.cleanup()


def _app(answer: Callable[[web.Request], Any]) -> web.Application:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    return app


def _read(file: Path) -> bytes | None:
    return file.read_bytes() if file.exists() else None
