"""What is open on the recorder for a search: lost by it, refused, held up, cut short; nothing of it stays behind."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
import json
from typing import Any

import pytest

from custom_components.nvr.core import errors
from custom_components.nvr.core.drivers.dahua import DahuaDriver, held
from custom_components.nvr.core.models import EventKind, TimeSpan
from tests.simulators.dahua.detections import Listing
from tests.simulators.dahua.simulator import DahuaSimulator
from tests.simulators.switches import PathFault

from ..bench import STEADY
from ..helpers import last, search, until
from ..rigs.dahua import driving, recorder

pytestmark = pytest.mark.usefixtures("socket_enabled")

SETTLED = 1.5
PARAM_INVALID, NOT_SET = 268894211, 268959743


def refused(code: int | None) -> PathFault:
    """Return a refusal of RPC2, with a code or a plain one."""
    error = {} if code is None else {"error": {"code": code, "message": "Invalid param!"}}
    return PathFault(kind="body", body=json.dumps({"id": 1, "result": False} | error))


def quirk(driver: DahuaDriver, name: str) -> object:
    return driver.memory["quirks"].get(name)  # type: ignore[attr-defined]


@asynccontextmanager
async def by_cgi(**changes: Any) -> AsyncIterator[tuple[DahuaSimulator, DahuaDriver, TimeSpan]]:
    """Start a recorder without RPC2, a driver of it, and give a span of more than a hundred files."""
    async with DahuaSimulator(profile="nvr5232") as simulator:
        simulator.footage.plans[1] = STEADY
        simulator.set_faults(rpc__gone=True, **changes)
        async with driving(simulator) as driver:
            yield simulator, driver, last(24, until=SETTLED)


@pytest.mark.parametrize("end", ["found", "error"])
@pytest.mark.parametrize("cap", [9, 100], ids=["short-pages", "full-page"])
async def test_a_finder_that_is_lost_in_the_middle_of_a_listing_is_replaced(cap: int, end: str) -> None:
    async with by_cgi(find__page_cap=cap, find__end=end) as (simulator, driver, span):
        plain = await search(driver, 1, span)
        assert len(plain) > 100
        simulator.set_faults(load__latency_ms=10.0)
        pages, made = simulator.counters.search_pages, simulator.counters.finders_made
        task = asyncio.ensure_future(search(driver, 1, span))
        await until(lambda: simulator.counters.search_pages > pages)
        simulator.lose_finders()
        assert await task == plain
        assert simulator.counters.finders_made == made + 2
        assert simulator.counters.finders_open == 0


async def test_a_finder_that_is_lost_again_and_again_is_an_error_and_no_part_of_a_listing() -> None:
    async with by_cgi(find__page_cap=20, load__latency_ms=10.0) as (simulator, driver, span):

        async def lose() -> None:
            pages = simulator.counters.search_pages
            while True:
                if simulator.counters.search_pages > pages:
                    pages = simulator.counters.search_pages
                    simulator.lose_finders()
                await asyncio.sleep(0.001)

        loser = asyncio.ensure_future(lose())
        try:
            with pytest.raises(errors.NvrBusyError):
                await search(driver, 1, span)
        finally:
            loser.cancel()


async def test_a_finder_that_is_lost_before_it_is_asked_has_not_found_nothing() -> None:
    async with by_cgi(load__latency_ms=10.0) as (simulator, driver, span):
        made = simulator.counters.finders_made
        task = asyncio.ensure_future(search(driver, 1, span))
        await until(lambda: simulator.counters.finders_made > made)
        simulator.lose_finders()
        assert len(await task) > 100


async def test_a_refusal_with_a_code_says_nothing_of_what_is_recorded() -> None:
    async with recorder("nvr5232") as (simulator, driver):
        span = last(30, until=SETTLED)
        plain = await search(driver, 1, span)
        assert plain
        assert quirk(driver, "finder") == "rpc"
    async with recorder("nvr5232") as (simulator, driver):
        # Nothing found is nothing learned.
        assert await search(driver, 1, last(24 * 400, until=24 * 399)) == []
        assert quirk(driver, "finder") is None
        simulator.faults.paths["mediaFileFind.findFile"] = refused(None)
        assert await search(driver, 1, span) == []
        # A recorder that fails says nothing of what is recorded.
        for name in ("mediaFileFind.factory.create", "mediaFileFind.findFile"):
            simulator.faults.paths = {name: PathFault(kind="html", status=500)}
            with pytest.raises(errors.NvrBusyError):
                await search(driver, 1, span)
            assert quirk(driver, "finder") is None
        simulator.faults.paths = {}
        simulator.faults.paths["mediaFileFind.findFile"] = refused(PARAM_INVALID)
        assert len(await search(driver, 1, span)) == len(plain)
        assert quirk(driver, "finder") == "cgi"
        # The list of what the rules noted is none either; there the log is asked.
        before = simulator.counters.by_method["log.startFind"]
        assert driver.detections is not None
        _ = [each async for each in driver.detections.find(1, last(1), frozenset({EventKind.INTRUSION}))]
        assert simulator.counters.by_method["log.startFind"] > before


@pytest.mark.parametrize("code", [PARAM_INVALID, NOT_SET, None])
async def test_a_month_that_is_refused_is_searched(code: int | None) -> None:
    async with recorder("nvr5232", days=4) as (simulator, driver):
        assert driver.recordings is not None
        today = simulator.clock.device_now().date()
        plain = await driver.recordings.day_map(1, today.year, today.month)
        assert plain.days
        assert quirk(driver, "bitmap") == "0"
        simulator.faults.paths["workDirectory.getBitmapEx"] = refused(code)
        assert await driver.recordings.day_map(1, today.year, today.month) == plain
        assert quirk(driver, "bitmap") == "0"
        # Nor are days believed that no February has.
        days = {"id": 1, "result": True, "params": {"bitmap": 1 << 3 | 1 << 31}}
        simulator.faults.paths["workDirectory.getBitmapEx"] = PathFault(kind="body", body=json.dumps(days))
        assert (await driver.recordings.day_map(1, today.year, 2)).days == frozenset()


async def test_what_is_away_for_a_while_is_not_learned_for_good() -> None:
    async with recorder("nvr5232", days=4) as (simulator, driver):
        assert driver.recordings is not None
        today = simulator.clock.device_now().date()
        simulator.set_faults(rpc__gone=True)
        assert (await driver.recordings.day_map(1, today.year, today.month)).days
        assert await search(driver, 1, last(20))
        assert quirk(driver, "finder") is None
        assert quirk(driver, "bitmap") is None
        # All finders are taken: that is no recorder that cannot be searched.
        simulator.set_faults(find__limit=0)
        with pytest.raises(errors.NvrBusyError):
            await search(driver, 1, last(20))


@pytest.mark.parametrize("trouble", ["drop", "status"])
@pytest.mark.parametrize("gone", [False, True], ids=["rpc", "cgi"])
async def test_a_finder_whose_close_fails_is_destroyed(trouble: str, *, gone: bool) -> None:
    async with DahuaSimulator(profile="nvr5232") as simulator:
        simulator.set_faults(rpc__gone=gone)
        name = "mediaFileFind.cgi?close" if gone else "mediaFileFind.close"
        simulator.faults.paths[name] = PathFault(kind=trouble, status=501)
        async with driving(simulator) as driver:
            assert await search(driver, 1, last(20))
            assert simulator.counters.finders_open == 0


async def test_a_finder_is_given_back_past_what_holds_up_the_searches() -> None:
    async with recorder("nvr5232") as (simulator, driver):
        simulator.set_faults(find__rpc_page_cap=5, load__latency_ms=10.0)
        simulator.faults.paths["/RPC3_Loadfile"] = PathFault(kind="hang")
        assert driver.key_frames is not None
        pages = simulator.counters.search_pages
        task = asyncio.ensure_future(search(driver, 1, last(72)))
        await until(lambda: simulator.counters.search_pages > pages)
        moment = datetime.now(UTC) - timedelta(hours=2)
        picture = asyncio.ensure_future(driver.key_frames.key_frame(1, moment))
        await until(lambda: simulator.counters.by_call["/RPC3_Loadfile"] > 0)
        assert simulator.counters.finders_open == 1
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert simulator.counters.finders_open == 0
        assert not picture.done()
        picture.cancel()


@pytest.mark.parametrize("gone", [False, True], ids=["rpc", "cgi"])
async def test_a_finder_that_is_being_made_is_given_back_however_long_it_takes(
    monkeypatch: pytest.MonkeyPatch, *, gone: bool
) -> None:
    monkeypatch.setattr(held, "PATIENCE", 0.05)
    async with DahuaSimulator(profile="nvr5232") as simulator:
        simulator.set_faults(rpc__gone=gone)
        async with driving(simulator) as driver:
            await search(driver, 1, last(2))
            made = simulator.counters.finders_made
            name = "mediaFileFind.cgi?factory.create" if gone else "mediaFileFind.factory.create"
            simulator.faults.paths[name] = PathFault(kind="slow", delay=0.6, count=1)
            task = asyncio.ensure_future(search(driver, 1, last(2)))
            await until(lambda: not simulator.faults.paths)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert simulator.counters.finders_made == made
            # Whoever searches next waits for it: there is never more than one.
            assert await search(driver, 1, last(2))
            assert simulator.counters.finders_made == made + 2
            assert simulator.counters.finders_open == 0
            assert simulator.counters.max_finders_open == 1


async def test_a_list_is_given_back_wherever_its_reader_stops() -> None:
    async with recorder("nvr5232") as (simulator, driver):
        simulator.set_faults(load__latency_ms=15.0)
        assert driver.detections is not None
        await driver.detections.find(2, last(12), frozenset({EventKind.PERSON})).__anext__()

        async def read() -> None:
            assert driver.detections is not None
            async for _ in driver.detections.find(2, last(20), frozenset({EventKind.PERSON})):
                pass

        begun = simulator.counters.by_method["SmdDataFinder.startFind"]
        for step in range(10):
            task = asyncio.ensure_future(read())
            await asyncio.sleep(0.008 * step)
            task.cancel()
            # Once more, as whoever shuts down does.
            asyncio.get_running_loop().call_later(0.01, task.cancel)
            await asyncio.gather(task, return_exceptions=True)
        assert simulator.counters.by_method["SmdDataFinder.startFind"] > begun + 3
        await until(lambda: not lists(simulator))


def lists(simulator: DahuaSimulator) -> list[Listing]:
    """Return the lists that are open."""
    things = (thing for session in simulator.rpc.sessions.values() for thing in session.objects.values())
    return [thing for thing in things if isinstance(thing, Listing)]


async def test_a_list_that_names_nothing_is_an_answer_where_there_is_no_log() -> None:
    async with DahuaSimulator(profile="nvr5232", incidents=0.0) as simulator:
        simulator.faults.without = frozenset({"log"})
        async with driving(simulator) as driver:
            assert driver.detections is not None
            asked = driver.detections.find(2, last(3), frozenset({EventKind.INTRUSION}))
            assert [each async for each in asked] == []
            with pytest.raises(errors.NvrUnsupportedError):
                await driver.detections.find(2, last(3), frozenset({EventKind.MOTION})).__anext__()
