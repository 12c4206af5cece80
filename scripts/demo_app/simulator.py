"""The simulated NVRs of the demo, steered over their control ports like any stranger would."""

import asyncio
from collections.abc import AsyncIterator, Sequence
import contextlib
from dataclasses import dataclass, field
import json
from pathlib import Path
import socket
from typing import Any

import aiohttp

from .processes import Child, DemoError
from .recorders import NEGLECTED, NEW, RECORDERS, RecorderKind

USERNAME = "admin"
PASSWORD = "nvr-test-pass"  # noqa: S105 - the simulators' login, known to everybody
# A busy machine may take its time to import what paints the pictures.
START_TIMEOUT = 90.0


@dataclass
class SimulatedNvr:
    """One `python -m tests.simulators FAMILY`; its ports are known once it runs."""

    kind: RecorderKind
    child: Child
    ports: dict[str, int] = field(default_factory=dict)

    @classmethod
    def prepare(cls, kind: RecorderKind, channels: int, log_dir: Path, *options: str) -> SimulatedNvr:
        """Make it with further words for its command line; nothing runs yet."""
        words = (
            *("--channels", str(channels), "--name", kind.name),
            *("--http-port", "0", "--rtsp-port", "0", "--control-port", "0"),
            *("--user", USERNAME, "--password", PASSWORD),
            *options,
        )
        if _may_listen(kind.discovery_port):
            words += ("--discovery-port", str(kind.discovery_port))
        log = log_dir / f"simulator-{kind.name.replace(' ', '-').lower()}.log"
        return cls(kind, Child(f"The simulated {kind.name}", ("-m", "tests.simulators", kind.family, *words), log))

    @property
    def http_port(self) -> int:
        """Where it answers HTTP."""
        return self.ports["http_port"]

    @property
    def control_port(self) -> int:
        """Where it is steered."""
        return self.ports["control_port"]

    async def start(self, channels: int) -> None:
        """Start it on free ports, wait until it says which, and give its cameras their names."""
        await self.child.start(pipe=True)
        ready = json.loads(await self.child.read_line(START_TIMEOUT))
        self.ports = {name: value for name, value in ready.items() if name.endswith("_port")}
        for number, name in enumerate(self.kind.cameras[:channels], start=1):
            await self.control("/channel", {"channel": number, "name": name})
        for path, body in self.kind.wrong:
            await self.control(path, dict(body))

    async def control(self, path: str, body: dict[str, Any] | None = None) -> Any:
        """Ask the control port: GET without a body, POST with one."""
        url = f"http://127.0.0.1:{self.control_port}{path}"
        method = "GET" if body is None else "POST"
        async with (
            aiohttp.ClientSession() as session,
            session.request(method, url, json=body) as response,
        ):
            if response.status >= 400:
                message = f"the simulated {self.kind.name} refused {path}: {await response.text()}"
                raise DemoError(message)
            return await response.json()

    async def power(self, *, on: bool) -> None:
        """Pull the plug or put it back."""
        await self.control("/power", {"on": on})

    async def stop(self) -> None:
        """End the process."""
        await self.child.stop()


def _may_listen(port: int) -> bool:
    """Tell whether somebody who searches can be answered: others may listen there as well, if they share."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


@contextlib.asynccontextmanager
async def simulated_nvrs(
    channels: int,
    log_dir: Path,
    *options: str,
    smoke: bool = False,
    kinds: Sequence[RecorderKind] = RECORDERS,
) -> AsyncIterator[list[SimulatedNvr]]:
    """Run one NVR of each kind with so many cameras each; `options` are words for every simulator."""
    nvrs = []
    for kind in kinds:
        # The number makes footage and what happens differ.
        number = 1 + (*RECORDERS, *NEGLECTED, NEW).index(kind)
        zone = ("--utc-offset", str(kind.smoke_zone), "--no-dst") if smoke else ()
        nvrs.append(SimulatedNvr.prepare(kind, channels, log_dir, "--number", str(number), *zone, *options))
    try:
        await asyncio.gather(*(nvr.start(channels) for nvr in nvrs))
        yield nvrs
    finally:
        await asyncio.gather(*(nvr.stop() for nvr in nvrs))
