"""Command line of the demo."""

import argparse
import asyncio
from collections.abc import Sequence
import contextlib
import json
from pathlib import Path
import shutil
import signal
import sys
import tempfile

from . import dashboard, nvr_entry
from .client import OWNER
from .dashboard import Shown
from .instance import HomeAssistant
from .processes import DemoError, port_is_free
from .recorders import NEGLECTED, NEW
from .simulator import PASSWORD, USERNAME, SimulatedNvr, simulated_nvrs
from .smoke import run_smoke

CHANNELS, SMOKE_CHANNELS, FEW = 3, 4, 2
# Somebody passes a camera every few minutes, and the NVR tells of it; its clock is that of the Home Assistant.
HERE = ("--utc-offset", "60", "--dst")
LIVELY = ("--detect", "--incidents", "12", *HERE)


def _arguments(words: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="scripts/demo", description="A real Home Assistant with simulated NVRs, one of each family."
    )
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
        help="how many cameras each NVR has (default 3, 4 with --smoke)",
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
        print("Starting the simulated NVRs and Home Assistant ...", flush=True)
        channels = options.channels or CHANNELS
        nvrs = await stack.enter_async_context(simulated_nvrs(channels, folder, *LIVELY))
        old = await stack.enter_async_context(simulated_nvrs(FEW, folder, *HERE, kinds=NEGLECTED))
        new = await stack.enter_async_context(simulated_nvrs(1, folder, *LIVELY, kinds=(NEW,)))
        home = HomeAssistant.prepare(folder / "config", options.port)
        stack.push_async_callback(home.close)
        await home.start()
        await home.create_owner()
        shown = [Shown(await nvr_entry.add_nvr(home.client, nvr), nvr) for nvr in nvrs]
        faulty = [Shown(await nvr_entry.add_nvr(home.client, nvr), nvr) for nvr in old]
        await dashboard.save(home.client, shown, faulty)
        print(_welcome(options.port, nvrs, new[0]), flush=True)
        try:
            await asyncio.Event().wait()
        finally:
            print("\nEnding ...", flush=True)
    return 0


def _welcome(port: int, nvrs: Sequence[SimulatedNvr], new: SimulatedNvr) -> str:
    """Return where it is, how to come in, and what to try."""
    lines = [
        "",
        f"  Open   http://127.0.0.1:{port}/nvr-demo/cameras",
        f"  Login  {OWNER['username']} / {OWNER['password']}",
        "  Try    the buttons at the end of the dashboard; what happens is told by our blueprints under Notifications,",
        "         Media > NVR > ... > Yesterday > All day: drag the slider to any time of the day,",
        f"         Settings > Repairs: {' and '.join(kind.name for kind in NEGLECTED)} have faults, told in a minute,",
        "         Settings > Devices & services > NVR; what can be controlled is found out within two minutes,",
        f"         Add integration > NVR: {new.kind.name} is found there (or type 127.0.0.1:{new.http_port}),",
        f"         with the login {USERNAME} / {PASSWORD},",
        "         or steer the NVRs from a shell:",
    ]
    for nvr in nvrs:
        lines += ["", f"  {nvr.kind.name}, http://127.0.0.1:{nvr.http_port}, {USERNAME} / {PASSWORD}"]
        lines += [
            f"    {words:30} curl -d '{json.dumps(dict(body))}' http://127.0.0.1:{nvr.control_port}{path}"
            for words, path, body in (
                (f"somebody comes to '{nvr.kind.cameras[0]}'", "/event", nvr.kind.comes),
                ("... and leaves", "/event", nvr.kind.leaves),
                ("a camera loses its cable", "/channel", {"channel": 1, "online": False}),
                ("the NVR is switched off", "/power", {"on": False}),
                ("... and on", "/power", {"on": True}),
            )
        ]
    lines += ["", "What is gone counts as offline after 30 s. Ctrl-C ends everything."]
    return "\n".join(lines)


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
