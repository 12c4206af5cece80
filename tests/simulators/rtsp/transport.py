"""Ways for packets to reach a client: inside the RTSP connection, or by UDP."""

import asyncio
from collections.abc import Awaitable, Callable
import contextlib
import os
import socket
from typing import Protocol

type Connected = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Sink(Protocol):
    """Takes the packets of one track."""

    def rtp(self, packet: bytes) -> None:
        """Send a media packet."""

    def rtcp(self, packet: bytes) -> None:
        """Send a report."""

    async def drain(self) -> None:
        """Wait until the client has taken enough. Raises ConnectionError when it is gone."""

    def close(self) -> None:
        """Give back what the sink holds."""


class LastWordsProtocol(asyncio.StreamReaderProtocol):
    """A stream that still gives what a client sent before it hung up with data on the way to it.

    Clients send TEARDOWN and close; the reset that follows must not make the server deaf to the TEARDOWN.
    """

    def __init__(self, reader: asyncio.StreamReader, connected: Connected) -> None:
        super().__init__(reader, connected)
        self._last_words = reader
        self._descriptor = -1

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._descriptor = transport.get_extra_info("socket").fileno()
        super().connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        if exc is not None:
            with contextlib.suppress(OSError):
                while data := os.read(self._descriptor, 1 << 16):
                    self._last_words.feed_data(data)
        super().connection_lost(None)


class InterleavedSink:
    """Packets inside the RTSP connection; the client's reading speed holds the sender back."""

    def __init__(self, writer: asyncio.StreamWriter, channel: int) -> None:
        self.writer = writer
        self._channel = channel

    def _write(self, channel: int, packet: bytes) -> None:
        if not self.writer.is_closing():
            self.writer.write(bytes((0x24, channel & 0xFF)) + len(packet).to_bytes(2) + packet)

    def rtp(self, packet: bytes) -> None:
        """Send a media packet."""
        self._write(self._channel, packet)

    def rtcp(self, packet: bytes) -> None:
        """Send a report."""
        self._write(self._channel + 1, packet)

    async def drain(self) -> None:
        """Wait for the connection's buffer."""
        if self.writer.is_closing():
            raise ConnectionResetError
        await self.writer.drain()

    def close(self) -> None:
        """Do nothing: the connection outlives the session."""


class UdpSink:
    """A pair of UDP sockets for one track."""

    def __init__(self, rtp: socket.socket, rtcp: socket.socket, address: str, ports: tuple[int, int]) -> None:
        self._rtp, self._rtcp = rtp, rtcp
        self._address, self._ports = address, ports

    @property
    def ports(self) -> tuple[int, int]:
        """Own ports, for the answer to SETUP."""
        return self._rtp.getsockname()[1], self._rtcp.getsockname()[1]

    def rtp(self, packet: bytes) -> None:
        """Send a media packet."""
        self._send(self._rtp, packet, self._ports[0])

    def rtcp(self, packet: bytes) -> None:
        """Send a report."""
        self._send(self._rtcp, packet, self._ports[1])

    def _send(self, sender: socket.socket, packet: bytes, port: int) -> None:
        try:
            sender.sendto(packet, (self._address, port))
        except OSError:
            return  # nobody listens there any more, or the buffer is full: UDP loses packets

    async def drain(self) -> None:
        """Give way to others: UDP holds nobody back."""
        await asyncio.sleep(0)

    def close(self) -> None:
        """Close the sockets."""
        self._rtp.close()
        self._rtcp.close()


def open_udp(host: str, address: str, ports: tuple[int, int]) -> UdpSink:
    """Return a sink that sends to a client's two ports, from an even port and the next one. Raises OSError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for _ in range(50):
        rtp = socket.socket(family, socket.SOCK_DGRAM)
        rtcp = socket.socket(family, socket.SOCK_DGRAM)
        try:
            rtp.bind((host, 0))
            port = rtp.getsockname()[1]
            if port % 2 == 0:
                rtcp.bind((host, port + 1))
                rtp.setblocking(False)
                rtcp.setblocking(False)
                return UdpSink(rtp, rtcp, address, ports)
        except OSError:
            pass
        rtp.close()
        rtcp.close()
    raise OSError("no pair of free UDP ports")
