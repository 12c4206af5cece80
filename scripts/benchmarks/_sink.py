"""Who reads what is proxied, in a process of its own, and how much memory that takes in ours."""

import asyncio
import gc
import json
from pathlib import Path
import re
import sys
from typing import Any, Self

SIZE = 1 << 30
MIB = 1 << 20
# A clip is without its margins and what no player reads.
LEAST = 0.98
# Reads what is proxied, in a process of its own: tells how much it was and how it begins and ends.
SINK = """
import json, socket, sys
for line in sys.stdin:
    port, path = line.split()
    with socket.create_connection(("127.0.0.1", int(port))) as wire:
        wire.sendall(b"GET %s HTTP/1.0\\r\\n\\r\\n" % path.encode())
        buffer = bytearray(1 << 20)
        head = b""
        while b"\\r\\n\\r\\n" not in head:
            piece = wire.recv(1 << 16)
            if not piece:
                break
            head += piece
        rest = head.partition(b"\\r\\n\\r\\n")[2]
        size, begin, end = len(rest), rest[:64], rest[-8:]
        while count := wire.recv_into(buffer):
            size += count
            if len(begin) < 64:
                begin += bytes(buffer[: 64 - len(begin)])
            end = (end + bytes(buffer[max(0, count - 8) : count]))[-8:]
    print(json.dumps({"status": head[9:12].decode(), "size": size, "begin": begin.hex(), "end": end.hex()}), flush=True)
"""


class Sink:
    """The process at the other end."""

    def __init__(self, process: asyncio.subprocess.Process, port: int) -> None:
        """Take the process and the port of our proxy."""
        self._process = process
        self._port = port

    @classmethod
    async def start(cls, port: int) -> Self:
        """Start the process."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", SINK, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
        )
        return cls(process, port)

    async def stop(self) -> None:
        """End the process."""
        self._process.kill()
        await self._process.wait()

    async def fetch(self, path: str) -> dict[str, Any]:
        """Let it read one path to the end; return what came."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{self._port} {path}\n".encode())
        found: dict[str, Any] = json.loads(await self._process.stdout.readline())
        return found


def memory(key: str) -> int:
    """Return a figure of our own memory in bytes."""
    found = re.search(rf"^{key}:\s+(\d+) kB$", Path("/proc/self/status").read_text(), re.MULTILINE)
    assert found is not None
    return int(found[1]) * 1024


class Growth:
    """How many bytes of memory a block took at its height beyond what there was before."""

    value = 0

    def __enter__(self) -> Self:
        """Forget the height before."""
        gc.collect()
        Path("/proc/self/clear_refs").write_text("5")
        self._before = memory("VmRSS")
        return self

    def __exit__(self, *_details: object) -> None:
        """Look how high it was."""
        self.value = memory("VmHWM") - self._before
