"""Child processes of the demo: started in their own group, read line by line, always ended."""

import asyncio
from collections.abc import Mapping, Sequence
import contextlib
from dataclasses import dataclass, field
import os
from pathlib import Path
import signal
import socket
import sys

ROOT = Path(__file__).resolve().parents[2]
STOP_TIMEOUT = 15.0


class DemoError(Exception):
    """Something the person at the terminal has to know."""


def free_port() -> int:
    """Return a TCP port on the loopback that nobody uses at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def port_is_free(port: int) -> bool:
    """Tell whether the loopback port can be bound."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


@dataclass
class Child:
    """One child process and where its words go."""

    name: str
    arguments: Sequence[str]
    log: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    _process: asyncio.subprocess.Process | None = None

    @property
    def running(self) -> bool:
        """Whether the process is alive."""
        return self._process is not None and self._process.returncode is None

    async def start(self, *, pipe: bool = False) -> None:
        """Start it in a session of its own, so that a Ctrl-C reaches only us and we end it in order."""
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                *self.arguments,
                cwd=ROOT,
                env={**os.environ, **self.environment},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE if pipe else log,
                stderr=log,
                start_new_session=True,
            )

    async def read_line(self, seconds: float) -> str:
        """Return its next line; raises DemoError with the end of its log when it says nothing."""
        if self._process is None or self._process.stdout is None:
            message = f"{self.name} was not started with a pipe"
            raise DemoError(message)
        try:
            async with asyncio.timeout(seconds):
                line = await self._process.stdout.readline()
        except TimeoutError:
            line = b""
        if not line:
            message = f"{self.name} did not start. Its last words:\n{self.tail()}"
            raise DemoError(message)
        return line.decode()

    def tail(self, lines: int = 25) -> str:
        """Return the end of its log."""
        if not self.log.exists():
            return ""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    async def stop(self) -> None:
        """Ask it to end, wait, and kill its group if it does not."""
        process = self._process
        if process is None:
            return
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGTERM)
            try:
                async with asyncio.timeout(STOP_TIMEOUT):
                    await process.wait()
            except TimeoutError:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                await process.wait()
        self._process = None
