"""One simulated day, laid into the recorders of all families: each driver must find the same footage in it."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from custom_components.nvr.core import timeline
from custom_components.nvr.core.models import RecordingKind, RecordingSegment, StreamRole, TimeSpan
from tests.simulators.footage import ChannelPlan, Kind

from .bench import BERLIN
from .helpers import search
from .rows import CASES, Case

pytestmark = pytest.mark.usefixtures("socket_enabled")

# What is recorded is the same for all; how a family's disk cuts it into files where both happens is its own matter.
SCHEDULED = ChannelPlan("continuous", (600, 1800), 0.0, incidents_per_hour=0.0)
HAPPENED = ChannelPlan("events", incidents_per_hour=3.0, kinds=(Kind.MOTION, Kind.SMART, Kind.ALARM))
BOTH = ChannelPlan("both", (600, 1800), 0.0, incidents_per_hour=2.0)
PLANS = {"scheduled": SCHEDULED, "happened": HAPPENED, "both": BOTH}
HAPPENING = (RecordingKind.MOTION, RecordingKind.SMART, RecordingKind.ALARM)
REFERENCE = CASES[0]

type Told = list[tuple[TimeSpan, RecordingKind]]


def told(segments: Iterable[RecordingSegment]) -> Told:
    return [(segment.span, segment.kind) for segment in segments]


async def found_by(case: Case, day: date, role: StreamRole) -> dict[str, object]:
    """Return what a driver finds of the day, in every way there is to ask for it."""
    result: dict[str, object] = {}
    async with case.recorder() as rig:
        disk = case.footage(rig)
        disk.stand(BERLIN)
        disk.search_sub()
        # The seed is all that a disk's content is made of besides its plan and its clock.
        rig.footage.seed = "the same"
        async with rig.driving() as driver:
            assert driver.clock is not None
            assert driver.recordings is not None
            span = driver.clock.current.day(day)
            for name, plan in PLANS.items():
                disk.record(plan)
                found = await search(driver, 1, span, role=role)
                assert {segment.role for segment in found} == {role}
                result[f"{name}: covered"] = timeline.clip(timeline.merge(found), span)
                for kind in HAPPENING:
                    only = await search(driver, 1, span, role=role, kinds=frozenset({kind}))
                    result[f"{name}: {kind}"] = told(only)
                    assert told(only) == [one for one in told(found) if one[1] is kind]
                calendar = await driver.recordings.day_map(1, day.year, day.month)
                # The oldest day is overwritten while the one is asked after the other.
                result[f"{name}: days"] = {each for each in calendar.dates() if each >= day - timedelta(days=2)}
                if name != "both":
                    result[name] = told(found)
    return result


def plain_day() -> date:
    """Return a recent day of 24 hours: what the repeated hour does to a list is put to other tests."""
    zone = ZoneInfo("Europe/Berlin")
    days = [(datetime.now(UTC) - timedelta(days=back)).date() for back in (3, 4)]
    return next(day for day in days if _offset(day, zone) == _offset(day + timedelta(days=1), zone))


def _offset(day: date, zone: ZoneInfo) -> timedelta | None:
    return datetime(day.year, day.month, day.day, tzinfo=zone).utcoffset()


@pytest.mark.parametrize("role", [StreamRole.MAIN, StreamRole.SUB])
@pytest.mark.parametrize(
    "case",
    [
        pytest.param(case, id=str(case), marks=() if case.is_first else pytest.mark.slow)
        for case in CASES
        if case is not REFERENCE
    ],
)
async def test_all_find_the_same_in_one_day(case: Case, role: StreamRole) -> None:
    day = plain_day()
    expected, found = await found_by(REFERENCE, day, role), await found_by(case, day, role)
    assert expected.keys() == found.keys()
    for name, answer in expected.items():
        assert found[name] == answer, name
    # And it was much: a comparison of nothing with nothing proves nothing.
    sizes = {name: len(answer) for name, answer in expected.items() if isinstance(answer, list)}
    assert sizes["scheduled"] > 40
    assert sizes["happened"] > 40
    assert all(sizes[f"happened: {kind}"] > 5 for kind in HAPPENING)
    assert sizes["scheduled: motion"] == 0
