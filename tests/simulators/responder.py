"""Answering by UDP who is there: what the searches of all makes have in common."""

import asyncio
from collections.abc import Callable
import socket
from typing import Any, override

type Address = tuple[str | Any, int]


class Responder(asyncio.DatagramProtocol):
    """Hears questions at the unit's own address and at a group joined there; never at any other address.

    `answer` makes of a question what is sent back: to whoever asked, or with `to_group` to the group for all to hear.
    """

    def __init__(
        self, host: str, group: str, answer: Callable[[bytes], bytes | None], *, to_group: bool = False
    ) -> None:
        self._host = host
        self._group = group
        self._answer = answer
        self._to_group = to_group
        self._own: asyncio.DatagramTransport | None = None
        self._joined: asyncio.DatagramTransport | None = None
        self.port = 0
        self.asked = 0

    async def start(self, port: int) -> None:
        """Listen; a later start takes the same port again. Several units may share one."""
        self._own = await self._listen(self._host, port or self.port)
        self.port = int(self._own.get_extra_info("sockname")[1])
        self._joined = await self._listen(self._group, self.port)

    async def _listen(self, address: str, port: int) -> asyncio.DatagramTransport:
        made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        made.setblocking(False)
        own = socket.inet_aton(self._host)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, own)
        made.bind((address, port))
        if address == self._group:
            made.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, socket.inet_aton(self._group) + own)
        transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(lambda: self, sock=made)
        return transport

    def stop(self) -> None:
        """Stop listening."""
        for transport in (self._own, self._joined):
            if transport is not None:
                transport.abort()
        self._own = self._joined = None

    @override
    def datagram_received(self, data: bytes, addr: Address) -> None:
        if self._own is None or (answer := self._answer(data)) is None:
            return
        self.asked += 1
        self._own.sendto(answer, (self._group, self.port) if self._to_group else addr)
