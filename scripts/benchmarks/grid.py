"""A wall of sixteen cameras: sub streams over one websocket, against PyAV that does nothing but remux the same ones.

Each runs in a process of its own, as does who watches; the processor time of Home Assistant while nobody watches is
taken off. How late the event loop is, is measured meanwhile.
"""

import asyncio
from collections.abc import AsyncIterator
import contextlib
from dataclasses import dataclass, field
import json
import sys
import time
from typing import Any

from homeassistant.core import HomeAssistant

from custom_components.nvr.core.models import StreamRole
from custom_components.nvr.runtime import NvrConfigEntry
from scripts.benchmarks._common import ROOT, figure, home_assistant, nvr_entry, percentile, recorder, run, serial_of
from scripts.benchmarks._families import Family, chosen
from scripts.benchmarks._viewer import serving

# Measured in turns: what else the machine does weighs on both alike.
CAMERAS, SECONDS, WARM, ROUNDS = 16, 10.0, 4.0, 4
# The least there is: each stream read and written again by PyAV, one fragment for each picture, into nowhere.
BARE = """
import json, sys, threading, time
import av

class Nowhere:
    octets = 0
    def write(self, data):
        self.octets += len(data)
        return len(data)

def remux(url, sink):
    options = {"rtsp_transport": "tcp", "fflags": "nobuffer"}
    flags = {"movflags": "frag_every_frame+empty_moov+default_base_moof"}
    with av.open(url, options=options) as source, av.open(sink, "w", format="mp4", options=flags) as made:
        track = made.add_stream_from_template(source.streams.video[0])
        last = None
        for packet in source.demux(video=0):
            if packet.dts is None:
                continue
            if last is not None and packet.dts <= last:
                packet.dts = last + 1
                packet.pts = max(packet.pts, packet.dts)
            last = packet.dts
            packet.stream = track
            made.mux(packet)

urls = json.loads(sys.stdin.readline())
sinks = [Nowhere() for _ in urls]
for url, sink in zip(urls, sinks):
    threading.Thread(target=remux, args=(url, sink), daemon=True).start()
while not all(sink.octets > 100_000 for sink in sinks):
    time.sleep(0.1)
time.sleep(float(sys.argv[2]))
cpu, octets = time.process_time(), sum(sink.octets for sink in sinks)
time.sleep(float(sys.argv[1]))
print(json.dumps({"cpu": time.process_time() - cpu, "octets": sum(sink.octets for sink in sinks) - octets}), flush=True)
import os
os._exit(0)
"""
WATCHER = """
import asyncio, json, sys
import aiohttp

async def main():
    base, token, cameras = json.loads(sys.stdin.readline())
    counts = {}
    async with aiohttp.ClientSession() as session, session.ws_connect(base + "/api/websocket") as commands:
        await commands.receive_json()
        await commands.send_json({"type": "auth", "access_token": token})
        await commands.receive_json()
        media = await session.ws_connect(base + "/api/nvr/media", max_msg_size=0)
        async def read():
            async for message in media:
                if message.type is aiohttp.WSMsgType.BINARY:
                    number = int.from_bytes(message.data[2:4])
                    counts[number] = counts.get(number, 0) + len(message.data)
        reader = asyncio.create_task(read())
        for index, camera in enumerate(cameras, 1):
            asked = {"id": index, "type": "nvr/session/open", "kind": "live", "stream": "sub", "camera_id": camera}
            await commands.send_json(asked)
            answer = await commands.receive_json()
            assert answer["success"], answer
            await media.send_json({"type": "attach", "token": answer["result"]["token"]})
            await asyncio.sleep(0.25)
        async def ping():
            while True:
                await media.send_json({"type": "ping"})
                await asyncio.sleep(5)
        pinging = asyncio.create_task(ping())
        while len(counts) < len(cameras):
            await asyncio.sleep(0.1)
        loop = asyncio.get_running_loop()
        while True:
            print(json.dumps(counts), flush=True)
            if not await loop.run_in_executor(None, sys.stdin.readline):
                break

asyncio.run(main())
"""


class Process:
    """A script in a process of its own."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        """Take the process."""
        self._process = process

    async def tell(self, said: Any) -> None:
        """Write one line to it."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(said).encode() + b"\n")
        await self._process.stdin.drain()

    async def hear(self) -> Any:
        """Return its next line."""
        assert self._process.stdout is not None
        line = await self._process.stdout.readline()
        if not line:
            raise RuntimeError("a process of the benchmark failed")
        return json.loads(line)


@contextlib.asynccontextmanager
async def script(text: str, *arguments: str) -> AsyncIterator[Process]:
    """Run a script."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", text, *arguments),
        cwd=ROOT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        yield Process(process)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


@dataclass
class Lateness:
    """How late the loop was, in ms: by the clock, and by what its own thread was busy with meanwhile.

    The first is also late when other processes have the processor; the second is what we keep others in the loop from.
    """

    clock: list[float] = field(default_factory=list)
    busy: list[float] = field(default_factory=list)

    def add(self, other: Lateness) -> None:
        """Add what another time showed."""
        self.clock += other.clock
        self.busy += other.busy


async def lateness(late: Lateness) -> None:
    """Look a hundred times a second, until cancelled."""
    while True:
        begin, work = time.perf_counter(), time.thread_time()
        await asyncio.sleep(0.01)
        late.clock.append((time.perf_counter() - begin - 0.01) * 1000)
        late.busy.append((time.thread_time() - work) * 1000)


async def work() -> tuple[float, Lateness]:
    """Return the processor time of this process in the measured time, and how late its loop was."""
    late = Lateness()
    watch = asyncio.create_task(lateness(late))
    cpu = time.process_time()
    await asyncio.sleep(SECONDS)
    used = time.process_time() - cpu
    watch.cancel()
    return used, late


@dataclass(frozen=True)
class Watched:
    """CPU (s) and octets of sixteen streams, CPU of none, and how late the loop was with and without them."""

    used: float
    octets: int
    idle: float
    late: Lateness
    calm: Lateness


async def ours(hass: HomeAssistant, entry: NvrConfigEntry) -> Watched:
    """Measure sixteen streams, and before that none."""
    async with serving(hass) as (base, token):
        idle, calm = await work()
        cameras = [f"1/{entry.entry_id}/{number}" for number in range(1, CAMERAS + 1)]
        async with script(WATCHER) as watcher:
            await watcher.tell([base, token, cameras])
            await watcher.hear()
            await asyncio.sleep(WARM)
            await watcher.tell("")
            before = await watcher.hear()
            used, late = await work()
            await watcher.tell("")
            after = await watcher.hear()
    if any(after[key] - before.get(key, 0) < 10_000 for key in after) or len(after) != CAMERAS:
        message = f"not every camera was watched: {after}"
        raise RuntimeError(message)
    return Watched(used, sum(after.values()) - sum(before.values()), idle, late, calm)


async def bare(entry: NvrConfigEntry) -> dict[str, float]:
    """Return CPU and octets of PyAV."""
    live = entry.runtime_data.hub.driver.live
    assert live is not None
    urls = [live.address(number, StreamRole.SUB).with_credentials() for number in range(1, CAMERAS + 1)]
    async with script(BARE, str(SECONDS), str(WARM)) as process:
        await process.tell(urls)
        found: dict[str, float] = await process.hear()
    return found


async def measure(family: Family, hass: HomeAssistant, entry: NvrConfigEntry) -> None:
    """Measure and print."""
    used, octets, idle, late, calm = 0.0, 0, 0.0, Lateness(), Lateness()
    reference = {"cpu": 0.0, "octets": 0.0}
    for _ in range(ROUNDS):
        found = await ours(hass, entry)
        used, octets, idle = used + found.used, octets + found.octets, idle + found.idle
        late.add(found.late)
        calm.add(found.calm)
        for name, value in (await bare(entry)).items():
            reference[name] += value
    row = f"grid.{family.name}"
    # What is compared is the work for one and the same amount of video.
    mine, theirs = (used - idle) / octets * 1e6, reference["cpu"] / reference["octets"] * 1e6
    figure(f"{row}.cpu", mine * 1000, "ms CPU per MB", reference=theirs * 1000, limit=1.3)
    figure(f"{row}.share", (used - idle) / SECONDS / ROUNDS * 100, "% of a core", limit=None)
    figure(f"{row}.video", octets * 8 / SECONDS / ROUNDS / 1e6, "Mbit/s", limit=None)
    figure(f"{row}.loop_busy.p99", percentile(late.busy, 0.99), "ms", limit=10)
    watched, unwatched = percentile(late.clock, 0.99), percentile(calm.clock, 0.99)
    figure(f"{row}.loop_late.p99", watched, "ms", limit=None)
    figure(f"{row}.loop_late.unwatched.p99", unwatched, "ms", limit=None)
    # What others do to the loop it shows while nobody watches, too: the rest is ours.
    figure(f"{row}.loop_late.ours.p99", max(0.0, watched - unwatched), "ms", limit=10)


async def main() -> None:
    """Run each family against its own recorder."""
    for family in chosen():
        options = ("--channels", str(CAMERAS), "--latency-ms", "0", "--days", "1", "--sub-size", "640x360")
        async with recorder(family, *options, "--fps", "15") as nvr, home_assistant() as hass:
            entry = nvr_entry(family, nvr.http_port, await serial_of(family, nvr.http_port))
            entry.add_to_hass(hass)
            if not await hass.config_entries.async_setup(entry.entry_id):
                raise RuntimeError(entry.reason or "the entry was not set up")
            await hass.async_block_till_done()
            await measure(family, hass, entry)


if __name__ == "__main__":
    run(main())
