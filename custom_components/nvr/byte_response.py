"""Bytes over HTTP, for every view that hands out a file: ranges, HEAD, names, and ends that are no ends.

What breaks off is never a whole answer: the connection is torn, so that the browser keeps no half clip for a whole one.
A viewer who leaves ends what is read for him within a second, whatever it waits for.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from email.utils import format_datetime, parsedate_to_datetime
from http import HTTPStatus
import logging
import re
from typing import Final, NamedTuple
from urllib.parse import quote

from aiohttp import hdrs, web

from .core.errors import NvrError, NvrResponseError
from .media.byte_source import ByteSource

_LOGGER = logging.getLogger(__name__)

_RANGE: Final = re.compile(r"\s*bytes\s*=\s*(\d{0,18})\s*-\s*(\d{0,18})\s*", re.ASCII | re.IGNORECASE)
_UNSAFE: Final = re.compile(r'[\x00-\x1f\x7f"\\/:*?<>|]+')
_LOOK: Final = 0.5
# Behind so many bytes aiohttp waits until the connection has taken what was written.
_AWAITED: Final = 0x10000


class ByteRange(NamedTuple):
    """The bytes `[start, stop)`."""

    start: int
    stop: int


class UnsatisfiableError(Exception):
    """Nothing lies in the range that was asked for."""


def parse_range(text: str, size: int) -> ByteRange | None:
    """Return the range of a `Range` header; None for what is not one range of bytes: then everything is answered.

    Raises UnsatisfiableError for a range behind the end (RFC 9110 14.1.2).
    """
    found = _RANGE.fullmatch(text)
    if found is None or not (found[1] or found[2]):
        return None
    if not found[1]:
        count = min(int(found[2]), size)
        if not count:
            raise UnsatisfiableError
        return ByteRange(size - count, size)
    start, last = int(found[1]), int(found[2]) if found[2] else size - 1
    if found[2] and last < start:
        return None
    if start >= size:
        raise UnsatisfiableError
    return ByteRange(start, min(last + 1, size))


def content_disposition(name: str, *, inline: bool = False) -> str:
    """Return the header that names a file, safe for every system; letters beyond ASCII as RFC 6266 has them."""
    clean = _UNSAFE.sub("_", name).strip(" .")[:200] or "file"
    plain = clean.encode("ascii", "replace").decode().replace("?", "_")
    text = f'{"inline" if inline else "attachment"}; filename="{plain}"'
    return text if plain == clean else f"{text}; filename*=UTF-8''{quote(clean, safe='')}"


async def respond(
    request: web.Request,
    source: ByteSource,
    *,
    name: str | None = None,
    inline: bool = False,
    headers: Mapping[str, str] | None = None,
) -> web.StreamResponse:
    """Answer a GET or HEAD with the bytes, or with the part that was asked for.

    `name`: under which it is saved (or, `inline`, shown). HEAD opens nothing. What fails before the first byte raises
    NvrError; what fails after it, or ends early, breaks the connection off, and the log says so.
    """
    answer = dict(headers or {})
    answer.setdefault(hdrs.CACHE_CONTROL, "no-store")
    answer["X-Content-Type-Options"] = "nosniff"
    answer[hdrs.ACCEPT_RANGES] = "bytes" if source.ranges else "none"
    if name is not None:
        answer[hdrs.CONTENT_DISPOSITION] = content_disposition(name, inline=inline)
    if source.etag is not None:
        answer[hdrs.ETAG] = f'"{source.etag}"'
    if source.modified is not None:
        answer[hdrs.LAST_MODIFIED] = format_datetime(source.modified, usegmt=True)
    if _is_known(request, source):
        return web.Response(status=HTTPStatus.NOT_MODIFIED, headers=answer)
    try:
        part = _wanted(request, source)
    except UnsatisfiableError:
        answer[hdrs.CONTENT_RANGE] = f"bytes */{source.size}"
        return web.Response(status=HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, headers=answer)
    if request.method == hdrs.METH_HEAD:
        response = _response(source, part, answer)
        await response.prepare(request)
        return response
    async with _while_here(request), source.lend(*(part or ())) as chunks:
        with _unbuffered(request):
            return await _send(request, source, part, answer, chunks)


def _is_known(request: web.Request, source: ByteSource) -> bool:
    tags = request.headers.get(hdrs.IF_NONE_MATCH)
    if tags is None or source.etag is None:
        return False
    return tags.strip() == "*" or source.etag in re.findall(r'"([^"]*)"', tags)


def _wanted(request: web.Request, source: ByteSource) -> ByteRange | None:
    """Return the part to answer with; None for everything. Raises UnsatisfiableError."""
    asked, size = request.headers.get(hdrs.RANGE), source.size
    if asked is None or not source.ranges or size is None or not _is_unchanged(request, source):
        return None
    return parse_range(asked, size)


def _is_unchanged(request: web.Request, source: ByteSource) -> bool:
    """Tell whether what the client has the beginning of is what we have (If-Range; a weak tag proves nothing)."""
    condition = request.headers.get(hdrs.IF_RANGE)
    if condition is None:
        return True
    if condition.startswith(('"', "W/")):
        return source.etag is not None and condition == f'"{source.etag}"'
    try:
        moment = parsedate_to_datetime(condition)
    except ValueError:
        return False
    return source.modified is not None and moment == source.modified.replace(microsecond=0)


def _response(source: ByteSource, part: ByteRange | None, headers: Mapping[str, str]) -> web.StreamResponse:
    response = web.StreamResponse(headers=headers)
    response.content_type = source.content_type
    if part is not None:
        response.set_status(HTTPStatus.PARTIAL_CONTENT)
        response.headers[hdrs.CONTENT_RANGE] = f"bytes {part.start}-{part.stop - 1}/{source.size}"
        response.content_length = part.stop - part.start
    elif source.size is not None:
        response.content_length = source.size
    return response


async def _send(
    request: web.Request,
    source: ByteSource,
    part: ByteRange | None,
    headers: Mapping[str, str],
    chunks: AsyncIterator[bytes | memoryview],
) -> web.StreamResponse:
    # Before the first byte there are still words for what went wrong.
    chunk = await anext(chunks, b"")
    response = _response(source, part, headers)
    length = response.content_length
    sent = 0
    await response.prepare(request)
    try:
        while chunk:
            sent += len(chunk)
            _check(length, sent, is_end=False)
            await response.write(chunk if len(chunk) > _AWAITED else bytes(chunk))
            chunk = await anext(chunks, b"")
        _check(length, sent, is_end=True)
        await response.write_eof()
    except ConnectionError:
        pass  # the viewer left
    except NvrError as err:
        _LOGGER.warning("A file broke off after %s bytes while it was sent: %s", sent, err)
        _tear(request)
    except BaseException:
        _tear(request)
        raise
    return response


def _check(length: int | None, sent: int, *, is_end: bool) -> None:
    """Raise NvrResponseError when what comes is not what was announced."""
    if length is not None and (sent > length or (is_end and sent < length)):
        raise NvrResponseError("the bytes are not as many as was announced")


@contextmanager
def _unbuffered(request: web.Request) -> Iterator[None]:
    """Let whoever writes wait until all of it has left: what is lent must not lie in a buffer when it is taken back."""
    transport = request.transport
    if transport is not None:
        transport.set_write_buffer_limits(0)
    try:
        yield
    finally:
        if transport is not None:
            transport.set_write_buffer_limits()


def _tear(request: web.Request) -> None:
    if request.transport is not None:
        request.transport.abort()


@asynccontextmanager
async def _while_here(request: web.Request) -> AsyncIterator[None]:
    """Cancel what runs within when the viewer leaves: a recorder that sends nothing would keep it waiting."""
    task = asyncio.current_task()
    left = False

    async def watch() -> None:
        nonlocal left
        # There is no event for it: a server tells whoever writes, and who waits for a recorder writes nothing.
        while (transport := request.transport) is not None and not transport.is_closing():  # noqa: ASYNC110 - no event
            await asyncio.sleep(_LOOK)
        left = True
        if task is not None:
            task.cancel()

    watching = asyncio.create_task(watch())
    try:
        yield
    except asyncio.CancelledError:
        if left and task is not None and not task.uncancel():
            raise ConnectionResetError("the viewer left") from None
        raise
    finally:
        watching.cancel()
