"""Files, clips cut by time, and the many ways in which this family's firmware spoils them."""

import asyncio
from datetime import UTC, timedelta
import io
from typing import Any

import av
import pytest

from custom_components.nvr.core import errors
from custom_components.nvr.core.drivers.dahua import DahuaDriver
from custom_components.nvr.core.drivers.dahua.dhav import frames
from custom_components.nvr.core.models import (
    Container,
    RecordingSegment,
    TimeSpan,
)
from tests.simulators.dahua.simulator import DahuaSimulator

from ..bench import SHORT
from ..helpers import last, search
from ..rigs.dahua import driving

pytestmark = pytest.mark.usefixtures("socket_enabled")


def nothing_is_left(simulator: DahuaSimulator) -> None:
    assert simulator.counters.finders_open == 0
    assert simulator.counters.max_finders_open <= 1
    assert simulator.counters.transfers_active == 0


async def small(driver: DahuaDriver, hours: float = 120, least: int = 0) -> RecordingSegment:
    """Return the smallest closed file of a while, of at least so many bytes."""
    found = [each for each in await search(driver, 1, last(hours)) if not each.open and (each.size or 0) >= least]
    return min(found, key=lambda each: each.size or 0)


async def fetched(driver: DahuaDriver, segment: RecordingSegment) -> tuple[bytes, Container, int | None]:
    assert driver.downloads is not None
    async with driver.downloads.open(segment) as download:
        data = b"".join([chunk async for chunk in download])
        return data, download.container, download.size


def pictures(data: bytes) -> list[float]:
    """Return the moments (s) of the pictures a stranger's demuxer finds, by the recorder's wall clock."""
    with av.open(io.BytesIO(data), "r", format="dhav") as container:
        assert container.streams.video
        return [float(p.pts * p.time_base) for p in container.demux(video=0) if p.pts is not None and p.time_base]


@pytest.mark.parametrize(
    "changes",
    [
        {"file__multipart": False},
        {"file__multipart": True},
        {"file__multipart": False, "file__dhii": True},
        {"file__spelling": "encoded"},
        {"file__spelling": "raw"},
        {"file__spelling": "encoded", "file__multipart": True, "file__dhii": True},
    ],
    ids=lambda changes: ",".join(f"{name}={value}" for name, value in changes.items()),
)
async def test_a_whole_file_is_exact(changes: dict[str, Any]) -> None:
    async with DahuaSimulator(profile="nvr5232") as simulator:
        simulator.footage.plans[1] = SHORT
        simulator.set_faults(**changes)
        async with driving(simulator) as driver:
            segment = await small(driver, 1)
            data, container, size = await fetched(driver, segment)
            again, _, _ = await fetched(driver, segment)
        assert simulator.counters.transfers_aborted == 0
        nothing_is_left(simulator)
    assert container is Container.DHAV
    assert data == again
    places = list(frames(data))
    assert sum(found.size for found, _ in places) == len(data)
    assert size in (None, len(data))
    assert len(data) == segment.size
    assert len(pictures(data)) > 10


@pytest.mark.parametrize("seek", [0.0, -30.0, 11.0])
@pytest.mark.parametrize("preamble", ["random", "false", "none"])
async def test_a_clip_by_time_holds_what_was_asked_for(preamble: str, seek: float) -> None:
    async with DahuaSimulator(profile="old400") as simulator:
        simulator.set_faults(loadfile__preamble=preamble, loadfile__seek=seek)
        async with driving(simulator) as driver:
            found = [each for each in await search(driver, 1, last(30)) if each.span.duration > timedelta(minutes=10)]
            whole = found[0]
            start = whole.span.start + timedelta(minutes=5, seconds=13)
            span = TimeSpan(start, start + timedelta(seconds=20))
            part = RecordingSegment(1, span, whole.kind, locator=whole.locator)
            data, container, _ = await fetched(driver, part)
            assert driver.clock is not None
            wall = driver.clock.current.to_wall(start).replace(tzinfo=UTC).timestamp()
            # Clients that hang up wedge some recorders until they are rebooted.
            assert simulator.counters.transfers_aborted == 0
    assert container is Container.DHAV
    moments = pictures(data)
    assert wall - 7 <= moments[0] <= wall + 0.1
    assert wall + 15 <= moments[-1] < wall + 21


async def test_a_part_of_a_file_where_cuts_miss_comes_from_the_file() -> None:
    async with DahuaSimulator(profile="nvr5232") as simulator:
        simulator.set_faults(loadfile__seek=40.0)
        async with driving(simulator) as driver:
            whole = next(s for s in await search(driver, 1, last(30)) if s.span.duration > timedelta(minutes=5))
            start = whole.span.start + timedelta(minutes=1)
            part = RecordingSegment(
                1, TimeSpan(start, start + timedelta(seconds=15)), whole.kind, locator=whole.locator
            )
            data, _, _ = await fetched(driver, part)
            assert driver.memory["quirks"]["download_by"] == "file"  # type: ignore[index]
            assert driver.clock is not None
            wall = driver.clock.current.to_wall(start).replace(tzinfo=UTC).timestamp()
            before = simulator.counters.transfers
            assert (await fetched(driver, part))[0] == data
            assert simulator.counters.transfers == before + 1
            assert simulator.counters.transfers_aborted == 1
    assert wall - 7 <= pictures(data)[0] <= wall + 0.1


@pytest.mark.parametrize("changes", [{"loadfile__empty": 99}, {"loadfile__wedge_after": 1}])
async def test_a_cut_that_brings_nothing_is_an_error_in_words(changes: dict[str, Any]) -> None:
    async with DahuaSimulator(profile="old400") as simulator:
        simulator.set_faults(**changes)
        async with driving(simulator) as driver:
            # One that does not fit into what is on its way: then to leave it is to hang up.
            segment = await small(driver, least=12_000_000)
            assert driver.downloads is not None
            if "loadfile__wedge_after" in changes:
                async with driver.downloads.open(segment) as download:
                    await anext(aiter(download))
                await asyncio.sleep(0.1)
            with pytest.raises(errors.NvrError):
                await fetched(driver, segment)
        nothing_is_left(simulator)


async def test_a_cut_download_is_told() -> None:
    async with DahuaSimulator(profile="nvr5232") as simulator:
        simulator.footage.plans[1] = SHORT
        async with driving(simulator) as driver:
            segment = await small(driver, 1)
            assert segment.size is not None
            for multipart in (True, False):
                simulator.set_faults(file__cut_after=segment.size // 2, file__multipart=multipart)
                with pytest.raises(errors.NvrError):
                    await fetched(driver, segment)
        nothing_is_left(simulator)
