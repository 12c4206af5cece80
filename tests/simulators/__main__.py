"""Start a simulator from the command line; it prints one JSON line when it is ready, and ends on SIGTERM or SIGINT."""

import argparse
import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import fields
import json
import signal
import sys

from . import dahua, hikvision
from .control import ControlServer
from .detector import Detector


def _size(text: str) -> tuple[int, int]:
    width, _, height = text.partition("x")
    return int(width), int(height)


def _add_common(add: Callable[..., object], profiles: Iterable[str], profile: str, user: str, password: str) -> None:
    """Add what the command lines of all families share."""
    add("--profile", choices=sorted(profiles), default=profile, help="which firmware to be")
    add("--channels", type=int, help="how many channels; the profile's own number by default")
    add("--host", default="127.0.0.1")
    add("--http-port", type=int, default=0)
    add("--https-port", type=int, help="also answer by TLS; 0 takes any free port")
    add("--rtsp-port", type=int, default=0)
    search = "answer the search of its make by UDP (SADP: units use 37020, DHDiscover: 37810); 0 takes any free port"
    add("--discovery-port", type=int, help=search)
    add("--onvif-port", type=int, help="answer WS-Discovery by UDP; units use 3702")
    add("--control-port", type=int, default=0)
    add("--user", default=user)
    add("--password", default=password)
    add("--name", help="what the recorder calls itself")
    add("--number", type=int, default=1, help="which unit of its kind: changes serial, addresses and footage")
    add("--days", type=float, default=8.0, help="how far back footage reaches")
    add("--utc-offset", type=int, help="minutes east of UTC")
    add("--dst", action=argparse.BooleanOptionalAction, help="daylight saving by the European rule")
    add("--skew", type=float, default=0.0, help="seconds the recorder's clock is ahead")
    add("--latency-ms", type=float, help="fixed time of every request")
    add("--time-scale", type=float, default=1.0, help="how long a reboot takes, as a factor")
    add("--main-size", type=_size, default=(640, 360))
    add("--sub-size", type=_size, default=(320, 180))
    add("--fps", type=int, default=10)
    add("--gop", dest="gop_seconds", type=float, default=2.0, help="seconds from one key frame to the next")
    add("--h264-only", action="store_true")
    add("--incidents", type=float, default=3.0, help="how often something moves before each camera, per hour")
    add("--detect", action="store_true", help="tell of what moves, as it happens")
    add("--offline", type=int, action="append", default=[], metavar="CHANNEL", help="a camera that is not there")
    add("--segments", type=int, help="exactly so many files a channel, for benchmarks")
    add("--bulk", type=int, help="what is downloaded has at least so many bytes, for benchmarks")
    add("--fault", action="append", default=[], metavar="NAME=JSON", help="a switch, e.g. search.page_cap=40")


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulators", description=__doc__)
    families = parser.add_subparsers(dest="family", required=True)
    add = families.add_parser("hikvision", help="a Hikvision recorder").add_argument
    _add_common(add, hikvision.FIRMWARES, "nvr8", hikvision.USER, hikvision.PASSWORD)
    add = families.add_parser("dahua", help="a Dahua recorder or camera").add_argument
    _add_common(add, dahua.FIRMWARES, "nvr5232", dahua.USER, dahua.PASSWORD)
    return parser


def options_of(arguments: argparse.Namespace) -> hikvision.SimulatorOptions | dahua.SimulatorOptions:
    """Return the options that a command line means."""
    kind = hikvision.SimulatorOptions if arguments.family == "hikvision" else dahua.SimulatorOptions
    names = {item.name for item in fields(kind)}
    values = {name: value for name, value in vars(arguments).items() if name in names}
    return kind(**{**values, "offline": tuple(arguments.offline)})


def simulator_of(arguments: argparse.Namespace) -> hikvision.HikvisionSimulator | dahua.DahuaSimulator:
    """Return the recorder a command line means; it does not listen yet."""
    options = options_of(arguments)
    if isinstance(options, hikvision.SimulatorOptions):
        return hikvision.HikvisionSimulator(options)
    return dahua.DahuaSimulator(options)


def parse_fault(text: str) -> tuple[str, object]:
    """Split NAME=JSON; what is no JSON is a text."""
    name, _, value = text.partition("=")
    try:
        return name, json.loads(value)
    except json.JSONDecodeError:
        return name, value


async def serve(arguments: argparse.Namespace) -> None:
    """Run until told to end."""
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    async with simulator_of(arguments) as simulator:
        simulator.apply_faults(dict(parse_fault(text) for text in arguments.fault))
        control = ControlServer(simulator, host=arguments.host)
        await control.start(arguments.control_port)
        ready = {
            "http_port": simulator.http_port,
            "https_port": simulator.https_port,
            "rtsp_port": simulator.rtsp_port,
            "control_port": control.port,
            "serial": simulator.serial,
            "fingerprint": simulator.fingerprint,
        }
        sys.stdout.write(json.dumps(ready) + "\n")
        sys.stdout.flush()
        detecting = asyncio.create_task(Detector(simulator).run()) if arguments.detect else None
        await ended.wait()
        if detecting is not None:
            detecting.cancel()
            await asyncio.gather(detecting, return_exceptions=True)
        await control.stop()


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line."""
    asyncio.run(serve(build_parser().parse_args(arguments)))


if __name__ == "__main__":
    main()
