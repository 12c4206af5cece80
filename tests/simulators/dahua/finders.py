"""mediaFileFind of the simulated unit, by CGI and by RPC2 (dahua-cgi 9; 19, items 9 and 10)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random
from typing import Any

from ..webserver import Request, Response
from .catalogue import Catalogue, DahuaFile
from .conditions import Condition, ConditionError, find, from_params, from_query, item
from .device import DahuaDevice
from .router import Code, Router, RpcError, RpcReply, RpcSession, bad_request, flatten, invalid_request, ok, text

_HANDLES = 1 << 27, (1 << 32) - 1


@dataclass(slots=True, eq=False)
class Finder:
    """One open search. `files` is None until something was found."""

    condition: Condition | None = None
    files: list[DahuaFile] | None = None
    position: int = 0
    pages: int = 0
    closed: bool = False


@dataclass(slots=True)
class FinderPool:
    """The finders of the unit, whoever made them; those of CGI stay until destroyed, or a reboot."""

    device: DahuaDevice
    catalogue: Catalogue
    by_handle: dict[int, Finder] = field(default_factory=dict)
    _rng: Random = field(default_factory=lambda: Random("finders"))
    _items: dict[str, dict[str, Any]] = field(default_factory=dict)

    def create(self) -> int | None:
        """Return the handle of a new finder; None when no more are to be had."""
        counters = self.device.counters
        if len(self.by_handle) >= self.device.faults.find.limit:
            return None
        handle = self._rng.randint(*_HANDLES)
        self.by_handle[handle] = Finder()
        counters.finders_made += 1
        self._count()
        return handle

    def destroy(self, handle: int) -> bool:
        """Forget a finder; False when there is none."""
        known = self.by_handle.pop(handle, None) is not None
        self._count()
        return known

    def forget(self) -> None:
        """Forget all, as a reboot does."""
        self.by_handle.clear()
        self._count()

    def _count(self) -> None:
        counters = self.device.counters
        counters.finders_open = len(self.by_handle)
        counters.max_finders_open = max(counters.max_finders_open, counters.finders_open)

    def search(self, finder: Finder, condition: Condition) -> bool:
        """Begin a search; False when it finds nothing."""
        finder.condition, finder.files = condition, find(self.device, self.catalogue, condition)
        finder.position = finder.pages = 0
        finder.closed = not finder.files
        return bool(finder.files)

    def page(self, finder: Finder, count: int, cap: int) -> list[dict[str, Any]]:
        """Return the next items, none at the end or when nothing was searched for."""
        device = self.device
        if finder.closed or finder.condition is None or finder.files is None:
            return []
        count = max(1, min(count, cap))
        if device.faults.find.short_pages and finder.pages % 2 == 0:
            count = max(1, count * 2 // 3)  # a short page is not yet the end (dahua-cgi 9.1)
        files = finder.files[finder.position : finder.position + count]
        finder.position += len(files)
        finder.pages += 1
        device.counters.search_pages += 1
        device.counters.search_items += len(files)
        return [self._item(file, finder.condition) for file in files]

    def _item(self, file: DahuaFile, condition: Condition) -> dict[str, Any]:
        """Return what is told of a file; rendered once where a benchmark counts the files."""
        if self.device.options.segments is None:
            return item(self.device, file, condition)
        if file.path not in self._items:
            self._items[file.path] = item(self.device, file, condition)
        return self._items[file.path]

    def prepare(self) -> None:
        """Work out and render every file ahead, so that a benchmark measures its client."""
        numbers = [channel.number for channel in self.device.wired()]
        self.catalogue.prepare(numbers)
        always = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
        for number in numbers:
            for file in self.catalogue.files(number, "Main", *always):
                self._item(file, Condition((number,), (always,)))


class FinderPages:
    """mediaFileFind.cgi."""

    def __init__(self, pool: FinderPool) -> None:
        self._pool = pool
        self._device = pool.device

    def register(self, router: Router) -> None:
        """Add the calls."""
        for action, page in (
            ("factory.create", self.create),
            ("findFile", self.find),
            ("findNextFile", self.next),
            ("close", self.close),
            ("destroy", self.destroy),
            ("factory.close", self.wrong),
            ("factory.destroy", self.wrong),
        ):
            router.cgi("mediaFileFind.cgi", action, page, right="playback")

    def _finder(self, request: Request) -> Finder | None:
        handle = request.query.get("object", "")
        return self._pool.by_handle.get(int(handle)) if handle.isdecimal() else None

    def create(self, _request: Request) -> Response:
        """Answer a handle."""
        handle = self._pool.create()
        return bad_request() if handle is None else text(f"result={handle}")

    def find(self, request: Request) -> Response:
        """Answer OK when the window holds anything, else 400 whatever the reason."""
        finder = self._finder(request)
        if finder is None:
            return invalid_request()
        try:
            condition = from_query(self._device, request.query)
        except ConditionError:
            return bad_request()
        return ok() if self._pool.search(finder, condition) else bad_request()

    def next(self, request: Request) -> Response:
        """Answer the next page; items are counted from 0 on each."""
        finder, count = self._finder(request), request.query.get("count", "")
        if finder is None or not count.isdecimal():
            return invalid_request()
        items = self._pool.page(finder, int(count), self._device.faults.find.page_cap)
        if not items and self._device.faults.find.end == "error":
            return bad_request()
        return text([f"found={len(items)}", *flatten(items, "items")])

    def close(self, request: Request) -> Response:
        """End the search; the finder stays."""
        finder = self._finder(request)
        if finder is None:
            return invalid_request()
        finder.closed = True
        return ok()

    def destroy(self, request: Request) -> Response:
        """Give the finder back."""
        handle = request.query.get("object", "")
        known = handle.isdecimal() and self._pool.destroy(int(handle))
        return ok() if known else invalid_request()

    def wrong(self, _request: Request) -> Response:
        """Refuse the verbs that some clients take for the right ones: the finder stays open."""
        return invalid_request()


class FinderMethods:
    """mediaFileFind of RPC2. Handles belong to the session and die with it."""

    def __init__(self, pool: FinderPool) -> None:
        self._pool = pool
        self._device = pool.device

    def register(self, router: Router) -> None:
        """Add the methods."""
        for name, handler in (
            ("factory.create", self.create),
            ("findFile", self.find),
            ("getCount", self.count),
            ("setQueryResultOptions", self.options),
            ("findNextFile", self.next),
            ("close", self.close),
            ("destroy", self.destroy),
        ):
            router.rpc(f"mediaFileFind.{name}", handler, right="playback")

    def _finder(self, handle: int | None, session: RpcSession) -> Finder:
        found = session.objects.get(handle) if handle is not None else None
        if not isinstance(found, Finder):
            raise RpcError(Code.NO_OBJECT)
        return found

    async def create(self, _params: dict[str, Any], _handle: int | None, session: RpcSession) -> RpcReply:
        """Answer a handle in `result`."""
        if self._device.faults.rpc.null_handle:
            return RpcReply(None)
        handle = self._pool.create()
        if handle is None:
            raise RpcError(Code.BUSY, "Component error: busy!")
        session.objects[handle] = self._pool.by_handle[handle]
        session.closers.append(lambda: self._drop(handle))
        return RpcReply(handle)

    def _drop(self, handle: int) -> None:
        self._pool.destroy(handle)

    async def find(self, params: dict[str, Any], handle: int | None, session: RpcSession) -> RpcReply:
        """Answer whether anything was found; a channel that is not there is an error."""
        finder = self._finder(handle, session)
        try:
            condition = from_params(self._device, params)
        except ConditionError:
            raise RpcError(Code.PARAM_INVALID) from None
        return RpcReply(self._pool.search(finder, condition))

    async def count(self, _params: dict[str, Any], handle: int | None, session: RpcSession) -> RpcReply:
        """Answer how many items there are in all."""
        files = self._finder(handle, session).files or []
        return RpcReply(params={"count": len(files)})

    async def options(self, params: dict[str, Any], handle: int | None, session: RpcSession) -> RpcReply:
        """Go on from an offset."""
        finder, wish = self._finder(handle, session), params.get("options")
        if not isinstance(wish, Mapping) or not isinstance(wish.get("offset"), int) or wish["offset"] < 0:
            raise RpcError(Code.PARAM_INVALID)
        finder.position = wish["offset"]
        return RpcReply()

    async def next(self, params: dict[str, Any], handle: int | None, session: RpcSession) -> RpcReply:
        """Answer the next page under the key of this firmware, null behind the end."""
        finder, count = self._finder(handle, session), params.get("count")
        if not isinstance(count, int) or count <= 0:
            raise RpcError(Code.PARAM_INVALID)
        items = self._pool.page(finder, count, self._device.faults.find.rpc_page_cap)
        return RpcReply(params={"found": len(items), self._device.firmware.find_key: items or None})

    async def close(self, _params: dict[str, Any], handle: int | None, session: RpcSession) -> RpcReply:
        """End the search; the finder stays."""
        self._finder(handle, session).closed = True
        return RpcReply()

    async def destroy(self, _params: dict[str, Any], handle: int | None, session: RpcSession) -> RpcReply:
        """Give the finder back."""
        self._finder(handle, session)
        assert handle is not None
        del session.objects[handle]
        self._pool.destroy(handle)
        return RpcReply()


def register(router: Router, device: DahuaDevice) -> None:
    """Plug mediaFileFind into the unit."""
    pool = FinderPool(device, Catalogue(device.footage, device.firmware))
    if device.options.segments is not None:
        pool.prepare()
    device.on_boot.append(pool.forget)
    device.lose_finders = pool.forget
    FinderPages(pool).register(router)
    FinderMethods(pool).register(router)
