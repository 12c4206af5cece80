"""A finder on the recorder: made, asked page by page, closed and destroyed whatever happens (dahua-cgi 9.1, 9.3).

A finder that is not destroyed is lost to everybody until a reboot, and nobody has counted how many there are: one at a
time, and a cancel ends it too.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from typing import Final, Protocol

from ...errors import NvrBusyError, NvrError, NvrNotFoundError, NvrTimeoutError, NvrUnsupportedError
from ...models import StreamRole
from .context import Context
from .mapping import VIDEO_STREAMS
from .refusals import DahuaRefusalError
from .wire import integer
from .wire_find import FINDER, FoundFile, Page, cgi_page, find_condition, find_query, rpc_page

# At so many items a recorder may stop without a word (dahua-cgi 18).
BOUND: Final = 5000
CGI_PAGE: Final = 100
RPC_PAGE: Final = 256
_SMALLEST_PAGE: Final = 8
_TIMEOUT: Final = 30.0
# The whole life of one finder, and of its end (s).
_LIFE: Final = 120.0
_FAREWELL: Final = 5.0


class Finder(Protocol):
    """One way to search files."""

    name: str
    page: int

    async def create(self) -> int:
        """Return a handle."""

    async def find(self, handle: int, condition: FileQuestion) -> bool:
        """Begin; False when there is nothing."""

    async def next(self, handle: int, count: int) -> Page:
        """Return the next page; empty at the end."""

    async def end(self, handle: int) -> None:
        """Close and destroy."""


class FileQuestion:
    """What is searched: a 1-based channel, wall digits, a stream; or a whole RPC2 condition of another kind."""

    __slots__ = ("channel", "end", "other", "role", "start")

    def __init__(
        self,
        channel: int,
        start: datetime,
        end: datetime,
        role: StreamRole,
        other: dict[str, object] | None = None,
    ) -> None:
        """Hold it."""
        self.channel = channel
        self.start = start
        self.end = end
        self.role = role
        self.other = other


class CgiFinder:
    """mediaFileFind.cgi."""

    name = "cgi"
    page = CGI_PAGE

    def __init__(self, context: Context) -> None:
        """Hold the context."""
        self._context = context

    async def _ask(self, query: str) -> dict[str, str]:
        return await self._context.client.cgi(FINDER, query, lane="search", timeout=_TIMEOUT)

    async def create(self) -> int:
        """Return a handle; a refusal means that all are taken where there were some before."""
        try:
            handle = integer(await self._ask("action=factory.create"), "result")
        except DahuaRefusalError as error:
            if self._context.quirks.finder == self.name:
                raise NvrBusyError("the recorder has no free finder", retry_after=10.0) from error
            raise NvrUnsupportedError("the recorder cannot be searched") from error
        if not handle:
            raise NvrBusyError("the recorder gave no finder", retry_after=10.0)
        return handle

    async def find(self, handle: int, condition: FileQuestion) -> bool:
        """Begin; 400 is how the CGI says that nothing is there (dahua-cgi 2.5)."""
        stream = VIDEO_STREAMS[condition.role]
        try:
            await self._ask(find_query(handle, condition.channel, condition.start, condition.end, stream))
        except DahuaRefusalError:
            return False
        return True

    async def next(self, handle: int, count: int) -> Page:
        """Return the next page."""
        return cgi_page(await self._ask(f"action=findNextFile&object={handle}&count={count}"))

    async def end(self, handle: int) -> None:
        """Close and destroy; the verbs with `factory.` are refused (dahua-cgi 9.1)."""
        for verb in ("close", "destroy"):
            with suppress(DahuaRefusalError):
                await self._ask(f"action={verb}&object={handle}")


class RpcFinder:
    """mediaFileFind of RPC2."""

    name = "rpc"
    page = RPC_PAGE

    def __init__(self, context: Context) -> None:
        """Hold the context."""
        self._rpc = context.client.rpc
        self._generation = 0

    async def create(self) -> int:
        """Return a handle; null, which one recorder gave, is none (dahua-cgi 9.3)."""
        answer = await self._rpc.call("mediaFileFind.factory.create", lane="search", timeout=_TIMEOUT)
        handle = answer.result
        if isinstance(handle, bool) or not isinstance(handle, int) or not handle:
            raise NvrUnsupportedError("the recorder gives no finder over RPC2")
        self._generation = self._rpc.generation
        return handle

    async def find(self, handle: int, condition: FileQuestion) -> bool:
        """Begin; a plain false says that nothing is there."""
        stream = VIDEO_STREAMS[condition.role]
        wanted = condition.other or find_condition(condition.channel - 1, condition.start, condition.end, stream)
        try:
            await self._rpc.call(
                "mediaFileFind.findFile", {"condition": wanted}, object=handle, lane="search", timeout=_TIMEOUT
            )
        except DahuaRefusalError, NvrNotFoundError:
            return False
        return True

    async def next(self, handle: int, count: int) -> Page:
        """Return the next page."""
        answer = await self._rpc.call(
            "mediaFileFind.findNextFile", {"count": count}, object=handle, lane="search", timeout=_TIMEOUT
        )
        return rpc_page(answer.params)

    async def end(self, handle: int) -> None:
        """Close and destroy, unless the finder died with its session."""
        for verb in ("close", "destroy"):
            if self._rpc.generation == self._generation:
                with suppress(DahuaRefusalError, NvrNotFoundError):
                    await self._rpc.call(f"mediaFileFind.{verb}", object=handle, lane="search", timeout=_FAREWELL)


@asynccontextmanager
async def _open(finder: Finder) -> AsyncIterator[int]:
    """Hold a finder. Neither a cancel while it is made nor one later leaves it behind."""
    making = asyncio.ensure_future(finder.create())
    try:
        handle = await asyncio.shield(making)
    except asyncio.CancelledError:
        await _insist(_abandon(finder, making))
        raise
    try:
        yield handle
    finally:
        await _insist(finder.end(handle))


async def _abandon(finder: Finder, making: asyncio.Future[int]) -> None:
    await finder.end(await making)


async def _insist(work: Awaitable[None]) -> None:
    """Do it within its own time even while being cancelled; that it fails is no news for the searcher."""

    async def bounded() -> None:
        with suppress(NvrError, TimeoutError):
            async with asyncio.timeout(_FAREWELL):
                await work

    task = asyncio.ensure_future(bounded())
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait((task,))
        raise


class Finders:
    """All searches for files of one recorder; one finder at a time."""

    def __init__(self, context: Context) -> None:
        """Hold the context."""
        self._context = context
        self._turn = asyncio.Lock()

    async def files(self, question: FileQuestion) -> tuple[list[FoundFile], bool]:
        """Return all files of a window as listed, and whether the recorder stopped at its bound.

        Raises NvrUnsupportedError where neither RPC2 nor the CGI searches, and what asking raises.
        """
        async with self._turn:
            if question.other is not None:
                return await self._all(RpcFinder(self._context), question)
            return await self._by_known_way(question)

    async def _by_known_way(self, question: FileQuestion) -> tuple[list[FoundFile], bool]:
        quirks = self._context.quirks
        if quirks.finder != "cgi" and self._context.client.rpc.available is not False:
            try:
                found = await self._again(RpcFinder(self._context), question)
            except NvrUnsupportedError:
                pass
            else:
                quirks.finder = "rpc"
                return found
        found = await self._again(CgiFinder(self._context), question)
        quirks.finder = "cgi"
        return found

    async def _again(self, finder: Finder, question: FileQuestion) -> tuple[list[FoundFile], bool]:
        """Begin anew once when the handle died in the middle: with its session, or in a reboot (dahua-cgi 15.2)."""
        try:
            return await self._all(finder, question)
        except NvrBusyError as error:
            if error.retry_after is not None:
                raise
        return await self._all(finder, question)

    async def _all(self, finder: Finder, question: FileQuestion) -> tuple[list[FoundFile], bool]:
        try:
            async with asyncio.timeout(_LIFE):
                async with _open(finder) as handle:
                    return await self._pages(finder, handle, question)
        except TimeoutError:
            raise NvrTimeoutError("the search did not end in time") from None

    async def _pages(self, finder: Finder, handle: int, question: FileQuestion) -> tuple[list[FoundFile], bool]:
        self._context.count("searches")
        files: list[FoundFile] = []
        if not await finder.find(handle, question):
            return files, False
        quirks, count = self._context.quirks, finder.page
        if quirks.search_page is not None:
            count = min(count, quirks.search_page)
        while len(files) < BOUND:
            self._context.count("search_pages")
            try:
                page = await finder.next(handle, count)
            except DahuaRefusalError:
                # The end, in the words of some; or a page too large for this firmware, which only shows at first.
                if files:
                    return files, False
                if count <= _SMALLEST_PAGE:
                    raise
                count //= 2
                continue
            if not page.found:
                return files, False
            if count < finder.page and not files:
                quirks.search_page = count
            files += page.files
            await self._context.client.transport.gate.after_you("search")
        return files, True
