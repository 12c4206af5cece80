"""Downloads: original files over HTTP in whichever dialect the recorder speaks (hikvision-isapi 10)."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, suppress
from datetime import datetime, timedelta
import random
import time
from typing import Final

from ...errors import (
    NvrBusyError,
    NvrError,
    NvrNotFoundError,
    NvrResponseError,
    NvrTimeoutError,
    NvrUnreachableError,
    NvrUnsupportedError,
)
from ...models import Container, RecordingSegment
from ...transport.http import StreamResponse
from ...transport.xml import whole
from .context import Context
from .refusals import HikvisionRefusalError, classify
from .wire import parse_download_ability
from .wire_search import download_body, download_query, playback_uri, rewrite_uri, uri_start

PATH: Final = "/ISAPI/ContentMgmt/download"
ABILITY: Final = "/ISAPI/ContentMgmt/download/capabilities"
DIALECTS: Final = ("get_body", "post_body", "get_query")
_PACK: Final = b"\x00\x00\x01\xba"
_SNIFF: Final = 64
_ERROR_SIZE: Final = 64 * 1024
_TRIES: Final = 4
# A recorder serves at 20 to 100 Mbit/s; below 64 kB/s after a first minute it never ends (trickle).
_SLOWEST: Final = 64 * 1024
# Requests that follow the last one this closely are refused now and then with a 400 (hikvision-isapi 10).
_BACK_TO_BACK: Final = 5.0
# Of a file the part from there on is worth a cut by time.
_WORTH_A_CUT: Final = timedelta(seconds=5)


def sniff(head: bytes) -> Container:
    """Tell what bytes are by their beginning; the pack header may follow a private one of up to 40 bytes."""
    if head[4:8] == b"ftyp":
        return Container.MP4
    if head.startswith(b"\xff\xd8\xff"):
        return Container.JPEG
    if head.startswith(b"IMKH") or _PACK in head[:_SNIFF]:
        return Container.MPEG_PS
    return Container.UNKNOWN


class HikvisionDownload:
    """Original bytes on their way."""

    def __init__(
        self,
        head: list[bytes],
        stream: StreamResponse,
        *,
        size: int | None,
        grace: float,
        monotonic: Callable[[], float],
        start: datetime | None = None,
        wanted: Callable[[], bool] = lambda: False,
    ) -> None:
        """Take what was read to sniff, and the rest; after `grace` seconds of waiting it must not trickle.

        `start`: when its first frame was recorded. `wanted`: tells whether somebody waits for the lane.
        """
        self._head = head
        self._stream = stream
        self._grace = grace
        self._monotonic = monotonic
        self.container = sniff(b"".join(head)[:_SNIFF])
        self.size = size
        self.start = start
        self._wanted = wanted

    @property
    def wanted(self) -> bool:
        """Whether somebody else waits for a download."""
        return self._wanted()

    def __aiter__(self) -> AsyncIterator[bytes]:
        """Yield the bytes; raises NvrResponseError when they end too early, NvrTimeoutError when they trickle."""
        return self._kept()

    def lent(self) -> AsyncIterator[bytes | memoryview]:
        """Yield the bytes, each piece good until the next one is asked for; raises as they are iterated."""
        return self._chunks(self._stream.lend)

    async def _kept(self) -> AsyncGenerator[bytes]:
        async for chunk in self._chunks(self._stream.read):
            yield bytes(chunk)

    async def _chunks(self, read: Callable[[], Awaitable[bytes | memoryview]]) -> AsyncGenerator[bytes | memoryview]:
        begun, received = self._monotonic(), 0
        for first in self._head:
            received += len(first)
            yield first
        waited = 0.0
        while True:
            asked = self._monotonic()
            chunk = await read()
            # Only the recorder's time counts: a slow reader is no trickle.
            waited += self._monotonic() - asked
            if not chunk:
                break
            received += len(chunk)
            if waited > self._grace and received < waited * _SLOWEST:
                message = f"the download trickles: {received} bytes in {self._monotonic() - begun:.0f} s"
                raise NvrTimeoutError(message)
            yield chunk
        if self.size is not None and received < self.size:
            message = f"the download ended after {received} of {self.size} bytes"
            raise NvrResponseError(message)


class Downloads:
    """Downloads of one recorder, one at a time."""

    # Requests that follow one another closely are refused more often than long ones that are left (hikvision-isapi 10).
    piece = None

    def __init__(
        self,
        context: Context,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        monotonic: Callable[[], float] = time.monotonic,
        *,
        idle: float = 30.0,
        grace: float = 60.0,
    ) -> None:
        """Hold the context; `sleep` waits between tries.

        In seconds: `idle` is the longest wait for more bytes, `grace` how long a slow beginning is borne.
        """
        self._context = context
        self._sleep = sleep
        self._monotonic = monotonic
        self._idle = idle
        self._grace = grace
        self._ended: float | None = None
        self._ability_asked = False
        self._cuts = False

    async def begins(self, segment: RecordingSegment) -> datetime:
        """Return where the bytes would begin: a file that is given by name comes whole (hikvision-isapi 10)."""
        await self._ask_ability()
        begin = self._file_begin(segment)
        return segment.span.start if begin is None or self._by_time_first(segment) else begin

    def _file_begin(self, segment: RecordingSegment) -> datetime | None:
        """Return when the file begins that a segment is a part of; None where its locator does not say."""
        digits = uri_start(segment.locator) if segment.locator else None
        if digits is None:
            return None
        begin = self._context.playback_clock().from_wire(digits)
        # Of an hour that occurs twice the first is told: a file does not begin behind its parts.
        return begin if begin <= segment.span.start else None

    def _by_time_first(self, segment: RecordingSegment) -> bool:
        """Tell whether a part had better be asked for by time, where the recorder says that it can cut."""
        if self._context.quirks.download_by == "time":
            return True
        begin = self._file_begin(segment)
        return self._cuts and begin is not None and segment.span.start - begin >= _WORTH_A_CUT

    def open(self, segment: RecordingSegment) -> AbstractAsyncContextManager[HikvisionDownload]:
        """Open the download of the file a segment lies in; leaving the context closes it (hikvision-isapi 10)."""
        return self._open(segment)

    @asynccontextmanager
    async def _open(self, segment: RecordingSegment) -> AsyncGenerator[HikvisionDownload]:
        await self._ask_ability()
        async with AsyncExitStack() as stack:
            try:
                yield await self._begin(stack, segment)
            finally:
                self._ended = self._monotonic()

    async def _ask_ability(self) -> None:
        """Ask once whether files are given by name or by time."""
        quirks = self._context.quirks
        if self._ability_asked or quirks.download_by == "time":
            return
        with suppress(NvrResponseError, NvrBusyError):
            body = await self._context.client.optional(ABILITY)
            if body is not None:
                ability = parse_download_ability(body)
                self._cuts = bool(ability.by_time)
                if ability.by_name is False and ability.by_time and quirks.download_by is None:
                    quirks.download_by = "time"
        self._ability_asked = True

    def _addresses(self, segment: RecordingSegment) -> list[tuple[str, str]]:
        """Return the playback addresses to try, the one that is known to work first."""
        context = self._context
        host, port = context.rtsp_host, context.rtsp_port
        found: dict[str, str] = {}
        if segment.locator:
            with suppress(NvrResponseError):  # what has no name that is one has its time all the same
                found["name"] = rewrite_uri(segment.locator, host, port)
        wire, track = context.playback_clock(), context.track(segment.channel, segment.role)
        start, end = wire.to_wire(segment.span.start), wire.to_wire(segment.span.end)
        found["time"] = playback_uri(host, port, track, start, end)
        known = "time" if self._by_time_first(segment) else context.quirks.download_by
        return sorted(found.items(), key=lambda item: item[0] != known) if known else list(found.items())

    async def _begin(self, stack: AsyncExitStack, segment: RecordingSegment) -> HikvisionDownload:
        """Return a download whose first bytes are here, in the first dialect that gives some."""
        error: NvrError | None = None
        addresses = self._addresses(segment)
        cut = self._cuts and len(addresses) > 1 and addresses[0][0] == "time"
        for by, uri in addresses:
            for dialect in self._dialects():
                try:
                    download = await self._insist(stack, dialect, uri)
                except (HikvisionRefusalError, NvrUnsupportedError, NvrNotFoundError) as refusal:
                    error = error or refusal
                    continue
                quirks = self._context.quirks
                quirks.download_dialect = dialect
                if not cut:  # else it says nothing of whole files
                    quirks.download_by = by
                self._cuts = self._cuts and (by == "time" or not cut)
                download.start = self._begin_of(segment, download, by)
                return download
        if error is None:
            message = "there is nothing to download"
            raise NvrNotFoundError(message)
        raise error

    def _begin_of(self, segment: RecordingSegment, download: HikvisionDownload, by: str) -> datetime | None:
        """Return when that begins which comes: the whole file, for all that a part was asked for, has its size."""
        whole = segment.size is not None and download.size is not None and download.size >= segment.size
        begin = self._file_begin(segment)
        if begin is None or (by == "time" and not whole):
            return segment.span.start.replace(microsecond=0)
        return begin

    def _dialects(self) -> tuple[str, ...]:
        known = self._context.quirks.download_dialect
        return (known,) if known in DIALECTS else DIALECTS

    async def _insist(self, stack: AsyncExitStack, dialect: str, uri: str) -> HikvisionDownload:
        """Try one dialect; again after a drop before the first byte, and after a 400 that only means "too soon"."""
        dropped = False
        for left in range(_TRIES - 1, -1, -1):
            own = AsyncExitStack()
            try:
                download = await self._first_bytes(own, dialect, uri)
            except HikvisionRefusalError as error:
                await own.aclose()
                if not left or not self._too_soon(error):
                    raise
                await self._sleep(random.uniform(1.0, 2.0) * (_TRIES - left))  # noqa: S311 - spreads retries
            except NvrUnreachableError, NvrResponseError:
                await own.aclose()
                if dropped:
                    raise
                dropped = True
            except BaseException:
                await own.aclose()
                raise
            else:
                stack.push_async_callback(own.aclose)
                return download
        message = "the recorder closed every download before its first byte"
        raise NvrResponseError(message)

    def _too_soon(self, error: HikvisionRefusalError) -> bool:
        """Tell whether a 400 means that the last download has only just ended."""
        known = self._context.quirks.download_dialect is not None
        recent = self._ended is not None and self._monotonic() - self._ended < _BACK_TO_BACK
        return error.is_bad_request and known and recent

    async def _first_bytes(self, stack: AsyncExitStack, dialect: str, uri: str) -> HikvisionDownload:
        method = "POST" if dialect == "post_body" else "GET"
        path = f"{PATH}?{download_query(uri)}" if dialect == "get_query" else PATH
        data = None if dialect == "get_query" else download_body(uri)
        stream = await stack.enter_async_context(
            self._context.client.stream(method, path, lane="download", data=data, idle_timeout=self._idle)
        )
        head: list[bytes] = []
        length = 0
        while length < _SNIFF:
            chunk = await stream.read()
            if not chunk:
                break
            head.append(chunk)
            length += len(chunk)
        if not head:
            message = "the download ended before its first byte"
            raise NvrResponseError(message)
        await self._refuse_text(b"".join(head), stream)
        size = stream.headers.get("Content-Length", "")
        known = whole(size)
        gate = self._context.client.transport.gate
        return HikvisionDownload(
            head,
            stream,
            size=known,
            grace=self._grace,
            monotonic=self._monotonic,
            wanted=lambda: gate.waiting("download"),
        )

    async def _refuse_text(self, head: bytes, stream: StreamResponse) -> None:
        """Raise what an answer says that is words instead of footage, for all its 200 (hikvision-isapi 2.4)."""
        begin = head.lstrip(b"\xef\xbb\xbf \t\r\n")
        if not begin.startswith((b"<", b"{")):
            return
        body = head
        while len(body) < _ERROR_SIZE and (chunk := await stream.read()):
            body += chunk
        error = classify(stream.status, stream.headers, body, self._context.utcnow())
        if error is not None:
            raise error
        message = "the recorder sent text instead of footage"
        raise HikvisionRefusalError(message, status=stream.status)
