"""One search over several channels, of one recorder or of many, page by page in the order of time.

Every channel is read by its own task, a little ahead of what is taken; the recorders' own gates decide how many
requests are really under way. A channel that fails says so and leaves the others alone: what was found is never passed
off as all there is.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Final

from .core.driver import RecordingIndex
from .core.errors import NvrError
from .core.models import RecordingKind, RecordingSegment, StreamRole, TimeSpan
from .search_cursor import Position

# Recorders leave up to a second between the files of one recording, or let them overlap (hikvision-isapi 8).
TOLERANCE: Final = timedelta(seconds=2)
_AHEAD: Final = 40


@dataclass(frozen=True, slots=True)
class ChannelQuery:
    """What to look for in one channel. `key` is the caller's name for it; `resume` where an earlier page ended."""

    key: str
    index: RecordingIndex
    channel: int
    span: TimeSpan
    resume: Position | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """One segment, or several that follow one another; `after` is where a search goes on behind it."""

    span: TimeSpan
    kinds: tuple[RecordingKind, ...]
    parts: int
    open: bool
    size: int | None
    after: Position


@dataclass(slots=True)
class ChannelPage:
    """What one channel had for this page. `resume` is None when there is no more; an error leaves it where it was."""

    key: str
    findings: list[Finding] = field(default_factory=list)
    resume: Position | None = None
    error: NvrError | None = None


async def search_channels(
    queries: Sequence[ChannelQuery],
    *,
    limit: int,
    kinds: frozenset[RecordingKind] | None = None,
    merge: bool = False,
) -> tuple[ChannelPage, ...]:
    """Return the first `limit` findings of all channels together, oldest first, as one page per channel.

    A page with `resume` set and no error has more to tell. Errors of a recorder are kept on its pages; none is raised.
    """
    feeds = [_Feed(query, kinds, merge=merge) for query in queries]
    async with asyncio.TaskGroup() as tasks:
        readers = [tasks.create_task(feed.read()) for feed in feeds]
        await asyncio.gather(*(feed.advance() for feed in feeds))
        for _ in range(limit):
            if (feed := _next(feeds)) is None:
                break
            await feed.take()
        for reader in readers:
            reader.cancel()
    return tuple(feed.finish() for feed in feeds)


def _next(feeds: Iterable[_Feed]) -> _Feed | None:
    waiting = [(feed.head.span.start, number, feed) for number, feed in enumerate(feeds) if feed.head is not None]
    return min(waiting)[2] if waiting else None


class _Feed:
    """One channel's findings on their way; at most `_AHEAD` of them wait."""

    def __init__(self, query: ChannelQuery, kinds: frozenset[RecordingKind] | None, *, merge: bool) -> None:
        self._query = query
        self._kinds = kinds
        self._merge = merge
        self._queue: asyncio.Queue[Finding | None] = asyncio.Queue(_AHEAD)
        self._failure: NvrError | None = None
        self._page = ChannelPage(query.key, resume=query.resume or Position(query.span.start, 0))
        self.head: Finding | None = None

    async def read(self) -> None:
        """Fill the queue; ends with None, also after a failure, which is then kept."""
        found = _segments(self._query, self._kinds)
        try:
            async with aclosing(_joined(found) if self._merge else found) as findings:
                async for finding in findings:
                    await self._queue.put(finding)
        except NvrError as error:
            self._failure = error
        await self._queue.put(None)

    async def advance(self) -> None:
        """Wait for the next finding, or for the end."""
        self.head = await self._queue.get()
        if self.head is None:
            self._page.error = self._failure
            if self._failure is None:
                self._page.resume = None

    async def take(self) -> None:
        """Put the next finding on the page."""
        if self.head is not None:
            self._page.findings.append(self.head)
            self._page.resume = self.head.after
            await self.advance()

    def finish(self) -> ChannelPage:
        """Return the page."""
        return self._page


async def _segments(query: ChannelQuery, kinds: frozenset[RecordingKind] | None) -> AsyncGenerator[Finding]:
    resume = query.resume or Position(query.span.start, 0)
    span = TimeSpan(max(query.span.start, resume.start), query.span.end)
    last, count = resume.start, 0
    async with closing_search(query.index, query.channel, span, kinds=kinds) as segments:
        async for segment in segments:
            start = segment.span.start.replace(microsecond=segment.span.start.microsecond // 1000 * 1000)
            if start < resume.start and query.resume is not None:
                continue
            last, count = (last, count + 1) if start == last else (start, 1)
            if start == resume.start and count <= resume.count:
                continue
            yield _finding(segment, Position(last, count))


@asynccontextmanager
async def closing_search(
    index: RecordingIndex,
    channel: int,
    span: TimeSpan,
    *,
    kinds: frozenset[RecordingKind] | None = None,
    role: StreamRole = StreamRole.MAIN,
) -> AsyncGenerator[AsyncIterator[RecordingSegment]]:
    """Search, and leave nothing under way when the reader stops before the end."""
    segments = index.search(channel, span, kinds=kinds, role=role)
    try:
        yield segments
    finally:
        if isinstance(segments, AsyncGenerator):
            await segments.aclose()


def _finding(segment: RecordingSegment, after: Position) -> Finding:
    return Finding(segment.span, (segment.kind,), 1, segment.open, segment.size, after)


async def _joined(found: AsyncGenerator[Finding]) -> AsyncGenerator[Finding]:
    whole: Finding | None = None
    async with aclosing(found):
        async for part in found:
            if whole is None:
                whole = part
            elif part.span.start <= whole.span.end + TOLERANCE:
                whole = _join(whole, part)
            else:
                yield whole
                whole = part
    if whole is not None:
        yield whole


def _join(whole: Finding, part: Finding) -> Finding:
    sizes = (whole.size, part.size)
    return replace(
        whole,
        span=TimeSpan(whole.span.start, max(whole.span.end, part.span.end)),
        kinds=tuple(sorted({*whole.kinds, *part.kinds})),
        parts=whole.parts + part.parts,
        open=whole.open or part.open,
        size=None if sizes[0] is None or sizes[1] is None else sizes[0] + sizes[1],
        after=part.after,
    )
