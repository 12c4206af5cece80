"""No byte of an event stream may matter more than another: wherever it is split, no event is lost, doubled or moved."""

from itertools import pairwise

import pytest

from custom_components.nvr.core.models import EventPhase

from .bench import Numbered
from .helpers import Listener, listening
from .rows import Case, each_family

pytestmark = pytest.mark.usefixtures("socket_enabled")

BURST = 10_000
FIRST = 1024
# The head of the burst that is fed 1,024 times: its first kilobyte, and what shows that the reader goes on right.
HEAD = 12


def sent(count: int) -> Numbered:
    """Return what must be heard of so many events: number after number, its begin and its end."""
    return [(index // 2 + 1, EventPhase.STOP if index % 2 else EventPhase.START) for index in range(count)]


def parts(data: bytes, boundary: bytes) -> list[int]:
    """Return where the parts of a stream begin, and its end."""
    found, at = [], data.find(boundary)
    while at >= 0:
        found.append(at)
        at = data.find(boundary, at + len(boundary))
    return [*found, len(data)]


@each_family
async def test_the_first_kilobyte_may_be_split_at_every_byte(case: Case) -> None:
    async with case.connected() as (rig, driver):
        told = case.events(rig)
        data = told.numbered(HEAD)
        assert len(data) > FIRST + 2000
        for at in range(FIRST + 1):
            heard = await told.read(driver, (data[:at], data[at:]) if at else (data,))
            assert told.numbers(heard.events) == sent(HEAD), f"split at {at}"


@pytest.mark.slow
@each_family
async def test_ten_thousand_events_split_at_every_byte_of_their_parts(case: Case) -> None:
    async with case.connected() as (rig, driver):
        told = case.events(rig)
        data = told.numbered(BURST)
        borders = parts(data, rig.simulator.event_boundary)
        assert len(borders) == BURST + 1
        # Event n is cut at its byte n modulo 1024: each place is hit ten times in one stream that never begins anew.
        cuts = [start + index % FIRST for index, start in enumerate(borders[:-1])]
        cuts = [cut for cut, (start, end) in zip(cuts, pairwise(borders), strict=True) if start < cut < end]
        assert len(cuts) > BURST // 2
        pieces = [data[a:b] for a, b in pairwise([0, *cuts, len(data)])]
        assert b"".join(pieces) == data
        heard = await told.read(driver, pieces)
        assert told.numbers(heard.events) == sent(BURST)


@pytest.mark.parametrize("at", [57, *(pytest.param(at, marks=pytest.mark.slow) for at in (0, 1, 700))])
@each_family
async def test_ten_thousand_events_in_one_burst_over_the_socket(case: Case, at: int) -> None:
    async with case.connected() as (rig, driver):
        told = case.events(rig)
        data = told.numbered(BURST)
        async with listening(driver) as heard:
            await rig.send_in_two(data, at)
            await _all_of(heard)
            assert told.numbers(heard.events) == sent(BURST)
            assert heard.states.count(heard.states[-1]) == 1
            assert rig.counts().event_streams == 1


async def _all_of(heard: Listener) -> None:
    await heard.until(lambda: len(heard.events) >= BURST, 60)


@pytest.mark.slow
@pytest.mark.timeout(600)  # 34 bursts: more than a minute where the machine has other work
@each_family
async def test_the_whole_burst_split_at_places_of_its_first_kilobyte(case: Case) -> None:
    async with case.connected() as (rig, driver):
        told = case.events(rig)
        data = told.numbered(BURST)
        for at in range(1, FIRST + 1, 31):
            heard = await told.read(driver, (data[:at], data[at:]))
            assert told.numbers(heard.events) == sent(BURST), f"split at {at}"
