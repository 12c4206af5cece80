"""The queue of exports: who is next, what is tried again, what is given up."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
import errno

import pytest

from custom_components.nvr.core.errors import (
    NvrAuthError,
    NvrBusyError,
    NvrError,
    NvrResponseError,
    NvrUnreachableError,
)
from custom_components.nvr.core.models import TimeSpan
from custom_components.nvr.media.exports.files import DiskFullError
from custom_components.nvr.media.exports.models import ExportFormat, ExportJob, ExportOrder, JobState
from custom_components.nvr.media.exports.queue import ExportError, ExportQueue, NotYetError


def job(name: str, recorder: str = "a", created: datetime | None = None) -> ExportJob:
    created = created or datetime.now(UTC)
    span = TimeSpan(created - timedelta(hours=1), created)
    return ExportJob(ExportOrder(name, recorder, 1, span, ExportFormat.MP4, None, created))


def queue(make: Callable[[ExportJob], Awaitable[list[str]]], told: list[tuple[str, str]] | None = None) -> ExportQueue:
    def changed(what: ExportJob) -> None:
        if told is not None:
            told.append((what.order.id, what.state.value))

    def reason(_: ExportJob, err: NvrError) -> tuple[str, dict[str, str]]:
        return type(err).__name__, {}

    return ExportQueue(make, changed, reason, delays=(0.01,))


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.005)


async def test_one_of_each_recorder_and_two_in_all_run_together() -> None:
    running: set[str] = set()
    seen: list[set[str]] = []
    doors: dict[str, asyncio.Event] = {}

    async def make(what: ExportJob) -> list[str]:
        running.add(what.order.id)
        seen.append(set(running))
        await doors.setdefault(what.order.id, asyncio.Event()).wait()
        running.discard(what.order.id)
        return ["clip"]

    found = queue(make)
    for name, recorder in (("a1", "a"), ("a2", "a"), ("b1", "b"), ("c1", "c")):
        found.add(job(name, recorder))
    await until(lambda: running == {"a1", "b1"})
    doors["a1"].set()
    await until(lambda: running == {"a2", "b1"})
    doors["b1"].set()
    await until(lambda: running == {"a2", "c1"})
    for name in ("a2", "c1"):
        doors.setdefault(name, asyncio.Event()).set()
    await until(lambda: not any(item.active for item in found.jobs.values()))
    assert max(map(len, seen)) == 2
    await found.aclose()


@pytest.mark.parametrize(
    ("problem", "tries", "reason"),
    [
        (NvrUnreachableError("away"), 3, None),
        (NvrBusyError("full"), 3, None),
        (NvrResponseError("odd"), 3, "NvrResponseError"),
        (NvrAuthError("no"), 1, "NvrAuthError"),
        (ExportError("no_footage", camera="Gate"), 1, "no_footage"),
        (DiskFullError(5 << 20, 1 << 20), 1, "disk_full"),
        (OSError(errno.ENOSPC, "full"), 1, "disk_ran_full"),
        (OSError(errno.EACCES, "denied"), 1, "cannot_write"),
        (ZeroDivisionError(), 1, "internal"),
    ],
)
async def test_what_passes_is_tried_again_and_all_else_is_given_up(
    problem: Exception, tries: int, reason: str | None
) -> None:
    tried = 0

    async def make(_: ExportJob) -> list[str]:
        nonlocal tried
        tried += 1
        if tried == 3 and reason is None:
            return ["clip"]
        raise problem

    found = queue(make)
    found.add(one := job("a1"))
    await until(lambda: not one.active)
    assert (tried, one.reason) == (tries, reason)
    assert one.state is (JobState.DONE if reason is None else JobState.FAILED)
    await found.aclose()


async def test_what_is_away_for_a_day_is_given_up() -> None:
    async def make(_: ExportJob) -> list[str]:
        raise NvrUnreachableError("away")

    found = queue(make)
    found.add(one := job("a1", created=datetime.now(UTC) - timedelta(days=2)))
    await until(lambda: not one.active)
    assert one.state is JobState.FAILED
    await found.aclose()


async def test_what_was_ordered_ahead_has_its_day_once_it_is_recorded() -> None:
    async def make(_: ExportJob) -> list[str]:
        raise NvrUnreachableError("away")

    found = ExportQueue(make, lambda _: None, lambda _, __: ("unreachable", {}), delays=(3600.0,))
    one = job("a1", created=datetime.now(UTC) - timedelta(days=3))
    end = datetime.now(UTC) - timedelta(hours=1)
    one.order = replace(one.order, span=TimeSpan(end - timedelta(days=1), end))
    found.add(one)
    await until(lambda: one.attempts == 1 and one.state is not JobState.RUNNING)
    assert one.state is JobState.WAITING
    await found.aclose()


async def test_what_is_put_off_is_tried_again_by_itself_and_others_go_first() -> None:
    tried: list[str] = []

    async def make(what: ExportJob) -> list[str]:
        tried.append(what.order.id)
        if tried == ["a1"]:
            await asyncio.sleep(3600)
        return ["clip"]

    found = queue(make)
    found.add(one := job("a1"))
    found.add(job("a2"))
    await until(lambda: tried == ["a1"])
    await found.put_off("a1", "export_slot_lost")
    assert (one.state, one.reason) == (JobState.WAITING, "export_slot_lost")
    await until(lambda: not any(item.active for item in found.jobs.values()))
    assert tried == ["a1", "a2", "a1"]
    await found.aclose()


async def test_what_cannot_be_had_yet_is_no_try_and_has_an_end() -> None:
    tried = 0

    async def make(_: ExportJob) -> list[str]:
        nonlocal tried
        tried += 1
        if tried < 6:
            raise NotYetError("file_still_open", 0.01, name="NVR")
        return ["clip"]

    found = queue(make)
    found.add(one := job("a1"))
    await until(lambda: not one.active)
    assert (one.state, one.attempts, tried) == (JobState.DONE, 1, 6)
    tried = 0
    found.add(old := job("a2", created=datetime.now(UTC) - timedelta(days=2)))
    await until(lambda: not old.active)
    assert (old.state, old.reason, old.details) == (JobState.FAILED, "file_still_open", {"name": "NVR"})
    await found.aclose()


async def test_cancelling_ends_what_runs_and_what_waits() -> None:
    ended = []

    async def make(what: ExportJob) -> list[str]:
        try:
            await asyncio.sleep(3600)
        finally:
            ended.append(what.order.id)
        return []

    told: list[tuple[str, str]] = []
    found = queue(make, told)
    found.add(job("a1"))
    found.add(job("a2"))
    await until(lambda: ("a1", "running") in told)
    await found.cancel("a2")
    await asyncio.sleep(0)
    await found.cancel("a1")
    assert ended == ["a1"]
    assert told[-1] == ("a1", "cancelled")
    assert {item.state for item in found.jobs.values()} == {JobState.CANCELLED}
    await found.cancel("a1")
    await found.aclose()


async def test_what_is_still_to_come_is_waited_for_and_what_was_left_begins_anew() -> None:
    done = asyncio.Event()

    async def make(_: ExportJob) -> list[str]:
        done.set()
        return ["clip"]

    found = queue(make)
    later = job("a1")
    later.not_before = datetime.now(UTC) + timedelta(seconds=0.1)
    found.restore([later])
    await asyncio.sleep(0.02)
    assert later.state is JobState.WAITING
    await asyncio.wait_for(done.wait(), 10)
    await until(lambda: later.state is JobState.DONE)
    await found.aclose()


async def test_recorder_that_is_back_is_not_waited_for_any_longer() -> None:
    away = True

    async def make(_: ExportJob) -> list[str]:
        if away:
            raise NvrUnreachableError("away")
        return ["clip"]

    found = ExportQueue(make, lambda _: None, lambda _, __: ("unreachable", {}), delays=(3600.0,))
    found.add(one := job("a1"))
    await until(lambda: one.attempts == 1 and one.state is JobState.WAITING)
    away = False
    found.wake("b")
    assert one.not_before is not None
    found.wake("a")
    await until(lambda: one.state is JobState.DONE)
    await found.aclose()


@pytest.mark.parametrize("how", ["cancel", "put_off"])
async def test_who_leaves_while_an_export_is_stopped_does_not_block_its_recorder(how: str) -> None:
    tidied = asyncio.Event()
    running: list[str] = []

    async def make(what: ExportJob) -> list[str]:
        running.append(what.order.id)
        if what.order.id == "a1":
            try:
                await asyncio.sleep(3600)
            finally:
                await tidied.wait()
        return ["clip"]

    found = ExportQueue(make, lambda _: None, lambda _, __: ("unreachable", {}), delays=(3600.0,))
    found.add(one := job("a1"))
    found.add(two := job("a2"))
    await until(lambda: running == ["a1"])
    leaving = asyncio.create_task(getattr(found, how)("a1"))
    await asyncio.sleep(0.01)
    leaving.cancel()
    await asyncio.wait({leaving})
    assert leaving.cancelled()
    tidied.set()
    await until(lambda: two.state is JobState.DONE)
    assert one.state is (JobState.CANCELLED if how == "cancel" else JobState.WAITING)
    await found.aclose()
