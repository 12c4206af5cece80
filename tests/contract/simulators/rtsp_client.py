"""A bare RTSP client for what strangers' players do not show: headers, reports, and the order of things."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
import hashlib
import re
import socket
import struct
from typing import Self

PASSWORD = "nvr-test-pass"


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, list[str]]
    body: bytes = b""

    def __getitem__(self, name: str) -> str:
        return self.headers[name][0]


@dataclass
class RtspClient:
    """Speaks over one connection; packets that come in between are kept by channel."""

    port: int
    reader: asyncio.StreamReader = field(init=False)
    writer: asyncio.StreamWriter = field(init=False)
    packets: list[tuple[int, bytes]] = field(default_factory=list)
    session: str = ""
    challenge: dict[str, str] = field(default_factory=dict)
    password: str = PASSWORD
    receive_buffer: int = 0
    _cseq: int = 0

    async def __aenter__(self) -> Self:
        raw = socket.socket()
        if self.receive_buffer:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self.receive_buffer)
        raw.setblocking(False)
        await asyncio.get_running_loop().sock_connect(raw, ("127.0.0.1", self.port))
        self.reader, self.writer = await asyncio.open_connection(sock=raw)
        return self

    async def __aexit__(self, *_: object) -> None:
        self.writer.close()

    def url(self, path: str) -> str:
        return f"rtsp://127.0.0.1:{self.port}{path}"

    def _authorization(self, method: str, url: str) -> str:
        values = self.challenge

        def digest(text: str) -> str:
            name = "sha256" if values.get("algorithm") == "SHA-256" else "md5"
            return hashlib.new(name, text.encode()).hexdigest()

        first = digest(f"admin:{values['realm']}:{self.password}")
        second = digest(f"{method}:{url}")
        text = f'username="admin", realm="{values["realm"]}", nonce="{values["nonce"]}", uri="{url}"'
        if "algorithm" in values:
            text += f", algorithm={values['algorithm']}"
        if "qop" in values:
            text += ', qop=auth, nc=00000001, cnonce="abc"'
            return f'Digest {text}, response="{digest(f"{first}:{values['nonce']}:00000001:abc:auth:{second}")}"'
        return f'Digest {text}, response="{digest(f"{first}:{values['nonce']}:{second}")}"'

    async def ask(self, method: str, url: str, **headers: str) -> Answer:
        """Send a request and return its answer; a challenge is answered once."""
        answer = await self._ask(method, url, headers)
        if answer.status == 401 and not self.challenge:
            self.challenge = dict(re.findall(r'(\w+)="([^"]*)"', answer["www-authenticate"]))
            answer = await self._ask(method, url, headers)
        return answer

    async def _ask(self, method: str, url: str, headers: dict[str, str]) -> Answer:
        self._cseq += 1
        lines = [f"{method} {url} RTSP/1.0", f"CSeq: {self._cseq}"]
        if self.challenge:
            lines.append(f"Authorization: {self._authorization(method, url)}")
        if self.session:
            lines.append(f"Session: {self.session}")
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        self.writer.write("\r\n".join([*lines, "", ""]).encode())
        while (answer := await self.read()) is None:
            pass
        assert answer["cseq"] == str(self._cseq)
        return answer

    async def read(self) -> Answer | None:
        """Read one message: an answer, or a packet that goes to `packets` (then None)."""
        first = await self.reader.readexactly(1)
        if first == b"$":
            channel, length = struct.unpack(">BH", await self.reader.readexactly(3))
            self.packets.append((channel, await self.reader.readexactly(length)))
            return None
        lines = (first + await self.reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers: dict[str, list[str]] = {}
        for line in filter(None, lines[1:]):
            name, _, value = line.partition(":")
            headers.setdefault(name.lower(), []).append(value.strip())
        length = int(headers.get("content-length", ["0"])[0])
        return Answer(int(lines[0].split()[1]), headers, await self.reader.readexactly(length))

    async def setup(self, path: str) -> list[str]:
        """DESCRIBE and SETUP all tracks inside the connection; return their URLs."""
        answer = await self.ask("DESCRIBE", self.url(path))
        assert answer.status == 200, answer
        controls = re.findall(r"a=control:(\S+/trackID=\d)", answer.body.decode())
        for index, control in enumerate(controls):
            transport = f"RTP/AVP/TCP;unicast;interleaved={index * 2}-{index * 2 + 1}"
            answer = await self.ask("SETUP", control, Transport=transport)
            assert answer.status == 200, answer
            self.session = answer["session"].split(";")[0]
        return controls

    async def collect(self, seconds: float, until: Callable[[list[tuple[int, bytes]]], bool] = lambda _: False) -> None:
        """Read packets for a time, or until a condition holds."""
        try:
            async with asyncio.timeout(seconds):
                while not until(self.packets):
                    await self.read()
        except TimeoutError:
            return

    def rtp(self, channel: int = 0) -> list[tuple[int, int, bytes]]:
        """Return (sequence, timestamp, payload) of a channel's packets."""
        return [(*struct.unpack(">HI", data[2:8]), data[12:]) for number, data in self.packets if number == channel]

    def reports(self, channel: int = 1, *, last: int = 0) -> list[tuple[float, int]]:
        """Return (NTP seconds since 1970, RTP time) of the sender reports; of the last packets only when told."""
        found = []
        for number, data in self.packets[-last:]:
            if number == channel and data[1] == 200:
                seconds, fraction, timestamp = struct.unpack(">III", data[8:20])
                found.append((seconds - 2_208_988_800 + fraction / 2**32, timestamp))
        return found
