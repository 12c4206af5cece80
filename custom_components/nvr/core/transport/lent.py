"""The body of a long answer past aiohttp's parser: what leaves again as it came need not be copied on its way.

The parser copies each byte once more and makes an object of every packet; a file of a gigabyte is read here into two
buffers in turns. Only bodies that are nothing but bytes can be read so: neither in chunks nor compressed.
"""

import asyncio
from typing import Final, Self

import aiohttp

_SIZE: Final = 1024 * 1024
"""Of each buffer, in bytes: the cheapest of those tried."""


class LentBody(asyncio.BufferedProtocol):
    """What is left of a body. A piece is good until the next one is asked for: then its memory is filled anew."""

    def __init__(self, transport: asyncio.Transport, head: bytes, left: int | None) -> None:
        """Use `take_over`. `left`: how many bytes come behind `head`; None where the connection's end is theirs."""
        self._transport = transport
        self._head = head
        self._left = left
        self._former: asyncio.BaseProtocol | None = None
        self._buffers = (memoryview(bytearray(_SIZE)), memoryview(bytearray(_SIZE)))
        self._filled = 0
        self._paused = False
        self._ended = left == 0
        self._error: Exception | None = None
        self._waiter: asyncio.Future[None] | None = None

    @classmethod
    def take_over(cls, raw: aiohttp.ClientResponse) -> Self | None:
        """Return who reads the rest of the body from now on; None where that takes aiohttp.

        The connection is used up: it has to be closed, which `raw.close` does.
        """
        connection, content = raw.connection, raw.content
        transport = None if connection is None else connection.transport
        if connection is None or transport is None or transport.is_closing() or content.exception() is not None:
            return None
        if "Transfer-Encoding" in raw.headers or "Content-Encoding" in raw.headers:
            return None
        # What the parser holds back comes with what is taken from it.
        head: list[bytes] = []
        while chunk := content.read_nowait():
            head.append(chunk)
        length = raw.content_length
        left = 0 if content.is_eof() else None if length is None else max(0, length - content.total_bytes)
        body = cls(transport, b"".join(head), left)
        if left != 0:
            body._former = connection.protocol
            transport.set_protocol(body)
            transport.resume_reading()
        return body

    async def lend(self) -> bytes | memoryview:
        """Return whatever is there, waiting for at least one byte; empty at the end. The piece before is taken back.

        Raises aiohttp.ClientPayloadError when it is cut off, and what `set_exception` was given.
        """
        if self._head:
            head, self._head = self._head, b""
            return head
        while not self._filled:
            if self._error is not None:
                raise self._error
            if self._ended:
                return b""
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        full, other = self._buffers
        self._buffers = (other, full)
        lent, self._filled = full[: self._filled], 0
        if self._paused and not self._ended:
            self._paused = False
            self._transport.resume_reading()
        return lent

    async def readany(self) -> bytes:
        """Return a copy of what is there, as aiohttp's reader does."""
        return bytes(await self.lend())

    def set_exception(self, error: Exception) -> None:
        """End the read under way and any later one; what came before is read no more."""
        self._error = error
        self._head, self._filled = b"", 0
        self._pause()
        self._wake()

    def get_buffer(self, sizehint: int) -> memoryview:
        """Say where to put what comes: never more than belongs to this body."""
        del sizehint
        room = _SIZE - self._filled
        return self._buffers[0][self._filled :][: room if self._left is None else min(room, self._left)]

    def buffer_updated(self, nbytes: int) -> None:
        """Count what came."""
        self._filled += nbytes
        if self._left is not None:
            self._left -= nbytes
            self._ended = not self._left
        if self._ended or self._filled == _SIZE:
            self._pause()
        self._wake()

    def eof_received(self) -> None:
        """Let the connection close; `connection_lost` tells what that means."""

    def connection_lost(self, exc: Exception | None) -> None:
        """Be through, well or not."""
        if not self._ended and self._left is not None and self._error is None:
            self._error = aiohttp.ClientPayloadError(f"{self._left} bytes did not come")
        self._ended = True
        self._wake()
        if self._former is not None:
            self._former.connection_lost(exc)

    def _pause(self) -> None:
        if not self._paused:
            self._paused = True
            self._transport.pause_reading()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
