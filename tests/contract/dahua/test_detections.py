"""What happened by kind, from the lists that only this family keeps."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from custom_components.nvr.core import errors
from custom_components.nvr.core.drivers.dahua import DahuaDriver
from custom_components.nvr.core.drivers.dahua.detections import Detections
from custom_components.nvr.core.drivers.dahua.recordings import Recordings
from custom_components.nvr.core.models import (
    EventKind,
    TimeSpan,
)
from tests.simulators.dahua.simulator import DahuaSimulator
from tests.simulators.footage import Incident, Kind

from ..helpers import last
from ..rigs.dahua import driving, recorder

pytestmark = pytest.mark.usefixtures("socket_enabled")


def nothing_is_left(simulator: DahuaSimulator) -> None:
    assert simulator.counters.finders_open == 0
    assert simulator.counters.max_finders_open <= 1
    assert simulator.counters.transfers_active == 0


@pytest.mark.parametrize(
    ("kind", "subject", "happens"),
    [
        (EventKind.PERSON, "person", Kind.MOTION),
        (EventKind.VEHICLE, "car", Kind.MOTION),
        (EventKind.MOTION, "person", Kind.MOTION),
        (EventKind.INTRUSION, "person", Kind.SMART),
    ],
)
async def test_what_happened_is_found_by_kind(kind: EventKind, subject: str, happens: Kind) -> None:
    now = datetime.now(UTC)
    moment = now - timedelta(hours=3)
    async with DahuaSimulator(profile="nvr5232", incidents=0.0) as simulator:
        simulator.footage.add_incident(Incident(2, happens, moment, moment + timedelta(seconds=30), subject))
        async with driving(simulator) as driver:
            found = await detections(driver, 2, last(8), kind)
            assert not await detections(driver, 1, last(8), kind)
            nothing_is_left(simulator)
    assert len(found) == 1
    assert found[0].span.overlaps(TimeSpan(moment, moment + timedelta(seconds=30)))
    assert found[0].span.duration < timedelta(minutes=3)


async def detections(driver: DahuaDriver, channel: int, span: TimeSpan, kind: EventKind) -> list[Any]:
    assert isinstance(driver.recordings, Recordings)
    role = Detections(driver._context, driver.recordings.finders)
    return [each async for each in role.find(channel, span, kind)]


async def test_a_recorder_without_lists_says_so() -> None:
    async with recorder("old400") as (_, driver):
        with pytest.raises(errors.NvrUnsupportedError):
            await detections(driver, 1, last(8), EventKind.PERSON)
