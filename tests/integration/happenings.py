"""The same happening, told by each family in its own words."""

import pytest

from tests.simulators.hikvision import HikvisionSimulator
from tests.simulators.hikvision.xmlout import el, fields

from .recorders import DAHUA, HIKVISION, Recorder

# For what differs little by family and takes seconds.
second_family_slow = pytest.mark.parametrize(
    "family",
    [HIKVISION, pytest.param(DAHUA, marks=pytest.mark.slow)],
    ids=lambda family: family.key,
    indirect=True,
)


def read_plate(nvr: Recorder, channel: int, plate: str) -> None:
    """Tell that a number plate was read, on its way out."""
    if isinstance(nvr, HikvisionSimulator):
        seen = el("ANPR", fields(licensePlate=plate, direction="reverse", vehicleType="car"))
        assert nvr.emit("ANPR", channel, extra=[seen])
    else:
        data = {"TrafficCar": {"PlateNumber": plate, "PlateColor": "White"}, "Direction": "Reverse"}
        nvr.emit("TrafficJunction", channel, action="Pulse", data=data)


def cross_line(nvr: Recorder, channel: int, *, by: str = "human", on: bool = True) -> None:
    """Tell that somebody crosses a line: rule 1, whose name Dahua tells."""
    if isinstance(nvr, HikvisionSimulator):
        state = "active" if on else "inactive"
        assert nvr.emit("linedetection", channel, state=state, region=1, target=by)
    else:
        nvr.rule("CrossLineDetection", channel, on=on, target=by.capitalize())
