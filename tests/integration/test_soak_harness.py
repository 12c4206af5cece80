"""What the long runs look with sees what it is there for: each kind of leak, made on purpose, and nothing else."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack
import ctypes
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
import mmap
from pathlib import Path
import random
import socket
import threading

from homeassistant.core import HomeAssistant
import pytest

from custom_components.nvr.core.models import TimeSpan
from custom_components.nvr.shared import shared
from tests.simulators.hikvision import HikvisionSimulator

from .conftest import StartSimulator, make_entry, set_up
from .soak import GROWTH, count_kinds, left_over, more_kinds, slope, soak, take_census

LEAK = 11 * 1024
_LIBC = ctypes.CDLL(None)
_LIBC.malloc.restype = ctypes.c_void_p
_LIBC.malloc.argtypes = [ctypes.c_size_t]
_LIBC.free.argtypes = [ctypes.c_void_p]


def keep_bytes(kept: ExitStack) -> None:
    kept.callback(len, bytes(LEAK))


def keep_small_objects(kept: ExitStack) -> None:
    kept.callback(len, [object() for _ in range(LEAK // 24)])


def keep_native_memory(kept: ExitStack) -> None:
    block = _LIBC.malloc(LEAK)
    ctypes.memset(block, 1, LEAK)
    kept.callback(_LIBC.free, block)


def keep_mapped_memory(kept: ExitStack) -> None:
    block = mmap.mmap(-1, LEAK)
    block.write(b"\1" * LEAK)
    kept.enter_context(block)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("leak", "seen_by"),
    [
        (keep_bytes, {"python", "native", "resident"}),
        (keep_small_objects, {"python", "resident"}),
        (keep_native_memory, {"native", "resident"}),
        (keep_mapped_memory, {"resident"}),
    ],
)
async def test_memory_that_grows_is_seen(leak: Callable[[ExitStack], None], seen_by: set[str]) -> None:
    async def cycle(_number: int) -> None:
        leak(kept)

    with ExitStack() as kept:
        found = await soak(cycle, 200)
    assert found.growth > GROWTH, found
    least = {name for name in ("python", "native", "resident") if getattr(found, name) > GROWTH}
    assert seen_by <= least, found


@pytest.mark.slow
async def test_memory_that_comes_and_goes_is_no_leak() -> None:
    bounded: list[bytes] = []

    async def cycle(number: int) -> None:
        chance = random.Random(number)
        assert sum(bytes(chance.randrange(400_000))) == 0
        bounded.append(bytes(chance.randrange(40_000)))
        del bounded[:-20]

    found = await soak(cycle, 200)
    assert found.growth <= GROWTH, found


def test_slope_is_of_what_grows_and_not_of_what_jumps() -> None:
    assert slope([float(3 * at) for at in range(50)]) == pytest.approx(3)
    jumps = [900.0 if at % 10 == 7 else 0.0 for at in range(50)]
    assert slope(jumps) == 0
    assert slope([3 * at + jump for at, jump in enumerate(jumps)]) == pytest.approx(3, abs=0.5)


@pytest.fixture(name="nvr")
async def nvr_fixture(start_simulator: StartSimulator, hass: HomeAssistant) -> HikvisionSimulator:
    simulator: HikvisionSimulator = await start_simulator(channels=1, rtsp=True)
    await set_up(hass, make_entry(simulator))
    return simulator


@pytest.fixture(name="kept")
async def kept_fixture() -> AsyncIterator[ExitStack]:
    with ExitStack() as stack:
        yield stack
    await asyncio.sleep(0)


class Holder:
    """Who takes a slot and does not give it back."""

    owner, channel, kind, turning = "somebody", 1, "playback", False

    def idle_for(self) -> float:
        return 0.0

    async def yield_slot(self) -> None:
        pass


@dataclass(frozen=True, slots=True)
class Place:
    """Where something is left, and what takes it away in the end."""

    hass: HomeAssistant
    nvr: HikvisionSimulator
    folder: Path
    kept: ExitStack


async def leave_session(place: Place) -> None:
    counted = place.nvr.rtsp.counters.sessions_open
    counted["playback"] += 1
    place.kept.callback(counted.subtract, ["playback"])


async def leave_slot(place: Place) -> None:
    entry = place.hass.config_entries.async_entries("nvr")[0]
    lease = await shared(place.hass).engine.slots.acquire(entry.entry_id, 4, Holder())
    place.kept.callback(lease.release)


async def leave_thread(place: Place) -> None:
    over = threading.Event()
    thread = threading.Thread(target=over.wait)
    thread.start()
    place.kept.callback(thread.join)
    place.kept.callback(over.set)


async def leave_descriptor(place: Place) -> None:
    place.kept.enter_context((place.folder / "log").open("w"))


async def leave_socket(place: Place) -> None:
    place.kept.enter_context(socket.socket())


async def leave_file(place: Place) -> None:
    await place.hass.async_add_executor_job(Path(place.hass.config.config_dir, ".film.nvr-part").touch)


async def leave_task(place: Place) -> None:
    place.kept.callback(asyncio.create_task(asyncio.sleep(60)).cancel)


async def test_what_is_left_is_named(
    hass: HomeAssistant, nvr: HikvisionSimulator, kept: ExitStack, tmp_path_factory: pytest.TempPathFactory
) -> None:
    place = Place(hass, nvr, tmp_path_factory.mktemp("elsewhere"), kept)
    assert await left_over(hass, nvr, take_census(hass, nvr)) == {}
    for name, leave in {
        "sessions": leave_session,
        "slots": leave_slot,
        "threads": leave_thread,
        "descriptors": leave_descriptor,
        "sockets": leave_socket,
        "files": leave_file,
        "tasks": leave_task,
    }.items():
        before = take_census(hass, nvr)
        await leave(place)
        left = await left_over(hass, nvr, before, 0.0)
        assert left.get(name) == 1, (name, left)


async def test_objects_that_pile_up_are_named() -> None:
    least = count_kinds()
    now = datetime.now(UTC)
    piled = [TimeSpan(now, now + timedelta(seconds=step)) for step in range(1, 50)]
    timers = [asyncio.get_running_loop().call_later(60, piled.clear) for _ in range(40)]
    assert more_kinds(least) == {"custom_components.nvr.core.models.TimeSpan": 49, "timers": 40}
    for timer in timers:
        timer.cancel()
    piled.clear()
    assert more_kinds(least) == {}
