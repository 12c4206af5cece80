"""The simulated NVR of the demo, steered over its control port like any stranger would."""

from dataclasses import dataclass
import json
from pathlib import Path
from typing import Any

import aiohttp

from .processes import Child, DemoError

USERNAME = "admin"
PASSWORD = "nvr-test-pass"  # noqa: S105 - the simulator's login, known to everybody


@dataclass
class SimulatedNvr:
    """A running `python -m tests.simulators hikvision`."""

    child: Child
    http_port: int
    rtsp_port: int
    control_port: int

    @classmethod
    async def start(cls, channels: int, log_dir: Path, *options: str) -> SimulatedNvr:
        """Start it on free ports, with further words for its command line, and wait until it says which."""
        child = Child(
            "The simulated NVR",
            (
                "-m",
                "tests.simulators",
                "hikvision",
                *("--channels", str(channels)),
                *("--http-port", "0", "--rtsp-port", "0", "--control-port", "0"),
                *("--user", USERNAME, "--password", PASSWORD),
                *options,
            ),
            log_dir / "simulator.log",
        )
        await child.start(pipe=True)
        ready = json.loads(await child.read_line(60))
        return cls(child, ready["http_port"], ready["rtsp_port"], ready["control_port"])

    async def control(self, path: str, body: dict[str, Any] | None = None) -> Any:
        """Ask the control port: GET without a body, POST with one."""
        url = f"http://127.0.0.1:{self.control_port}{path}"
        method = "GET" if body is None else "POST"
        async with (
            aiohttp.ClientSession() as session,
            session.request(method, url, json=body) as response,
        ):
            if response.status >= 400:
                message = f"the simulated NVR refused {path}: {await response.text()}"
                raise DemoError(message)
            return await response.json()

    async def power(self, *, on: bool) -> None:
        """Pull the plug or put it back."""
        await self.control("/power", {"on": on})

    async def stop(self) -> None:
        """End the process."""
        await self.child.stop()
