"""The recorders of the demo: one row for each family that there is a simulator of."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class RecorderKind:
    """One simulated NVR of the demo.

    `family` is the word that `python -m tests.simulators` knows it by, `name` what it calls itself, `cameras` what its
    first channels are called. `comes` and `leaves` are what its control port takes at /event to let an intrusion on
    channel 1 begin and end. `smoke_zone` is where it stands in the smoke run, in minutes east of UTC, for days are the
    NVR's own.
    """

    family: str
    manufacturer: str
    name: str
    cameras: tuple[str, ...]
    comes: Mapping[str, object]
    leaves: Mapping[str, object]
    smoke_zone: int


RECORDERS: Final = (
    RecorderKind(
        family="hikvision",
        manufacturer="Hikvision",
        name="Hikvision NVR",
        cameras=("Front door", "Driveway", "Garden", "Garage", "Hall", "Cellar", "Terrace", "Back door"),
        comes={"kind": "fielddetection", "channel": 1, "state": "active"},
        leaves={"kind": "fielddetection", "channel": 1, "state": "inactive"},
        smoke_zone=330,
    ),
    RecorderKind(
        family="dahua",
        manufacturer="Dahua",
        name="Dahua NVR",
        cameras=("Street", "Gate", "Pool", "Workshop", "Barn hall", "Barn door", "Back garden", "Back gate"),
        comes={"code": "CrossRegionDetection", "channel": 1, "action": "Start"},
        leaves={"code": "CrossRegionDetection", "channel": 1, "action": "Stop"},
        smoke_zone=-210,
    ),
)
