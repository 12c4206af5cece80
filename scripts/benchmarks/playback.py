"""From the click to the picture: through our websocket, and (in a module of its own) as HLS.

The simulated recorder answers at once and has encoded the footage before, so what is measured is hardly more than our
own part; nothing is subtracted. The references read the same source to the first picture's packet, in turns with us:
PyAV told to look at nothing first, and PyAV as it is, which probes.
"""

import asyncio
from datetime import UTC, datetime, timedelta
import importlib
import importlib.util
from io import BytesIO
import time
from typing import Any

import av

from custom_components.nvr.core.models import StreamRole, TimeSpan
from custom_components.nvr.media.streaming.frames import Kind
from custom_components.nvr.media_ids import ChannelId
from custom_components.nvr.runtime import NvrConfigEntry
from scripts.benchmarks._common import (
    Recorder,
    figure,
    home_assistant,
    nvr_entry,
    percentile,
    recorder,
    run,
    serial_of,
)
from scripts.benchmarks._families import Family, chosen
from scripts.benchmarks._viewer import Viewer, is_picture, viewing

ROUNDS = 21
BACK = 20.0
APART = 0.3
ACCEPT = ["avc1", "hvc1"]
SHORT = {"rtsp_transport": "tcp", "fflags": "nobuffer", "probesize": "32", "analyzeduration": "0"}
USUAL = {"rtsp_transport": "tcp"}
HLS = "scripts.benchmarks._playback_hls"


def first_packet(url: str, options: dict[str, str]) -> float:
    """Return the seconds PyAV takes to the first picture's packet."""
    begin = time.perf_counter()
    with av.open(url, options=options, timeout=10.0) as container:
        for packet in container.demux(video=0):
            if packet.size:
                break
        return time.perf_counter() - begin


async def reference(entry: NvrConfigEntry, start: datetime, options: dict[str, str]) -> float:
    """Return the seconds PyAV takes for footage from that moment."""
    source = entry.runtime_data.hub.playback
    assert source is not None
    span = TimeSpan(start, start + timedelta(minutes=10))
    request = await source.request(1, span, role=StreamRole.MAIN)
    return await asyncio.to_thread(first_packet, request.address.with_credentials(), options)


def decode(data: bytes) -> None:
    """Decode the first picture, as a browser has to before it paints."""
    with av.open(BytesIO(data), mode="r", format="mp4") as container:
        next(container.decode(video=0))


async def click(viewer: Viewer, camera: str, start: datetime) -> tuple[float, dict[str, Any]]:
    """Return the seconds from the click to the first decoded picture, and what plays."""
    begin = time.perf_counter()
    opened = await viewer.open(kind="playback", camera_id=camera, start=start.timestamp(), accept=ACCEPT)
    number = opened["stream_id"]
    await viewer.until(number, is_picture)
    await asyncio.to_thread(decode, b"".join(frame.payload for _, frame in viewer.seen[number]))
    return time.perf_counter() - begin, opened


async def jump(viewer: Viewer, opened: dict[str, Any], moment: datetime) -> float:
    """Return the seconds from a seek out of the buffer to the first decoded picture there."""
    number, session = opened["stream_id"], opened["session_id"]
    before = len(viewer.seen[number])
    begin = time.perf_counter()
    told = await viewer.ask("session/control", session_id=session, action="seek", value=moment.timestamp())
    low = told["actual_start"] - 0.01
    await viewer.until(number, lambda frame: is_picture(frame) and 0 <= frame.moment / 1000 - low < 60, before)
    run_of = [frame for _, frame in viewer.seen[number][before:] if 0 <= frame.moment / 1000 - low < 60]
    await asyncio.to_thread(decode, b"".join(frame.payload for frame in run_of))
    return time.perf_counter() - begin


def count(init: bytes, parts: list[bytes]) -> int:
    """Return how many pictures there are in fragments."""
    with av.open(BytesIO(init + b"".join(parts)), mode="r", format="mp4") as container:
        return sum(bool(packet.size) for packet in container.demux(video=0))


async def backwards(viewer: Viewer, opened: dict[str, Any], moment: datetime) -> float:
    """Return how many pictures a second a viewer can be shown at -1x without waiting.

    They come in bursts, a piece of footage each: what came before the last burst has to last until that came.
    """
    number, session = opened["stream_id"], opened["session_id"]
    before = len(viewer.seen[number])
    told = {"session_id": session, "action": "speed", "value": -1.0, "at": moment.timestamp()}
    await viewer.ask("session/control", **told)
    until = moment.timestamp() - BACK
    await viewer.until(number, lambda frame: is_picture(frame) and frame.moment / 1000 <= until, before)
    came = [(at, frame) for at, frame in viewer.seen[number][before:] if frame.moment / 1000 < moment.timestamp()]
    init = [frame.payload for _, frame in came if frame.kind is Kind.INIT][-1]
    groups = [(at, frame.payload) for at, frame in came if is_picture(frame)]
    last = max(index for index in range(1, len(groups)) if groups[index][0] - groups[index - 1][0] > APART)
    return count(init, [data for _, data in groups[:last]]) / (groups[last][0] - groups[0][0])


async def measure(family: Family, entry: NvrConfigEntry, viewer: Viewer) -> None:
    """Measure and print."""
    camera = ChannelId(entry.entry_id, 1).format()
    now = datetime.now(UTC).replace(microsecond=0, second=0)
    names = ("click", "click.short", "seek", "seek.short", "usual", "back")
    samples: dict[str, list[float]] = {name: [] for name in names}
    for number in range(-1, ROUNDS):
        first = now - timedelta(hours=3, minutes=7 * number, seconds=-11)
        second = now - timedelta(hours=9, minutes=5 * number, seconds=-17)
        # The simulator encodes what is asked for: let it have done so for all of us.
        for moment in (first, second):
            await reference(entry, moment, SHORT)
        found = {"usual": await reference(entry, first, USUAL)} if number % 4 == 0 else {}
        found["click.short"] = await reference(entry, first, SHORT)
        found["click"], opened = await click(viewer, camera, first)
        found["seek.short"] = await reference(entry, second, SHORT)
        found["seek"] = await jump(viewer, opened, second)
        if number % 10 == 0:
            found["back"] = await backwards(viewer, opened, second) / 1000
        await viewer.ask("session/control", session_id=opened["session_id"], action="close")
        viewer.seen.clear()
        if number >= 0:  # the round before is for what is learned once
            for name, value in found.items():
                samples[name].append(value * 1000)
    report(family, samples)


def report(family: Family, samples: dict[str, list[float]]) -> None:
    """Print what was measured, and PyAV beside it."""
    row = f"playback.{family.name}.websocket"
    for name, limits in {"click": (150, 300), "seek": (300, 300)}.items():
        for part, limit in zip((0.5, 0.95), limits, strict=True):
            figure(f"{row}.{name}.p{part * 100:.0f}", percentile(samples[name], part), "ms", limit=limit)
        short = percentile(samples[f"{name}.short"], 0.5)
        figure(f"{row}.{name}.pyav", percentile(samples[name], 0.5), "ms", reference=short, limit=None)
    figure(f"{row}.backwards", min(samples["back"]), "pictures/s", limit=8, at_least=True)
    usual = percentile(samples["usual"], 0.5)
    figure(f"{row}.click.pyav_probing", percentile(samples["click"], 0.5), "ms", reference=usual, limit=None)


async def websocket(family: Family, nvr: Recorder, serial: str) -> None:
    """Run the part that goes through the websocket, in a Home Assistant of its own."""
    async with home_assistant() as hass:
        entry = nvr_entry(family, nvr.http_port, serial)
        entry.add_to_hass(hass)
        if not await hass.config_entries.async_setup(entry.entry_id):
            raise RuntimeError(entry.reason or "the entry was not set up")
        await hass.async_block_till_done()
        async with viewing(hass) as viewer:
            await measure(family, entry, viewer)


async def main() -> None:
    """Run each family against its own recorder."""
    for family in chosen():
        options = ("--days", "2", "--latency-ms", "0", "--channels", "2")
        async with recorder(family, *options) as nvr:
            serial = await serial_of(family, nvr.http_port)
            await websocket(family, nvr, serial)
        if importlib.util.find_spec(HLS) is not None:
            await importlib.import_module(HLS).measure(family)


if __name__ == "__main__":
    run(main())
