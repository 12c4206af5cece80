"""Ten recorders of 32 channels in one Home Assistant: its start against bare entities, and what they take at rest.

Each Home Assistant has a process of its own, as has each recorder. Bare entities are as many, of the same platforms and
names, as many of them in use, on as many devices, in a registry as large: what they take is Home Assistant's own. Our
modules are loaded before, once for any number, and told apart. Both starts are measured: the first one, and one that
finds everything in the registry.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
import contextlib
from dataclasses import dataclass, replace
import json
import os
from pathlib import Path
import shutil
import sys
import tempfile
from typing import Any, Final

from scripts.benchmarks._bare import Row
from scripts.benchmarks._common import ROOT, Recorder, figure, median, recorder, run, serial_of
from scripts.benchmarks._families import chosen
from scripts.benchmarks._scale_home import PATIENCE, Job, Nvr

NVRS, CHANNELS, FEW = 10, 32, 4
ROUNDS = 3
REST = 300.0  # s
# Of the same number of bare entities; entities of a channel in use; of a core; requests a minute.
START, ENABLED, IDLE, REQUESTS = 1.3, 8, 0.01, 4
MIB: Final = 1 << 20
# What recording health asks: it is counted apart. Methods and pages begin so.
HEALTH: Final = (
    *("/ISAPI/ContentMgmt/search", "/ISAPI/ContentMgmt/record/tracks/", "/ISAPI/System/workingstatus"),
    *("mediaFileFind.", "recordManager.", "workDirectory."),
)


@dataclass(frozen=True, slots=True)
class Unit:
    """A simulated recorder, as the homes are told of it."""

    nvr: Nvr
    channels: int
    recorder: Recorder

    @property
    def name(self) -> str:
        """What figures call its kind."""
        return f"{self.nvr.family}.{self.channels}"


@contextlib.asynccontextmanager
async def units() -> AsyncIterator[list[Unit]]:
    """Run the recorders: the chosen families take turns, and each has one with few channels at the end."""
    families = chosen()
    wanted = [(families[index % len(families)], CHANNELS) for index in range(NVRS)]
    wanted += [(family, FEW) for family in families]
    found = []
    async with contextlib.AsyncExitStack() as stack:
        for index, (family, channels) in enumerate(wanted):
            options = ("--channels", str(channels), "--number", str(index + 1), "--latency-ms", "0")
            nvr = await stack.enter_async_context(recorder(family, *options))
            serial = await serial_of(family, nvr.http_port)
            found.append(Unit(Nvr(family.name, nvr.http_port, serial, f"{index:026d}"), channels, nvr))
        yield found


class Home:
    """A Home Assistant in a process of its own."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        """Take the process."""
        self._process = process

    async def hear(self) -> dict[str, Any]:
        """Return what it says next."""
        assert self._process.stdout is not None
        async with asyncio.timeout(3 * PATIENCE):
            line = await self._process.stdout.readline()
        if not line:
            message = "a Home Assistant of the benchmark failed"
            raise RuntimeError(message)
        said: dict[str, Any] = json.loads(line)
        return said

    async def end(self) -> None:
        """Let it end in order."""
        if self._process.stdin is not None:
            self._process.stdin.write(b"\n")
        async with asyncio.timeout(PATIENCE):
            await self._process.wait()

    @property
    def cpu(self) -> float:
        """The seconds of CPU it has taken so far."""
        fields = Path(f"/proc/{self._process.pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextlib.asynccontextmanager
async def home(job: Job) -> AsyncIterator[Home]:
    """Start one, and end it in order."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "scripts.benchmarks._scale_home"),
        cwd=ROOT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=64 * MIB,
    )
    try:
        assert process.stdin is not None
        process.stdin.write(job.dump().encode())
        await process.stdin.drain()
        yield Home(process)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def start(job: Job) -> dict[str, Any]:
    """Run one that only starts; return what it says of that."""
    async with home(job) as started:
        said = await started.hear()
        await started.end()
        return said


def rows_of(said: dict[str, Any]) -> dict[str, list[Row]]:
    """Return the entities of each entry."""
    return {entry_id: [Row(**row) for row in rows] for entry_id, rows in said["rows"].items()}


@contextlib.contextmanager
def copies(folder: Path, kept: Path | None) -> Iterator[str]:
    """Lend a folder for one start: a copy of the kept one, else an empty one."""
    place = Path(tempfile.mkdtemp(dir=folder))
    try:
        if kept is not None:
            shutil.copytree(kept, place, dirs_exist_ok=True)
        yield str(place)
    finally:
        shutil.rmtree(place, ignore_errors=True)


async def measure_start(name: str, folder: Path, ours: Job, bare: Job, *, again: bool) -> None:
    """Measure starts of both in turns, for the machine has other work too."""
    mine: list[dict[str, Any]] = []
    theirs: list[dict[str, Any]] = []
    for _ in range(ROUNDS):
        for job, said in ((ours, mine), (bare, theirs)):
            with copies(folder, Path(job.folder) if again else None) as place:
                said.append(await start(replace(job, folder=place)))
    for key, unit, size in (("cpu", "s CPU", 1.0), ("memory", "MiB", MIB)):
        value, reference = (median([one[key] / size for one in said]) for said in (mine, theirs))
        figure(f"scale.{name}.{key}", value, unit, reference=reference, limit=START)
    added = [median([one["added"] / MIB for one in said]) for said in (mine, theirs)]
    figure(f"scale.{name}.memory_without_registry", added[0], "MiB", reference=added[1], limit=None)
    figure(f"scale.{name}.wall", median([one["wall"] for one in mine]), "s", limit=None)
    for key, unit, size in (("cpu", "s CPU", 1.0), ("memory", "MiB", MIB)):
        figure(f"scale.{name}.package_{key}", median([one["package"][key] / size for one in mine]), unit, limit=None)


async def measure_starts(folder: Path, found: Sequence[Unit]) -> None:
    """Measure the first start, and one after everything that can be found out was found out."""
    nvrs = tuple(unit.nvr for unit in found)
    ours, bare = Job(str(folder / "ours"), nvrs), Job(str(folder / "bare"))
    with copies(folder, None) as place:
        fresh = rows_of(await start(replace(ours, folder=place)))
    await measure_start("first", folder, ours, replace(bare, bare=fresh), again=False)
    learnt = await start(replace(ours, learn=True))
    for unit in found[: len(chosen())]:
        most = max(learnt["most"][other.nvr.entry_id] for other in found if other.name == unit.name)
        figure(f"scale.{unit.nvr.family}.entities_per_channel", most, "entities in use", limit=ENABLED)
    known = rows_of(learnt)
    for name, rows in (("first", fresh), ("again", known)):
        figure(f"scale.{name}.entities", sum(map(len, rows.values())), "entities", limit=None)
        in_use = sum(row.enabled for entry in rows.values() for row in entry)
        figure(f"scale.{name}.entities_in_use", in_use, "entities", limit=None)
    await start(replace(bare, bare=known))
    await measure_start("again", folder, ours, replace(bare, bare=known), again=True)


async def measure_rest(folder: Path, found: Sequence[Unit]) -> None:
    """Measure what all of them take while nothing happens: processor here, requests there."""
    job = Job(str(folder / "ours"), tuple(unit.nvr for unit in found), learn=True, rest=True)
    async with home(job) as resting:
        await resting.hear()
        for unit in found:
            await unit.recorder.control("/counters", {})
        before = resting.cpu
        await asyncio.sleep(REST)
        spent = resting.cpu - before
        counters = [await unit.recorder.control("/counters") for unit in found]
        states = [await unit.recorder.control("/state") for unit in found]
        await resting.end()
    open_streams = sum(state["streams"] for state in states)
    figure("scale.rest.event_streams", open_streams, "open", limit=len(found), at_least=True)
    figure("scale.rest.cpu", spent / REST, "of a core", limit=IDLE)
    for name in dict.fromkeys(unit.name for unit in found):
        mine = [seen for unit, seen in zip(found, counters, strict=True) if unit.name == name]
        health = [asked_for_health(seen) for seen in mine]
        state = [seen["requests"] - apart for seen, apart in zip(mine, health, strict=True)]
        figure(f"scale.rest.{name}.requests", max(state) * 60 / REST, "a minute", limit=REQUESTS)
        figure(f"scale.rest.{name}.health", max(health) * 60 / REST, "a minute", limit=None)
        figure(f"scale.rest.{name}.challenges", max(seen["unauthorized"] for seen in mine), "answers 401", limit=None)


def asked_for_health(counters: dict[str, Any]) -> int:
    """Return how many of the requests were about what is recorded."""
    named = {**counters.get("by_path", {}), **counters.get("by_call", {}), **counters.get("by_method", {})}
    return sum(count for name, count in named.items() if name.startswith(HEALTH))


@contextlib.contextmanager
def workshop() -> Iterator[Path]:
    """Lend a folder that holds one for each kind of home."""
    folder = Path(tempfile.mkdtemp(prefix="nvr-scale-"))
    try:
        for name in ("ours", "bare"):
            (folder / name).mkdir()
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def main() -> None:
    """Run all of it."""
    with workshop() as folder:
        async with units() as found:
            await measure_starts(folder, [unit for unit in found if unit.channels == CHANNELS])
            await measure_rest(folder, found)


if __name__ == "__main__":
    run(main())
