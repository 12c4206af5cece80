"""What a long run looks at: what is open here and there, and how memory grows from cycle to cycle.

Recorder, Home Assistant and viewers live in one process, so threads, sockets and memory are counted of all three: what
the simulator or a viewer would leave behind counts against us, too.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
import ctypes
from dataclasses import dataclass
import gc
import logging
import os
from pathlib import Path
from statistics import median
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
# What the process may borrow from the system, in all, in a run that is too short to see it give that back (bytes).
_BORROWED = 1024 * 1024
_LONG = 100
# Growth from which on it is printed where it comes from.
_NOTED = 1024
_SAMPLES = 30
_BUCKETS = 10
# Objects of one kind that may be there at the end and were not at the beginning: bounded memories of a few.
_FEW = 24


@dataclass(frozen=True, slots=True)
class Census:
    """What is open: on the recorder, of ours, and of the process. `files`: of the configuration, its stores apart."""

    sessions: int
    requests: int
    slots: int
    streams: int
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
    common = shared(hass)
    entries = hass.config_entries.async_entries("nvr")
    used = [slots.used(entry.entry_id) for entry in entries for slots in (common.engine.slots, common.desk.live)]
    return Census(
        sessions=sum(nvr.rtsp.counters.sessions_open.values()),
        requests=sum(at_the_recorder.values()),
        slots=sum(used),
        streams=len(common.desk.streams()),
        threads=len(_threads()),
        descriptors=len(targets),
        sockets=sum(target.startswith("socket:") for target in targets),
        files=len(files),
        tasks=len(asyncio.all_tasks()),
    )


def _threads() -> list[str]:
    """Return the threads, without those of Home Assistant and of our fixed pools: they stay once they were needed."""
    return [thread.name for thread in threading.enumerate() if not thread.name.startswith(("SyncWorker", "nvr-media"))]


def count_kinds() -> Counter[str]:
    """Count our objects by their kind, and what the event loop is to call some day."""
    gc.unfreeze()  # what was put aside is not shown
    gc.collect()
    kinds = Counter(map(type, gc.get_objects()))
    counts = Counter(
        {
            f"{kind.__module__}.{kind.__qualname__}": count
            for kind, count in kinds.items()
            if str(kind.__module__).startswith("custom_components.nvr")
        }
    )
    scheduled: list[asyncio.TimerHandle] = asyncio.get_running_loop()._scheduled  # type: ignore[attr-defined]
    counts["timers"] = sum(not handle.cancelled() for handle in scheduled)
    return counts


def more_kinds(least: Counter[str]) -> dict[str, int]:
    """Return the kinds of objects there are more of, by more than what is kept of a few."""
    return {kind: count for kind, count in (count_kinds() - least).items() if count > _FEW}


def slope(values: list[float]) -> float:
    """Return by how much the values grow from one to the next: the line of least squares through medians.

    The values are taken in ten groups, and of each the one in the middle: what a single cycle or two borrowed, or the
    allocator gave back, does not count; what grows does.
    """
    size = max(1, len(values) // _BUCKETS)
    groups = [values[at : at + size] for at in range(0, len(values) - size + 1, size)]
    medians = [median(group) for group in groups]
    count = len(medians)
    middle, mean = (count - 1) / 2, sum(medians) / count
    above = sum((at - middle) * (value - mean) for at, value in enumerate(medians))
    below = sum((at - middle) ** 2 for at in range(count))
    return above / below / size


@dataclass(frozen=True, slots=True)
class Soaked:
    """What a run found, in bytes a cycle: growth of what Python has, of what the allocator gave away, of the process.

    The first knows nothing of FFmpeg, the second nothing of small objects, and the third is the sum with its noise.
    """

    python: float
    native: float
    resident: float
    seconds: float
    cpu: float
    cycles: int
    places: tuple[str, ...] = ()

    @property
    def growth(self) -> float:
        """The worst of the three; `cycles` is how many were looked at."""
        borrowed = 0.0 if self.cycles >= _LONG else _BORROWED / self.cycles
        return max(self.python, self.native, self.resident - borrowed)

    def __str__(self) -> str:
        """Return what is printed of a long run."""
        figures = f"python {self.python:.0f}, native {self.native:.0f}, resident {self.resident:.0f} bytes a cycle"
        where = "".join(f"\n    {place}" for place in self.places)
        return f"{figures}; {self.seconds:.0f} s, {self.cpu:.0f} of them busy{where if self.growth > _NOTED else ''}"


async def soak(cycle: Callable[[int], Awaitable[Any]], count: int, *, warm: int = WARM) -> Soaked:
    """Run the cycle `count` times, and look at the memory from time to time after the first `warm`.

    The log is off meanwhile: the handlers of a test run keep every line.
    """
    logging.disable(logging.CRITICAL)
    apart = max(1, (count - warm) // _SAMPLES)
    found: list[tuple[int, int, int]] = []
    begun, busy = time.monotonic(), time.process_time()
    # From the beginning: of what was there before it would see only the coming, and not the going.
    tracemalloc.start(1)
    try:
        for number in range(count):
            await cycle(number)
            _forget_writes()
            if number == warm - 1:
                gc.collect()
                gc.freeze()
                before = tracemalloc.take_snapshot()
            elif number >= warm and (number - warm) % apart == apart - 1:
                found.append(_measure())
        after = tracemalloc.take_snapshot()
    finally:
        tracemalloc.stop()
        gc.unfreeze()
        logging.disable(logging.NOTSET)
    grown = [str(change) for change in after.compare_to(before, "lineno")[:12]]
    python, native, resident = (
        slope([float(value) for value in values]) / apart for values in zip(*found, strict=True)
    )
    took, used = time.monotonic() - begun, time.process_time() - busy
    return Soaked(python, native, resident, took, used, count - warm, tuple(grown))


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


class _MallInfo(ctypes.Structure):
    """What glibc tells of itself (mallinfo2)."""

    _fields_ = [
        (name, ctypes.c_size_t)
        for name in (
            *("arena", "ordblks", "smblks", "hblks", "hblkhd"),
            *("usmblks", "fsmblks", "uordblks", "fordblks", "keepcost"),
        )
    ]


_LIBC = ctypes.CDLL(None)
_LIBC.mallinfo2.restype = _MallInfo


def _measure() -> tuple[int, int, int]:
    """Return the bytes that Python's objects take, that the allocator has given away, and that the process has."""
    gc.collect()
    _LIBC.malloc_trim(0)
    info = _LIBC.mallinfo2()
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return tracemalloc.get_traced_memory()[0], info.uordblks + info.hblkhd, pages * os.sysconf("SC_PAGE_SIZE")
