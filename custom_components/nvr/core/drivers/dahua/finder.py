"""A finder on the recorder: made, asked page by page, closed and destroyed whatever happens (dahua-cgi 9.1, 9.3).

A finder that is not destroyed is lost to everybody until a reboot, and nobody has counted how many there are: one at a
time, and a cancel ends it too.
"""

import asyncio
from contextlib import suppress
from datetime import datetime
from typing import Final, Protocol

from ...errors import NvrBusyError, NvrError, NvrNotFoundError, NvrTimeoutError, NvrUnsupportedError
from ...models import StreamRole
from ...transport.gate import Lane, Priority
from .context import Context
from .held import Held
from .mapping import VIDEO_STREAMS
from .refusals import DahuaRefusalError, is_failing
from .wire import integer
from .wire_find import FINDER, FoundFile, Page, cgi_page, find_condition, find_query, rpc_page

# At so many items a recorder may stop without a word (dahua-cgi 18).
BOUND: Final = 5000
CGI_PAGE: Final = 100
RPC_PAGE: Final = 256
_SMALLEST_PAGE: Final = 8
_TIMEOUT: Final = 30.0
# The whole life of one finder (s).
_LIFE: Final = 120.0
# How each step of its end is sent: apart from what waits in the line of searches, each with its own limit (s).
FAREWELL_LANE: Final[Lane] = "control"
FAREWELL: Final = 5.0


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

    async def end(self, handle: int) -> bool:
        """Close and destroy; False when the recorder did neither: it does not know the handle (any more)."""


def rpc_is_away(context: Context) -> bool:
    """Tell whether RPC2 is known to be missing, if only for a while: what fails then says nothing of the firmware."""
    return context.client.rpc.available is False


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


class _UnsureError(Exception):
    """A listing ended in a refusal: its end in the words of some, or its finder is lost. `likely`: its end."""

    def __init__(self, files: list[FoundFile], *, likely: bool) -> None:
        """Keep what was listed until then."""
        super().__init__("the listing ended in a refusal")
        self.files = files
        self.likely = likely

    def confirms(self, before: _UnsureError) -> bool:
        """Tell whether another finder was refused no earlier, and at what may well be the end."""
        return self.likely and {_mark(file) for file in before.files} <= {_mark(file) for file in self.files}


def _mark(file: FoundFile) -> tuple[datetime, str, str]:
    """Return what stays the same of a file that grows."""
    return file.start, file.stream, file.path


def _unless_failing(error: DahuaRefusalError) -> None:
    """Raise NvrBusyError for a status that speaks of the recorder: it says nothing of what is recorded."""
    if is_failing(error):
        raise NvrBusyError(f"the recorder cannot search now: {error}", retry_after=10.0) from error


class CgiFinder:
    """mediaFileFind.cgi."""

    name = "cgi"
    page = CGI_PAGE

    def __init__(self, context: Context, *, proven: bool = False) -> None:
        """Hold the context; `proven`: the recorder gave finders before."""
        self._context = context
        self._proven = proven
        self._destroyed = False

    async def _ask(self, query: str) -> dict[str, str]:
        return await self._context.client.cgi(FINDER, query, lane="search", timeout=_TIMEOUT)

    async def _part(self, verb: str, handle: int) -> None:
        """Ask for a step of the end; the verbs with `factory.` are refused (dahua-cgi 9.1)."""
        query = f"action={verb}&object={handle}"
        client = self._context.client
        await client.get(FINDER, query, lane=FAREWELL_LANE, priority=Priority.PERSON, timeout=FAREWELL)

    async def create(self) -> int:
        """Return a handle; a refusal means that all are taken where there were some before."""
        self._destroyed = False
        try:
            handle = integer(await self._ask("action=factory.create"), "result")
        except DahuaRefusalError as error:
            _unless_failing(error)
            if self._proven:
                raise NvrBusyError("the recorder has no free finder", retry_after=10.0) from error
            raise NvrUnsupportedError("the recorder cannot be searched") from error
        if not handle:
            raise NvrBusyError("the recorder gave no finder", retry_after=10.0)
        return handle

    async def find(self, handle: int, condition: FileQuestion) -> bool:
        """Begin; a refusal is how the CGI says that nothing is there, while it knows the handle (dahua-cgi 2.5)."""
        stream = VIDEO_STREAMS[condition.role]
        try:
            await self._ask(find_query(handle, condition.channel, condition.start, condition.end, stream))
        except DahuaRefusalError as error:
            _unless_failing(error)
            if await self.end(handle):
                return False
            raise _UnsureError([], likely=False) from None
        return True

    async def next(self, handle: int, count: int) -> Page:
        """Return the next page."""
        return cgi_page(await self._ask(f"action=findNextFile&object={handle}&count={count}"))

    async def end(self, handle: int) -> bool:
        """Close and destroy, once; that one fails does not spare the other."""
        known = self._destroyed
        for verb in () if known else ("close", "destroy"):
            with suppress(NvrError):
                await self._part(verb, handle)
                known, self._destroyed = True, verb == "destroy"
        return known


class RpcFinder:
    """mediaFileFind of RPC2."""

    name = "rpc"
    page = RPC_PAGE

    def __init__(self, context: Context) -> None:
        """Hold the context."""
        self._rpc = context.client.rpc
        self._generation = 0
        self._destroyed = False

    async def create(self) -> int:
        """Return a handle; null, which one recorder gave, is none (dahua-cgi 9.3)."""
        self._destroyed = False
        try:
            handle = (await self._rpc.call("mediaFileFind.factory.create", lane="search", timeout=_TIMEOUT)).result
        except DahuaRefusalError as error:
            _unless_failing(error)
            handle = None
        if isinstance(handle, bool) or not isinstance(handle, int) or not handle:
            raise NvrUnsupportedError("the recorder gives no finder over RPC2")
        self._generation = self._rpc.generation
        return handle

    async def find(self, handle: int, condition: FileQuestion) -> bool:
        """Begin; a plain false, or an unknown name, says that nothing is there (dahua-cgi 9.3, 9.4).

        Raises NvrUnsupportedError for a refusal of another kind: it says nothing of what is recorded.
        """
        stream = VIDEO_STREAMS[condition.role]
        wanted = condition.other or find_condition(condition.channel - 1, condition.start, condition.end, stream)
        try:
            await self._rpc.call(
                "mediaFileFind.findFile", {"condition": wanted}, object=handle, lane="search", timeout=_TIMEOUT
            )
        except NvrNotFoundError:
            return False
        except DahuaRefusalError as error:
            _unless_failing(error)
            if error.code:
                raise NvrUnsupportedError(f"the recorder does not search like this over RPC2 ({error.code})") from error
            return False
        return True

    async def next(self, handle: int, count: int) -> Page:
        """Return the next page."""
        answer = await self._rpc.call(
            "mediaFileFind.findNextFile", {"count": count}, object=handle, lane="search", timeout=_TIMEOUT
        )
        return rpc_page(answer.params)

    async def _part(self, verb: str, handle: int) -> None:
        method = f"mediaFileFind.{verb}"
        await self._rpc.call(method, object=handle, lane=FAREWELL_LANE, priority=Priority.PERSON, timeout=FAREWELL)

    async def end(self, handle: int) -> bool:
        """Close and destroy, once, unless the finder died with its session; one that fails does not spare the other."""
        known = self._destroyed
        for verb in () if known else ("close", "destroy"):
            if self._rpc.generation == self._generation:
                with suppress(NvrError):
                    await self._part(verb, handle)
                    known, self._destroyed = True, verb == "destroy"
        return known


class Finders:
    """All searches for files of one recorder; one finder at a time."""

    def __init__(self, context: Context) -> None:
        """Hold the context."""
        self._context = context
        self._turn = asyncio.Lock()
        self._held = Held()
        self._cgi_proven = False

    async def files(self, question: FileQuestion) -> tuple[list[FoundFile], bool]:
        """Return all files of a window as listed, and whether the recorder stopped at its bound.

        Raises NvrUnsupportedError where neither RPC2 nor the CGI searches, and what asking raises.
        """
        return await self._held.use(self._in_turn(question))

    async def close(self) -> None:
        """End what is under way (NvrUnreachableError) and give back its finder; safe to call twice."""
        await self._held.close()

    async def _in_turn(self, question: FileQuestion) -> tuple[list[FoundFile], bool]:
        async with self._turn:
            # One that is still being given back counts.
            await self._held.all_given_back()
            if question.other is not None:
                return await self._again(RpcFinder(self._context), question)
            return await self._by_known_way(question)

    async def _by_known_way(self, question: FileQuestion) -> tuple[list[FoundFile], bool]:
        """Ask RPC2, else the CGI. One way is learned by files that it found, and the CGI where RPC2 was there too."""
        quirks, refused = self._context.quirks, False
        if quirks.finder != CgiFinder.name and not rpc_is_away(self._context):
            try:
                found = await self._again(RpcFinder(self._context), question)
            except NvrUnsupportedError:
                refused = not rpc_is_away(self._context)
            else:
                if found[0]:
                    quirks.finder = RpcFinder.name
                return found
        proven = self._cgi_proven or quirks.finder == CgiFinder.name
        found = await self._again(CgiFinder(self._context, proven=proven), question)
        self._cgi_proven = True
        if refused and found[0] and quirks.finder is None:
            quirks.finder = CgiFinder.name
        return found

    async def _again(self, finder: Finder, question: FileQuestion) -> tuple[list[FoundFile], bool]:
        """Begin anew once when the handle died in the middle: with its session, or in a reboot (dahua-cgi 15.2)."""
        before: _UnsureError | None = None
        try:
            return await self._all(finder, question)
        except _UnsureError as error:
            before = error
        except NvrBusyError as error:
            if error.retry_after is not None:
                raise
        try:
            return await self._all(finder, question)
        except _UnsureError as error:
            if before is not None and error.confirms(before):
                return error.files, False
            raise NvrBusyError("the recorder gave up the search before its end was told") from None

    async def _all(self, finder: Finder, question: FileQuestion) -> tuple[list[FoundFile], bool]:
        try:
            async with asyncio.timeout(_LIFE):
                async with self._held.hold(finder.create(), finder.end) as handle:
                    return await self._pages(finder, handle, question)
        except TimeoutError:
            raise NvrTimeoutError("the search did not end in time") from None

    async def _pages(self, finder: Finder, handle: int, question: FileQuestion) -> tuple[list[FoundFile], bool]:
        self._context.count("searches")
        files: list[FoundFile] = []
        if not await finder.find(handle, question):
            return files, False
        quirks, count, last = self._context.quirks, finder.page, 0
        if quirks.search_page is not None:
            count = min(count, quirks.search_page)
        while len(files) < BOUND:
            self._context.count("search_pages")
            try:
                page = await finder.next(handle, count)
            except DahuaRefusalError:
                if last:
                    # The end, in the words of some; so is told too that the handle is not known any more.
                    known = await finder.end(handle)
                    if known and last < count:
                        return files, False
                    raise _UnsureError(files, likely=known) from None
                # A page too large for this firmware, which only shows at first.
                if count <= _SMALLEST_PAGE:
                    raise
                count //= 2
                continue
            if not page.found:
                return files, False
            if count < finder.page and not last:
                quirks.search_page = count
            files += page.files
            last = page.found
            await self._context.client.transport.gate.after_you("search")
        return files, True
