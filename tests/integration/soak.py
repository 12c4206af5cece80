"""What a long run looks at: what is open here and there, and how memory grows from cycle to cycle.

Recorder, Home Assistant and viewers live in one process, so threads, sockets and memory are counted of all three: what
the simulator or a viewer would leave behind counts against us, too.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
import gc
import logging
import os
from pathlib import Path
import threading
import time
import tracemalloc
from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.helpers.storage import Store

from custom_components.nvr.shared import shared

from .recorders import Recorder, family_of

# Before this cycle caches, pools and the allocator find their size.
WARM = 50
# The most that memory may grow from cycle to cycle (bytes).
GROWTH = 10 * 1024


@dataclass(frozen=True, slots=True)
class Census:
    """What is open: on the recorder, of ours, and of the process. `files`: of the configuration, its stores apart."""

    sessions: int
    requests: int
    slots: int
    threads: int
    descriptors: int
    sockets: int
    files: int
    tasks: int

    def beyond(self, least: Census) -> dict[str, int]:
        """Return what there is more of."""
        names = self.__slots__
        more = {name: getattr(self, name) - getattr(least, name) for name in names}
        return {name: count for name, count in more.items() if count > 0}


def take_census(hass: HomeAssistant, nvr: Recorder) -> Census:
    """Count; the descriptor that counting needs is left out."""
    targets = []
    for path in Path("/proc/self/fd").iterdir():
        try:
            targets.append(str(path.readlink()))
        except FileNotFoundError:
            continue
    folder = Path(hass.config.config_dir)
    files = [path for path in folder.rglob("*") if path.is_file() and ".storage" not in path.parts]
    at_the_recorder = {name: count for name, count in family_of(nvr).open(nvr).items() if name == "downloads"}
    slots = shared(hass).engine.slots
    return Census(
        sessions=sum(nvr.rtsp.counters.sessions_open.values()),
        requests=sum(at_the_recorder.values()),
        slots=sum(slots.used(entry.entry_id) for entry in hass.config_entries.async_entries("nvr")),
        threads=len(_threads()),
        descriptors=len(targets),
        sockets=sum(target.startswith("socket:") for target in targets),
        files=len(files),
        tasks=len(asyncio.all_tasks()),
    )


def _threads() -> list[str]:
    """Return the threads, without those of Home Assistant and of our fixed pools: they stay once they were needed."""
    return [thread.name for thread in threading.enumerate() if not thread.name.startswith(("SyncWorker", "nvr-media"))]


def slope(values: list[float]) -> float:
    """Return by how much the values grow from one to the next: the line of least squares."""
    count = len(values)
    middle, mean = (count - 1) / 2, sum(values) / count
    above = sum((at - middle) * (value - mean) for at, value in enumerate(values))
    below = sum((at - middle) ** 2 for at in range(count))
    return above / below


@dataclass(frozen=True, slots=True)
class Soaked:
    """What a run found. In bytes a cycle: growth of all that Python allocated, and of what the process takes."""

    growth: float
    resident: float
    seconds: float


async def soak(cycle: Callable[[int], Awaitable[Any]], count: int, *, warm: int = WARM) -> Soaked:
    """Run the cycle `count` times, and look at the memory after each but the first `warm`.

    The log is off meanwhile: the handlers of a test run keep every line.
    """
    logging.disable(logging.CRITICAL)
    traced: list[float] = []
    resident: list[float] = []
    begun = time.monotonic()
    try:
        for number in range(count):
            await cycle(number)
            _forget_writes()
            if number == warm - 1:
                tracemalloc.start(1)
            elif number >= warm:
                gc.collect()
                traced.append(tracemalloc.get_traced_memory()[0])
                resident.append(_resident())
    finally:
        tracemalloc.stop()
        logging.disable(logging.NOTSET)
    return Soaked(slope(traced), slope(resident), time.monotonic() - begun)


async def left_over(hass: HomeAssistant, nvr: Recorder, least: Census, seconds: float = 20.0) -> dict[str, int]:
    """Return what there is more of than there was; a while is given to what ends by itself."""
    deadline = time.monotonic() + seconds
    while True:
        left = take_census(hass, nvr).beyond(least)
        if not left or time.monotonic() > deadline:
            return left
        await asyncio.sleep(0.1)


def _forget_writes() -> None:
    """Let go of what was written: the stores of a test run keep every call, with all that it wrote."""
    forget = getattr(Store._async_write_data, "reset_mock", None)
    if forget is not None:
        forget()


def _resident() -> int:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")
