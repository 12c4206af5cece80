"""Command line of the demo."""

import argparse
import asyncio
from collections.abc import Sequence
import contextlib
from pathlib import Path
import shutil
import signal
import sys
import tempfile

from . import dashboard, nvr_entry
from .client import OWNER
from .instance import HomeAssistant
from .processes import DemoError, port_is_free
from .simulator import SimulatedNvr
from .smoke import run_smoke

SMOKE_CHANNELS = 4
# Somebody passes a camera every few minutes, and the NVR tells of it; its clock is that of the Home Assistant.
LIVELY = ("--detect", "--incidents", "12", "--utc-offset", "60", "--dst")


def _arguments(words: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/demo", description="A real Home Assistant with a simulated NVR.")
    parser.add_argument(
        "--port",
        type=int,
        default=8123,
        help="where Home Assistant serves (default 8123)",
    )
    parser.add_argument(
        "--channels",
        type=int,
        default=None,
        help="how many cameras (default 8, 4 with --smoke)",
    )
    parser.add_argument(
        "--ha",
        metavar="VERSION",
        help="Home Assistant version (handled by scripts/demo)",
    )
    parser.add_argument(
        "--smoke",
        action="store_true",
        help="check the main job on free ports, then end",
    )
    parser.add_argument(
        "--keep",
        type=Path,
        metavar="FOLDER",
        help="keep configuration and logs in this new folder",
    )
    return parser.parse_args(words)


async def _serve(options: argparse.Namespace, folder: Path) -> int:
    if not port_is_free(options.port):
        message = f"port {options.port} is in use; choose another with --port"
        raise DemoError(message)
    async with contextlib.AsyncExitStack() as stack:
        print("Starting the simulated NVR and Home Assistant ...", flush=True)
        nvr = await SimulatedNvr.start(options.channels or 8, folder, *LIVELY)
        stack.push_async_callback(nvr.stop)
        home = HomeAssistant.prepare(folder / "config", options.port)
        stack.push_async_callback(home.close)
        await home.start()
        await home.create_owner()
        entry = await nvr_entry.add_nvr(home.client, nvr)
        await dashboard.save(home.client, entry)
        print(f"\n  Open   http://127.0.0.1:{options.port}/nvr-demo/cameras")
        print(f"  Login  {OWNER['username']} / {OWNER['password']}")
        print(f"  NVR    127.0.0.1:{nvr.http_port}, control port {nvr.control_port}")
        print("\nCtrl-C ends everything.", flush=True)
        try:
            await asyncio.Event().wait()
        finally:
            print("\nEnding ...", flush=True)
    return 0


def _end_on_signals() -> None:
    """Let Ctrl-C and a polite kill end the run at any moment as a cancellation: what was started is ended in order."""
    task = asyncio.current_task()
    assert task is not None
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)


async def _main(options: argparse.Namespace) -> int:
    _end_on_signals()
    folder = options.keep or Path(tempfile.mkdtemp(prefix="nvr-demo-"))
    folder.mkdir(parents=True, exist_ok=True)
    try:
        if options.smoke:
            return await run_smoke(folder, options.channels or SMOKE_CHANNELS)
        return await _serve(options, folder)
    except DemoError as err:
        print(f"demo: {err}", file=sys.stderr)
        return 1
    except asyncio.CancelledError:
        return 130 if options.smoke else 0
    finally:
        if options.keep is None:
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(asyncio.run(_main(_arguments(sys.argv[1:]))))
