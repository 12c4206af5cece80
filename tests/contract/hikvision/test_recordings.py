"""Searches and calendars in the dialects of this family's firmware."""

from datetime import UTC, datetime
from typing import Any

import pytest

from custom_components.nvr.core import errors
from custom_components.nvr.core.drivers.hikvision import recordings as recordings_module
from custom_components.nvr.core.models import DayMap, RecordingKind, RecordingSegment
from tests.simulators.hikvision.simulator import HikvisionSimulator
from tests.simulators.switches import PathFault

from ..helpers import last, search
from ..rigs.hikvision import driving, recorder

pytestmark = pytest.mark.usefixtures("socket_enabled")


SETTLED = 1.5


def spans(segments: list[RecordingSegment]) -> list[tuple[datetime, datetime]]:
    """Return the borders of closed segments."""
    return [(segment.span.start, segment.span.end) for segment in segments if not segment.open]


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"search__page_cap": 13},
        {"search__position": "postion"},
        {"search__position": "position"},
        {"search__more_empty": True},
        {"search__matches": "total"},
        {"search__uri_break": True, "search__uri_slash": False},
        {"search__status_tag": "responseStatusStrip"},
        {"search__namespace": "psia"},
        {"search__window_limit": 36000.0},
        {"search__mode": "utc"},
        {"search__concurrency": 1, "search__when_busy": "error"},
    ],
    ids=lambda changes: ",".join(f"{name}={value}" for name, value in changes.items()) or "plain",
)
async def test_every_dialect_finds_the_same(changes: dict[str, Any]) -> None:
    span = last(30, until=SETTLED)
    async with HikvisionSimulator(profile="nvr8") as simulator:
        async with driving(simulator) as driver:
            plain = await search(driver, 1, span)
        simulator.set_faults(**changes)
        async with driving(simulator) as driver:
            found = await search(driver, 1, span)
    assert len(plain) > 64
    assert spans(found) == spans(plain)
    assert len({segment.span.start for segment in found if segment.kind is RecordingKind.CONTINUOUS}) == len(
        [segment for segment in found if segment.kind is RecordingKind.CONTINUOUS]
    )


async def test_an_unknown_track_is_not_an_empty_one() -> None:
    async with recorder(channels=2) as (simulator, driver):
        simulator.device.remove_channel(2)
        with pytest.raises(errors.NvrNotFoundError):
            await search(driver, 2, last(1))
        assert await search(driver, 1, last(1))


async def test_kinds_are_filtered_by_the_recorder_or_here() -> None:
    span = last(30, until=SETTLED)
    wanted = frozenset({RecordingKind.MOTION})
    async with HikvisionSimulator(profile="nvr8") as simulator, driving(simulator) as driver:
        every = [item for item in await search(driver, 1, span) if item.kind in wanted]
        assert every
        for types in ("filter", "error", "nomatches", "ignore"):
            simulator.set_faults(search__types=types)
            async with driving(simulator) as fresh:
                assert spans(await search(fresh, 1, span, kinds=wanted)) == spans(every)
        both = frozenset({RecordingKind.MOTION, RecordingKind.CONTINUOUS})
        assert {item.kind for item in await search(driver, 1, span, kinds=both)} == both


async def test_search_handles_are_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    async with recorder() as (simulator, driver):
        await search(driver, 1, last(1))
        simulator.set_faults(search__handles=0, search__strict_handles=True)
        waits: list[float] = []

        async def sleep(seconds: float) -> None:
            waits.append(seconds)
            if len(waits) == 2:
                simulator.set_faults(search__handles=16)

        source = driver.recordings
        assert isinstance(source, recordings_module.Recordings)
        monkeypatch.setattr(source, "_sleep", sleep)
        monkeypatch.setattr(driver._context.client.transport.gate, "pause", lambda *_: None)
        assert await search(driver, 1, last(1))
        assert len(waits) == 2


def is_same(found: DayMap, truth: DayMap) -> bool:
    """Tell whether two maps agree but for the oldest day, of which there may be no more than the end of a file."""
    return found.days ^ truth.days <= {min(found.days | truth.days)}


async def test_a_calendar_that_names_a_day_its_month_lacks_is_not_believed() -> None:
    async with recorder(channels=1) as (simulator, driver):
        assert driver.recordings is not None
        today = datetime.now(UTC)
        truth = await driver.recordings.day_map(1, today.year, today.month)
        assert truth.days
        simulator.set_faults(search__calendar_too_long=True)
        assert is_same(await driver.recordings.day_map(1, today.year, today.month), truth)


async def test_a_calendar_that_fails_once_is_asked_again() -> None:
    path = "/ISAPI/ContentMgmt/record/tracks/*/dailyDistribution"
    async with recorder(channels=2) as (simulator, driver):
        assert driver.recordings is not None
        today = datetime.now(UTC)
        truth = await driver.recordings.day_map(1, today.year, today.month)
        for fault in (PathFault(kind="garbage", count=1), PathFault(status=500, code=3, sub="deviceError", count=1)):
            simulator.faults.paths[path] = fault
            assert is_same(await driver.recordings.day_map(1, today.year, today.month), truth)
            before = simulator.counters.requests
            assert is_same(await driver.recordings.day_map(1, today.year, today.month), truth)
            assert simulator.counters.requests == before + 1
        simulator.device.remove_channel(2)
        with pytest.raises(errors.NvrNotFoundError):
            await driver.recordings.day_map(2, today.year, today.month)
        before = simulator.counters.requests
        await driver.recordings.day_map(1, today.year, today.month)
        assert simulator.counters.requests == before + 1
