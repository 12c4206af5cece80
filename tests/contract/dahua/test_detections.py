"""What happened when, asked by kind: which of the family's lists is asked, and how often."""

from collections import Counter
from datetime import UTC, datetime, timedelta
import json

import pytest

from custom_components.nvr.core import errors
from custom_components.nvr.core.drivers.dahua import DahuaDriver
from custom_components.nvr.core.models import Detection, DetectionTarget, EventKind, TimeSpan
from tests.simulators.dahua.simulator import DahuaSimulator
from tests.simulators.footage import Incident, Kind
from tests.simulators.switches import PathFault

from ..helpers import last
from ..rigs.dahua import driving, recorder

pytestmark = pytest.mark.usefixtures("socket_enabled")

MINUTE = timedelta(minutes=1)


async def found(driver: DahuaDriver, channel: int, span: TimeSpan, *kinds: EventKind) -> list[Detection]:
    assert driver.detections is not None
    return [each async for each in driver.detections.find(channel, span, frozenset(kinds) or None)]


def happened(simulator: DahuaSimulator, ago: timedelta, subject: str) -> TimeSpan:
    """Let something happen on channel 2, for half a minute."""
    start = datetime.now(UTC).replace(microsecond=0) - ago
    simulator.footage.add_incident(Incident(2, Kind.MOTION, start, start + MINUTE / 2, subject))
    return TimeSpan(start, start + MINUTE / 2)


@pytest.mark.parametrize(
    ("kind", "subject", "target"),
    [
        (EventKind.PERSON, "person", DetectionTarget.PERSON),
        (EventKind.VEHICLE, "car", DetectionTarget.VEHICLE),
        (EventKind.ANIMAL, "animal", DetectionTarget.ANIMAL),
    ],
)
async def test_smart_motion_tells_who_moved(kind: EventKind, subject: str, target: DetectionTarget) -> None:
    async with DahuaSimulator(profile="nvr5232", incidents=0.0, utc_offset=480, skew=420.0) as simulator:
        truth = happened(simulator, timedelta(hours=3), subject)
        async with driving(simulator) as driver:
            mine = await found(driver, 2, last(8), kind)
            assert not await found(driver, 1, last(8), kind)
    assert [(each.kind, each.channel, each.target) for each in mine] == [(kind, 2, target)]
    assert mine[0].span.start <= truth.start + timedelta(seconds=1)
    assert mine[0].span.end >= truth.end - timedelta(seconds=1)
    assert mine[0].span.duration < MINUTE


async def test_all_kinds_at_once_come_in_order_each_once_over_days() -> None:
    async with DahuaSimulator(profile="nvr5232", incidents=0.0) as simulator:
        for number in range(30):
            happened(simulator, timedelta(hours=2 + 2 * number), "person" if number % 2 else "car")
        async with driving(simulator) as driver:
            span = last(70)
            every = await found(driver, 2, span)
            before = simulator.counters.requests
            assert await found(driver, 2, span, EventKind.PERSON, EventKind.VEHICLE) == [
                each for each in every if each.kind in {EventKind.PERSON, EventKind.VEHICLE}
            ]
            # Three days, a question and an end each, and a page and an empty one: no question for each kind.
            assert simulator.counters.requests - before == 3 * 4
    counts = Counter(each.kind for each in every)
    assert (counts[EventKind.PERSON], counts[EventKind.VEHICLE], counts[EventKind.MOTION]) == (15, 15, 30)
    assert [each.span.start for each in every] == sorted(each.span.start for each in every)


async def test_a_list_that_is_too_long_is_asked_for_in_parts_and_one_that_stays_so_is_an_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bound = "custom_components.nvr.core.drivers.dahua.detections.BOUND"
    async with DahuaSimulator(profile="nvr5232", incidents=0.0) as simulator:
        for number in range(24):
            happened(simulator, timedelta(minutes=20 * number + 5), "person")
        async with driving(simulator) as driver:
            plain = await found(driver, 2, last(9), EventKind.PERSON)
            assert len(plain) == 24
            monkeypatch.setattr(bound, 5)
            assert await found(driver, 2, last(9), EventKind.PERSON) == plain
            monkeypatch.setattr(bound, 1)
            with pytest.raises(errors.NvrResponseError):
                await found(driver, 2, last(9), EventKind.PERSON)


async def test_only_lists_of_rules_that_exist_are_asked() -> None:
    async with DahuaSimulator(profile="nvr5232", incidents=0.0) as simulator, driving(simulator) as driver:
        made = simulator.counters.finders_made
        assert await found(driver, 2, last(3)) == []
        # A tripwire and an intrusion are drawn; nothing is asked for what nobody has set up.
        assert simulator.counters.finders_made == made + 2
        await found(driver, 2, last(3), EventKind.OBJECT_LEFT)
        assert simulator.counters.finders_made == made + 2


async def test_a_recorder_without_lists_has_no_such_role_and_a_missing_one_is_told() -> None:
    async with DahuaSimulator(profile="nvr5232") as simulator:
        simulator.set_faults(rpc__gone=True)
        async with driving(simulator) as driver:
            assert driver.detections is None
            assert not driver.capabilities.event_history
    async with recorder("old400") as (_, driver):
        assert driver.detections is not None
        with pytest.raises(errors.NvrUnsupportedError):
            await found(driver, 1, last(8), EventKind.PERSON)
        # Neither smart motion nor the log: what the rules note is left.
        assert EventKind.PERSON not in driver.detections.kinds
        assert EventKind.INTRUSION in driver.detections.kinds
    async with recorder("lorex") as (_, driver):
        assert driver.detections is not None
        # No list of smart motion: the log is asked for what it calls so.
        assert await found(driver, 1, last(8), EventKind.PERSON) == []


FAILS = PathFault(kind="html", status=500)
ODD = PathFault(kind="body", body=json.dumps({"id": 1, "result": False, "error": {"code": 12345, "message": "odd"}}))


@pytest.mark.parametrize("fault", [FAILS, ODD], ids=["500", "code"])
async def test_a_list_of_people_that_fails_is_no_empty_list(fault: PathFault) -> None:
    async with DahuaSimulator(profile="nvr5232", incidents=0.0) as simulator:
        happened(simulator, timedelta(hours=3), "person")
        async with driving(simulator) as driver:
            simulator.faults.paths["SmdDataFinder.*"] = fault
            # The log of this one calls everything motion.
            with pytest.raises(errors.NvrResponseError):
                await found(driver, 2, last(8), EventKind.PERSON)
            if fault is FAILS:
                with pytest.raises(errors.NvrResponseError):
                    await found(driver, 2, last(8))
            else:
                # It may be its word for a list it does not have: the others are told.
                assert {each.kind for each in await found(driver, 2, last(8))} == {EventKind.MOTION}
            assert await found(driver, 2, last(8), EventKind.MOTION)
            simulator.faults.paths.clear()
            assert len(await found(driver, 2, last(8), EventKind.PERSON)) == 1


async def test_a_log_that_fails_is_no_log_that_is_missing() -> None:
    async with DahuaSimulator(profile="nvr5232", incidents=0.0) as simulator, driving(simulator) as driver:
        simulator.faults.paths["log.*"] = FAILS
        for kinds in ((EventKind.MOTION,), ()):
            with pytest.raises(errors.NvrBusyError):
                await found(driver, 2, last(8), *kinds)
        simulator.faults.paths.clear()
        assert await found(driver, 2, last(8), EventKind.MOTION) == []
