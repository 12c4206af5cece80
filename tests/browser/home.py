"""A demo instance as a process of its own, in the demo's environment: prints one JSON line when it is ready.

`python -m tests.browser.home --channels 2`; ends on SIGTERM, SIGINT or when its standard input is closed.
"""

import argparse
import asyncio
import contextlib
import json
from pathlib import Path
import shutil
import signal
import sys
import tempfile

from scripts.demo_app import dashboard, nvr_entry
from scripts.demo_app.dashboard import Shown
from scripts.demo_app.instance import HomeAssistant
from scripts.demo_app.simulator import simulated_nvrs


async def serve(arguments: argparse.Namespace, folder: Path) -> None:
    """Run simulators and Home Assistant until told to end."""
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    # Whoever started us holds the other end: when he is killed, nothing of ours stays.
    loop.add_reader(sys.stdin, ended.set)
    async with contextlib.AsyncExitStack() as stack:
        nvrs = await stack.enter_async_context(simulated_nvrs(arguments.channels, folder, *arguments.simulator))
        home = HomeAssistant.prepare(folder / "config", None, time_zone=arguments.time_zone)
        stack.push_async_callback(home.close)
        await home.start()
        await home.create_owner()
        shown = [Shown(await nvr_entry.add_nvr(home.client, nvr), nvr) for nvr in nvrs]
        await dashboard.save(home.client, shown)
        ready = {
            "base": home.client.base,
            "tokens": home.client.tokens,
            "nvrs": {
                nvr.kind.family: {
                    "title": entry.title,
                    "device_id": entry.device["id"],
                    "cameras": [camera["entity_id"] for camera in entry.enabled("camera")],
                    "names": list(nvr.kind.cameras[: arguments.channels]),
                    "control_port": nvr.control_port,
                }
                for entry, nvr in ((one.entry, one.nvr) for one in shown)
            },
        }
        sys.stdout.write(json.dumps(ready) + "\n")
        sys.stdout.flush()
        await ended.wait()


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.browser.home", description=__doc__)
    parser.add_argument("--channels", type=int, default=2, help="how many cameras each NVR has")
    parser.add_argument("--time-zone", default="Europe/Amsterdam", help="the time zone of Home Assistant")
    parser.add_argument("--simulator", action="append", default=[], metavar="WORD", help="a word for every simulator")
    folder = Path(tempfile.mkdtemp(prefix="nvr-browser-"))
    try:
        asyncio.run(serve(parser.parse_args(), folder))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
