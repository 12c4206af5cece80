"""The recorders of the demo: one row for each family that has a simulator, some with faults, and one to be added."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

type Order = tuple[str, Mapping[str, object]]


@dataclass(frozen=True, slots=True)
class RecorderKind:
    """One simulated NVR of the demo.

    `family` is the word that `python -m tests.simulators` knows it by, `name` what it calls itself, `cameras` what its
    first channels are called; the third moves. `comes` and `leaves` are what its control port takes at /event to let an
    intrusion on channel 1 begin and end, `fails` and `works` the same for what keeps it from recording. `smoke_zone` is
    where it stands in the smoke run, in minutes east of UTC, for days are the NVR's own. `discovery_port` is where its
    make is searched. `wrong` is what is done to it over the control port before it is added, and `repairs` names what
    Home Assistant then has to tell.
    """

    family: str
    manufacturer: str
    name: str
    cameras: tuple[str, ...]
    comes: Mapping[str, object]
    leaves: Mapping[str, object]
    fails: Mapping[str, object]
    works: Mapping[str, object]
    smoke_zone: int
    discovery_port: int
    wrong: tuple[Order, ...] = ()
    repairs: frozenset[str] = frozenset()


HIKVISION: Final = RecorderKind(
    family="hikvision",
    manufacturer="Hikvision",
    name="Hikvision NVR",
    cameras=("Front door", "Driveway", "Garden", "Garage", "Hall", "Cellar", "Terrace", "Back door"),
    comes={"kind": "fielddetection", "channel": 1, "state": "active"},
    leaves={"kind": "fielddetection", "channel": 1, "state": "inactive"},
    fails={"kind": "recordingfailure", "channel": 0, "state": "active"},
    works={"kind": "recordingfailure", "channel": 0, "state": "inactive"},
    smoke_zone=330,
    discovery_port=37020,
)
DAHUA: Final = RecorderKind(
    family="dahua",
    manufacturer="Dahua",
    name="Dahua NVR",
    cameras=("Street", "Gate", "Pool", "Workshop", "Barn hall", "Barn door", "Back garden", "Back gate"),
    comes={"code": "CrossRegionDetection", "channel": 1, "action": "Start"},
    leaves={"code": "CrossRegionDetection", "channel": 1, "action": "Stop"},
    fails={"code": "StorageFailure", "channel": 0, "action": "Start"},
    works={"code": "StorageFailure", "channel": 0, "action": "Stop"},
    smoke_zone=-210,
    discovery_port=37810,
)
RECORDERS: Final = (HIKVISION, DAHUA)

_LATE: Final[Order] = ("/clock", {"skew": 95})

# Nobody has looked after these for long.
NEGLECTED: Final = (
    replace(
        HIKVISION,
        name="Old NVR",
        cameras=("Shed", "Attic"),
        wrong=(
            _LATE,
            ("/faults", {"disk": "error"}),
            ("/linkage", {"kind": "VMD", "channel": 1, "on": False}),
            ("/channel", {"channel": 2, "online": False}),
        ),
        repairs=frozenset({"clock_wrong", "disk_fault", "events_unlinked"}),
    ),
    replace(
        DAHUA,
        name="Forgotten NVR",
        cameras=("Stable", "Paddock"),
        wrong=(
            _LATE,
            ("/faults", {"config.rtsp_off": True}),
            ("/footage", {"channel": 1, "stopped": 50}),
        ),
        repairs=frozenset({"clock_wrong", "rtsp_off", "not_recording"}),
    ),
)
# Nobody has added this one yet.
NEW: Final = replace(DAHUA, name="New NVR", cameras=("Guest house",))
