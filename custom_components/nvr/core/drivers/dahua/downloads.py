"""Downloads over HTTP: whole files exactly, clips by time where the recorder proved it can cut (dahua-cgi 11)."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import quote

from ...errors import NvrBusyError, NvrError, NvrNotFoundError, NvrResponseError, NvrUnsupportedError
from ...models import Container, RecordingSegment, TimeSpan
from ...transport.http import StreamResponse
from .context import SUBTYPES, Context
from .dhav import DhavFilter, Reading, Window
from .refusals import DahuaRefusalError, classify
from .wire import is_error_body
from .wire_find import FoundFile, parse_locator, stamp

LOADFILE: Final = "loadfile.cgi"
RPC_LOADFILE: Final = "RPC_Loadfile"
BY_FILE: Final = "file"
BY_TIME: Final = "clip"
_ENCODED, _RAW = "encoded", "raw"

_SECOND: Final = timedelta(seconds=1)
# A clip is cut around its margin, for it may begin a group of pictures late (dahua-cgi 11.3).
_MARGIN: Final = timedelta(seconds=5)
# What is before the asked moment back to its key frame belongs to a clip.
_GROUP: Final = timedelta(seconds=4)
# What begins up to so much late may have begun with its group of pictures.
_LATE: Final = timedelta(seconds=3)
_ROUNDS: Final = 3
_DRAINED: Final = 64 * 1024 * 1024
# Digits of a frame may lie that much before the file's beginning in the list.
_TOLERANCE: Final = timedelta(seconds=12)
# Footage may end a group of pictures before the second the list names.
_END_TOLERANCE: Final = timedelta(seconds=15)
# The list may count what the download leaves out: an index of the file.
_LISTED_TOLERANCE: Final = 64 * 1024
_FIVE_MINUTES: Final = 300
_SNIFFED: Final = 8
_ERROR_SIZE: Final = 4096
# What may stand before the first frame: a preamble of 8 to 13 kB, an index of 1 kB, a JSON part (dahua-cgi 11).
_MOST_JUNK: Final = 32 * 1024 * 1024
# A part of a file so small that a cut saves much.
_SMALL_PART: Final = 0.25
_TRIES: Final = 3


@dataclass(frozen=True, slots=True)
class _Cut:
    """A cut by time: what is asked for, and what has to be in it."""

    asked: TimeSpan
    needed: TimeSpan

    def after(self, opened: datetime) -> _Cut | None:
        """Return what to ask for instead when a cut began at `opened`, None when it holds what it has to.

        Recorders seek by bytes: the end is off by as much as the beginning (dahua-cgi 11.3).
        """
        miss = opened - self.asked.start
        start, end = self.asked.start, self.asked.end
        if opened > self.needed.start + _LATE:
            start -= max(miss, _MARGIN)
        if end + min(miss, timedelta(0)) < self.needed.end:
            end += _MARGIN - min(miss, timedelta(0))
        asked = TimeSpan(start, end)
        return None if asked == self.asked else _Cut(asked, self.needed)


@dataclass(frozen=True, slots=True)
class _Way:
    """One way to the bytes: target and query, what to keep, and what must have come in the end."""

    by: str
    path: str
    query: str
    window: Window | None
    ends: datetime | None = None
    listed: int | None = None
    cut: _Cut | None = None
    read: Reading | None = None


class DahuaDownload:
    """Original bytes on their way: whole frames from the first on, or a file of another container as it is."""

    def __init__(self, stream: StreamResponse, way: _Way, wanted: Callable[[], bool] = lambda: False) -> None:
        """Read nothing yet; `begin` does. `wanted` tells whether somebody waits for the lane."""
        self.container = Container.UNKNOWN
        self.size: int | None = None
        self._stream = stream
        self._way = way
        self._filter = DhavFilter(way.window)
        self._head = b""
        self._raw = 0
        self._ended = False
        self._wanted = wanted

    @property
    def start(self) -> datetime | None:
        """When the first frame was recorded, to the second; None before there is one, and in other containers."""
        first, read = self._filter.first, self._way.read
        if first is None or self._way.window is not None:
            return first
        return None if read is None else read(first, None)

    @property
    def wanted(self) -> bool:
        """Whether somebody else waits for a download."""
        return self._wanted()

    @property
    def better(self) -> _Cut | None:
        """What to ask for instead, when this cut is at a wrong place."""
        cut, opened = self._way.cut, self._filter.opened
        return None if cut is None or opened is None else cut.after(opened)

    @property
    def empty(self) -> bool:
        """Whether no byte of it is wanted."""
        return not self._head

    async def drain(self) -> None:
        """Read the rest of a short answer: recorders take it amiss when they are left in the middle (trap 19)."""
        most = self._raw + _DRAINED
        with suppress(NvrError):
            while not self._ended and self._raw < most:
                await self._next()

    async def begin(self) -> None:
        """Read up to the first frame. Raises what the answer says instead of footage (dahua-cgi 2.5, 11.2)."""
        chunk = seen = await self._first()
        self.container = sniff(chunk)
        while chunk and self.container is Container.UNKNOWN:
            self._head = bytes(self._filter.feed(chunk))
            if self._head or self._filter.done or (not self._filter.frames and self._raw > _MOST_JUNK):
                break
            chunk = await self._next()
            if len(seen) < _ERROR_SIZE:
                seen += chunk
        if not chunk:
            self._head = self._filter.close()
        if self.container is not Container.UNKNOWN:
            self._head, self.size = chunk, self._announced()
            return
        if not self._head and self._filter.opened is None:
            raise _nothing(self._stream, seen)
        self.container = Container.DHAV
        announced = self._announced()
        if announced is not None and self._way.window is None and self._is_plain(seen):
            self.size = announced - self._filter.skipped

    async def _next(self) -> bytes:
        chunk = await self._stream.read()
        self._raw += len(chunk)
        self._ended = not chunk
        return chunk

    async def _first(self) -> bytes:
        """Return enough to tell containers apart, less at the end only."""
        head = await self._next()
        while len(head) < _SNIFFED and not self._ended:
            head += await self._next()
        return head

    def _announced(self) -> int | None:
        length = self._stream.headers.get("Content-Length", "")
        return int(length) if length.isdecimal() else None

    @staticmethod
    def _is_plain(seen: bytes) -> bool:
        """Tell whether nothing can stand behind the last frame: no answer in parts."""
        return not seen.startswith(b"--")

    def __aiter__(self) -> AsyncIterator[bytes]:
        """Yield the bytes; raises NvrResponseError when they end too early."""
        return self._kept()

    def lent(self) -> AsyncIterator[bytes | memoryview]:
        """Yield the bytes, each piece good until the next one is asked for; raises as they are iterated."""
        return self._chunks(self._stream.lend)

    async def _kept(self) -> AsyncGenerator[bytes]:
        async for chunk in self._chunks(self._stream.read):
            yield bytes(chunk)

    async def _chunks(self, read: Callable[[], Awaitable[bytes | memoryview]]) -> AsyncGenerator[bytes | memoryview]:
        yield self._head
        self._head = b""
        plain = self.container is not Container.DHAV
        while not self._ended and not self._filter.done:
            chunk = await read()
            self._raw += len(chunk)
            self._ended = not chunk
            if not chunk:
                break
            kept = chunk if plain else self._filter.feed(chunk)
            if kept:
                yield kept
        if not plain:
            if rest := self._filter.close():
                yield rest
            self._check_end()
            if self._way.cut is not None:
                await self.drain()
        elif self.size is not None:
            self._check_size(self.size)
        else:
            self._check_size(self._way.listed, _LISTED_TOLERANCE)

    def _check_end(self) -> None:
        if self._filter.truncated:
            raise NvrResponseError("the download ended within a frame")
        if self._way.window is None:
            self._check_size(self._way.listed, _LISTED_TOLERANCE)
        ends, newest = self._way.ends, self._filter.newest
        if ends is not None and not self._filter.done and (newest is None or newest < ends - _END_TOLERANCE):
            raise NvrResponseError("the recorder ended the download before the end of the footage")

    def _check_size(self, expected: int | None, tolerance: int = 0) -> None:
        if expected is not None and self._raw < expected - tolerance:
            raise NvrResponseError(f"the download ended after {self._raw} of {expected} bytes")


def sniff(head: bytes) -> Container:
    """Tell containers that are no DHAV: files on a card may be plain MP4 (trap 27)."""
    if head[4:8] == b"ftyp":
        return Container.MP4
    if head.startswith(b"\xff\xd8\xff"):
        return Container.JPEG
    if head.startswith(b"\x00\x00\x01\xba"):
        return Container.MPEG_PS
    return Container.UNKNOWN


def _nothing(stream: StreamResponse, seen: bytes) -> NvrError:
    """Return what it means that no frame came."""
    if is_error_body(seen):
        return classify(stream.status, stream.headers, seen) or NvrNotFoundError("nothing is recorded there")
    if not seen.strip():
        return NvrResponseError("the download ended before its first byte")
    return NvrResponseError("the recorder sent something that is no footage")


class Downloads:
    """Downloads of one recorder, one at a time: each costs it a disk (dahua-cgi 11.1)."""

    # After several that were left in the middle some firmware gives out no clip until it is started anew (11.3).
    piece = timedelta(minutes=1)

    def __init__(
        self, context: Context, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep, *, idle: float = 30.0
    ) -> None:
        """Hold the context; `sleep` waits between tries, `idle` (s) is the longest wait for more bytes."""
        self._context = context
        self._sleep = sleep
        self._idle = idle

    def open(self, segment: RecordingSegment) -> AbstractAsyncContextManager[DahuaDownload]:
        """Open the download of a segment, of a part of its file too; leaving the context closes it (dahua-cgi 11).

        Only DHAV is cut as it passes: the file of another container comes whole, and `container` and `size` say so.
        """
        return self._open(segment)

    @asynccontextmanager
    async def _open(self, segment: RecordingSegment) -> AsyncGenerator[DahuaDownload]:
        async with AsyncExitStack() as stack:
            yield await self._begin(stack, segment)

    async def _begin(self, stack: AsyncExitStack, segment: RecordingSegment) -> DahuaDownload:
        """Return a download whose first frame is here, by the first way that gives one."""
        first: NvrError | None = None
        ways = self._ways(segment)
        for number, way in enumerate(ways):
            try:
                download = await self._by(stack, way, is_last=number == len(ways) - 1)
            except (DahuaRefusalError, NvrUnsupportedError, NvrNotFoundError, NvrResponseError) as error:
                first = first or error
                continue
            self._remember(way)
            return download
        is_refused = isinstance(first, DahuaRefusalError | NvrUnsupportedError)
        if is_refused and all(way.cut is None for way in ways):
            # Cuts are left out in the one case only.
            raise NvrUnsupportedError("the clock showed this hour twice, and the recorder cannot cut out one of them")
        raise first or NvrNotFoundError("there is nothing to download")

    async def _by(self, stack: AsyncExitStack, way: _Way, *, is_last: bool) -> DahuaDownload:
        """Return a download by one way; a cut at a wrong place is asked for anew, shifted, as the last resort."""
        for _ in range(_ROUNDS):
            attempt = AsyncExitStack()
            try:
                download = await self._try(attempt, way)
                better = download.better
                if better is None and not download.empty:
                    stack.push_async_exit(attempt.pop_all())
                    return download
                self._context.count("clips_missed")
                await download.drain()
            finally:
                await attempt.aclose()
            if not is_last:
                self._context.quirks.download_by = BY_FILE
                break
            if better is None:
                break
            way = self._cut_way(better, way)
        raise NvrResponseError("the recorder cuts the clip at a wrong place")

    def _remember(self, way: _Way) -> None:
        quirks = self._context.quirks
        if way.by == BY_FILE:
            quirks.file_path_form = _ENCODED if "%" in way.path else quirks.file_path_form or _RAW
        elif quirks.download_by is None:
            quirks.download_by = BY_TIME

    async def _try(self, stack: AsyncExitStack, way: _Way) -> DahuaDownload:
        """Open one way; waits a little where the recorder is busy with another download."""
        for attempt in range(_TRIES):
            self._context.count(f"downloads_by_{way.by}")
            try:
                opened = self._context.client.stream(way.path, way.query, lane="download", idle_timeout=self._idle)
                download = DahuaDownload(await stack.enter_async_context(opened), way, self._is_wanted)
                await download.begin()
            except NvrBusyError:
                await stack.aclose()
                if attempt == _TRIES - 1:
                    raise
                await self._sleep(2.0**attempt)
                continue
            return download
        raise AssertionError

    def _is_wanted(self) -> bool:
        return self._context.client.transport.gate.waiting("download")

    async def begins(self, segment: RecordingSegment) -> datetime:
        """Return where the bytes would begin; what is dropped of a file before its part is on the wire all the same."""
        way = self._ways(segment)[0]
        file = parse_locator(segment.locator)
        if way.cut is not None or file is None:
            return segment.span.start
        return self._context.wall().span_of(file.start, file.end, segment.span).start

    def _ways(self, segment: RecordingSegment) -> list[_Way]:
        """Return the ways to try, the likeliest first: the file is exact, a cut saves what is before it (11.3)."""
        file = parse_locator(segment.locator)
        if file is None:
            return [self._cut(segment, segment.span)]
        wall = self._context.wall()
        listed = wall.span_of(file.start, file.end, segment.span)
        whole = TimeSpan(listed.start, max(listed.end, segment.span.end))
        is_part = segment.span.start > whole.start + _SECOND or segment.span.end < whole.end - _SECOND
        files = self._files(file, segment, whole, is_part=is_part)
        cut = self._cut(segment, whole)
        if cut.cut is not None and not wall.is_plain(cut.cut.asked):
            # A cut may be of the other pass of an hour that occurs twice, and nothing in it would tell.
            return files
        part = segment.span.duration / max(whole.duration, _SECOND)
        by = self._context.quirks.download_by
        if is_part and part < _SMALL_PART and by != BY_FILE:
            # Once more at last, where there is no file to be had and a cut must be asked for anew.
            return [cut, *files, cut]
        return [*files, cut]

    def _files(self, file: FoundFile, segment: RecordingSegment, whole: TimeSpan, *, is_part: bool) -> list[_Way]:
        """Return the file in both spellings of its path, the known one first (dahua-cgi 11.1)."""
        window = self._window(segment.span, whole.start, whole.start) if is_part else None
        read = self._reading(whole.start)
        ends = segment.span.end if is_part and not segment.open else None
        listed = None if segment.open else file.size
        spelled = {_ENCODED: quote(file.path, safe="/"), _RAW: quote(file.path, safe="/[]@")}
        known = self._context.quirks.file_path_form
        forms = sorted(spelled, key=lambda form: form != known) if known in spelled else list(spelled)
        return [
            _Way(BY_FILE, f"{RPC_LOADFILE}{spelled[form]}", "", window, ends=ends, listed=listed, read=read)
            for form in forms
        ]

    def _reading(self, opens: datetime) -> Reading:
        """Return how digits are read; `opens` is when the first frame is of that comes."""
        wall = self._context.wall()
        return lambda digits, last: wall.from_wall(digits, (last or opens) - _TOLERANCE)

    def _window(self, span: TimeSpan, not_before: datetime, opens: datetime) -> Window:
        """Return what to keep: whole seconds of the wall clock, from a key frame shortly before the start on.

        `opens` is when the first frame is of that comes: from there on the order tells the pass of an hour.
        """
        start = max(span.start - _GROUP, not_before)
        return Window(start.replace(microsecond=0), span.end, self._reading(opens))

    def _cut(self, segment: RecordingSegment, whole: TimeSpan) -> _Way:
        """Return a cut by time with a margin, within the file: over its border cuts break off (dahua-cgi 11.3)."""
        span = segment.span
        start, end = max(span.start - _MARGIN, whole.start), min(span.end + _MARGIN, max(whole.end, span.end))
        query = f"&channel={segment.channel}&subtype={SUBTYPES[segment.role]}"
        ends = None if segment.open else span.end
        way = _Way(BY_TIME, LOADFILE, query, self._window(span, span.start - _GROUP, start), ends=ends)
        return self._cut_way(_Cut(TimeSpan(start, end), span), way)

    def _cut_way(self, cut: _Cut, way: _Way) -> _Way:
        """Return the way with the times of a cut; `way` tells channel and stream."""
        wall = self._context.wall()
        start, end = wall.to_wall(cut.asked.start).replace(microsecond=0), wall.to_wall(cut.asked.end)
        end = end.replace(microsecond=0) + _SECOND
        if (start.minute * 60 + start.second) % _FIVE_MINUTES == 0:
            # On whole five minutes some answer with a length and no byte.
            start -= _SECOND
        begin, until = (stamp(moment).replace(" ", "%20") for moment in (start, end))
        place = way.query[way.query.index("&channel=") :]
        query = f"action=startLoad&startTime={begin}&endTime={until}{place}"
        return replace(way, query=query, cut=cut)
