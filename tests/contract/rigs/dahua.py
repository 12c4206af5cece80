"""The real Dahua driver before a simulated unit."""

from collections.abc import Callable, Mapping
from itertools import chain
from typing import Any, ClassVar, Literal, override

import pytest

from custom_components.nvr.core.drivers.dahua import DahuaDriver, events as events_module
from custom_components.nvr.core.models import EventKind, RecorderKind
from tests.simulators.dahua.detections import Listing
from tests.simulators.dahua.firmware import FIRMWARES, Slot
from tests.simulators.dahua.simulator import DahuaSimulator

from ..rig import USER, Counts, Input, Open, Place, Rig, Role, Traits
from .pair import Pair

_KINDS = {
    EventKind.MOTION: "VideoMotion",
    EventKind.VIDEO_LOSS: "VideoLoss",
    EventKind.TAMPER: "VideoBlind",
    EventKind.LINE_CROSSING: "CrossLineDetection",
    EventKind.INTRUSION: "CrossRegionDetection",
}
# Slots that hold a camera, and those that seem to: nothing tells a camera that was taken out from one that is away.
_HELD = {Slot.CAMERA, Slot.ANALOG, Slot.ONVIF, Slot.STALE}

# Nothing but a question tells that a firmware has no single pictures of the past.
_NO_PICTURES: frozenset[Role] = frozenset({"key_frames"})


class DahuaRig(Rig[DahuaSimulator]):
    """A simulated Dahua recorder or camera, re-brands included."""

    family = "dahua"
    make_driver = DahuaDriver
    traits_of: ClassVar[Mapping[str, Traits]] = {
        **dict.fromkeys(FIRMWARES, Traits(tells_load=False)),
        **dict.fromkeys(("quirk200", "nv4116", "lorex"), Traits(tells_load=False, denies=_NO_PICTURES)),
        "old400": Traits(tells_load=False, calendar=False, denies=_NO_PICTURES, loads_twice=False),
        "xvr": Traits(RecorderKind.HYBRID),
        "ipc_sd": Traits(RecorderKind.CAMERA, denies=_NO_PICTURES),
    }
    places: ClassVar[Mapping[Place, tuple[str, ...]]] = {
        "anywhere": ("*",),
        "identity": ("magicBox.*", "/RPC2_Login"),
        "channels": ("LogicDeviceManager*", "/cgi-bin/api/*", "*getConfig:RemoteDevice", "*getConfig:ChannelTitle"),
        "snapshots": ("snapshot.cgi*",),
        "recordings": ("mediaFileFind*", "workDirectory*"),
        "downloads": ("*oadfile*",),
        "storage": ("storage*",),
        "clock": ("global.getCurrentTime", "global.cgi?getCurrentTime"),
    }

    @override
    def build(self, profile: str, setting: dict[str, Any]) -> DahuaSimulator:
        return DahuaSimulator(profile=profile, **setting)

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
            downloads=seen.transfers,
            event_streams=seen.event_streams,
            searches=seen.finders_made,
            writes=seen.writes,
        )

    @override
    def open_things(self) -> Open:
        seen, rtsp = self.simulator.counters, self.simulator.rtsp
        things = chain.from_iterable(session.objects.values() for session in self.simulator.rpc.sessions.values())
        return Open(
            sockets=self.simulator.open_connections(),
            requests=seen.active - self.simulator.events.listeners,
            searches=seen.finders_open + sum(isinstance(thing, Listing) for thing in things),
            downloads=seen.transfers_active,
            event_streams=self.simulator.events.listeners,
            logins=len(self.simulator.rpc.sessions),
            rtsp_sockets=rtsp.counters.connections_open,
            rtsp_sessions=len(rtsp.sessions),
        )

    @override
    def inputs(self) -> dict[int, Input]:
        return {
            number: Input(
                number,
                channel.title,
                channel.wired and channel.online,
                channel.streams[0].codec if channel.streams else "",
                channel.streams[0].width if channel.streams else 0,
                channel.serial or None,
                channel.model or None,
            )
            for number, channel in sorted(self.simulator.device.channels.items())
            if channel.slot in _HELD
        }

    @override
    def lock(self, *, told: bool = True) -> None:
        self.simulator.faults.rpc.gone = not told
        self.simulator.login.lock("127.0.0.1", USER)

    @override
    def unlock(self) -> None:
        self.simulator.login.unlock()

    @override
    def rotate_every_answer(self) -> None:
        self.simulator.faults.auth.rotate = True

    @override
    def fill(self, *, full: bool = True) -> None:
        self.simulator.faults.http.connection_limit = 0 if full else 20

    @override
    def end_logins(self) -> None:
        self.simulator.rotate_nonces()
        self.simulator.end_sessions()

    @override
    def keep_time(self, monotonic: Callable[[], float]) -> None:
        self.simulator.login.now = self.simulator.rpc.now = monotonic

    @override
    def free_slot(self) -> int:
        slots = self.simulator.device.channels
        return next(number for number, slot in slots.items() if slot.slot not in _HELD)

    @override
    def break_disk(self) -> None:
        self.simulator.set_disk("error")

    @override
    def spoil_snapshots(self, how: Literal["ok", "refused", "empty", "garbage"]) -> None:
        self.simulator.faults.snapshot.mode = "400" if how == "refused" else how

    @property
    @override
    def tells(self) -> Mapping[EventKind, str]:
        return _KINDS

    @override
    def happen(self, kind: EventKind, channel: int, *, on: bool = True) -> None:
        if kind is EventKind.MOTION:
            self.simulator.motion(channel, on=on)
        elif _KINDS[kind].startswith("Cross"):
            self.simulator.rule(_KINDS[kind], channel, on=on)
        else:
            self.simulator.emit(_KINDS[kind], channel, action="Start" if on else "Stop")

    @override
    def silence(self, *, on: bool = True) -> None:
        self.simulator.faults.events.silent = on

    @override
    def hasten(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(events_module, "BACK_OFF", (0.05, 0.1))


# -- for the tests of what only this family has ----------------------------------------------------------------------


_PAIR = Pair(DahuaSimulator, DahuaDriver, "nvr5232")
driving, recorder = _PAIR.driving, _PAIR.recorder
