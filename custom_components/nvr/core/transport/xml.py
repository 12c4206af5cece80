"""XML from recorders: refuse what is hostile first, repair what firmware breaks, look up by local name."""

from collections.abc import Iterator
from functools import lru_cache
import re
from typing import Final
from xml.etree.ElementTree import Element, ParseError, TreeBuilder, XMLParser

from ..errors import NvrResponseError
from .redact import excerpt

MAX_BYTES: Final = 2 * 1024 * 1024
MAX_DEPTH: Final = 128

_WINDOW: Final = 1024
_CHUNK: Final = 4096
_MOST_ASIDES: Final = 200
_CDATA: Final = b"<![CDATA["
_CLOSING: Final = {b"<!--": b"-->", b"<?": b"?>", _CDATA: b"]]>"}
_LONGEST_TAG: Final = 65536
_LEADING: Final = b"\xef\xbb\xbf \t\r\n"
_FORBIDDEN: Final = (b"<!DOCTYPE", b"<!ENTITY")
_DECLARED: Final = re.compile(rb"^<\?xml[^>]{0,200}?encoding\s*=\s*[\"']([A-Za-z0-9._-]{1,20})[\"']")
# Only what recorders were seen to use; anything else would let a document choose how it is scanned.
_TRUSTED_ENCODINGS: Final = frozenset(
    {"gb2312", "gbk", "gb18030", "big5", "euc-kr", "shift_jis", "iso-8859-1", "windows-1251", "windows-1252"}
)
_WHOLE: Final = re.compile(r"[+-]?\d{1,15}")
_LARGEST: Final = 1e15
_CONTROL: Final = bytes(set(range(0x20)) - set(b"\t\n\r"))
_BARE_AMPERSAND: Final = re.compile(r"&(?!(?:amp|lt|gt|quot|apos|#[0-9]{1,7}|#x[0-9A-Fa-f]{1,6});)")


class _TooDeepError(Exception):
    """Deeper than any recorder nests."""


class _DepthGuard(TreeBuilder):
    """Build the tree and stop at a depth no recorder reaches."""

    def __init__(self, limit: int) -> None:
        super().__init__()
        self._left = limit

    def start(self, tag: str, attrs: dict[str, str], /) -> Element:
        """Open an element; raises _TooDeepError beyond the limit."""
        self._left -= 1
        if self._left < 0:
            raise _TooDeepError
        return super().start(tag, attrs)

    def end(self, tag: str, /) -> Element:
        """Close an element."""
        self._left += 1
        return super().end(tag)


def _refuse(reason: str, data: bytes = b"") -> NvrResponseError:
    return NvrResponseError(f"XML refused: {reason}", excerpt=excerpt(data[:400]))


def _guard(data: bytes, limit: int) -> None:
    if len(data) > limit:
        raise _refuse("too long")
    # UTF-16 and UTF-32 would hide a DOCTYPE from the scan below.
    if b"\0" in data[:4] or data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise _refuse("not an 8-bit encoding")
    if b"<!" in data and any(word in data.upper() for word in _FORBIDDEN):
        raise _refuse("it declares a document type or an entity")


class _Asides:
    """Where comments, CDATA and instructions begin; each kind is looked for no further than needed."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._next = {opening: data.find(opening) for opening in _CLOSING}

    def after(self, at: int) -> tuple[int, bytes] | None:
        """Return where the next one begins, and how."""
        for opening, begin in self._next.items():
            if 0 <= begin < at:
                self._next[opening] = self._data.find(opening, at)
        return min(((begin, opening) for opening, begin in self._next.items() if begin >= 0), default=None)


def _without_asides(data: bytes) -> tuple[bytes, bytes]:
    """Return the document without comments and instructions, and that without CDATA as well: where tags may hide."""
    document: list[bytes] = []
    tags: list[bytes] = []
    asides = _Asides(data)
    at = 0
    for _ in range(_MOST_ASIDES):
        found = asides.after(at)
        if found is None:
            break
        begin, opening = found
        closing = _CLOSING[opening]
        end = data.find(closing, begin + len(opening)) + len(closing)
        if end < len(closing):
            raise _refuse("a comment, an instruction or CDATA never ends")
        document.append(data[at:begin])
        tags.append(data[at:begin])
        if opening == _CDATA:
            document.append(data[begin:end])
        at = end
    else:
        raise _refuse("too many comments")
    return b"".join((*document, data[at:])), b"".join((*tags, data[at:]))


def _surely_shallow(tags: bytes, limit: int) -> bool:
    """Tell by counting tags in windows that no depth beyond the limit is possible; False means look closer.

    Elements closed by "/>" count as if they stayed open, for ">" is allowed in text and could fake them.
    """
    count = tags.count
    if count(b"<") <= limit:
        return True
    depth = 0
    for at in range(0, len(tags), _WINDOW):
        closed = count(b"</", at, at + _WINDOW + 1)
        opened = count(b"<", at, at + _WINDOW) - closed
        if depth + opened > limit:
            return False
        depth += opened - closed
    return True


def _build(data: bytes, depth: int) -> Element:
    tags = data
    if b"<!" in data or data.find(b"<?", 2) >= 0:
        data, tags = _without_asides(data)
    if _surely_shallow(tags, depth):
        parser = XMLParser(encoding="utf-8")  # noqa: S314 - the guard went first
        parser.feed(data)
        plain: Element = parser.close()
        return plain
    watched = XMLParser(target=_DepthGuard(depth), encoding="utf-8")  # noqa: S314 - the guard went first
    # expat goes on to the end of what it was fed even after the guard spoke, and it saves up what it was fed behind a
    # long tag: so it is fed little by little, and made to look.
    last = 0
    for at in range(0, len(data), _CHUNK):
        chunk = data[at : at + _CHUNK]
        if b"<" in chunk:
            last = at
        elif at - last > _LONGEST_TAG:
            raise _refuse("too long between two tags")
        watched.feed(chunk)
        watched.flush()
    root: Element = watched.close()
    return root


def _decode(data: bytes) -> str:
    declared = _DECLARED.match(data)
    name = declared.group(1).decode().lower() if declared else ""
    for encoding in ("utf-8", name if name in _TRUSTED_ENCODINGS else "gb18030", "gb18030"):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    return data.decode("latin-1")


def parse(data: bytes, *, limit: int = MAX_BYTES, depth: int = MAX_DEPTH) -> Element:
    """Return the root element. Raises NvrResponseError when the document is hostile, too large, too deep or broken.

    Wrong encodings, control characters and bare ampersands are repaired, but only after a strict parse failed
    (hikvision-isapi 2.2).
    """
    if not data.startswith(b"<"):
        data = data.lstrip(_LEADING)
    _guard(data, limit)
    try:
        return _build(data, depth)
    except _TooDeepError:
        raise _refuse("nested too deep") from None
    except ParseError:
        pass
    repaired = _BARE_AMPERSAND.sub("&amp;", _decode(data.translate(None, _CONTROL))).encode()
    # Taking characters out may have put a forbidden word together.
    _guard(repaired, limit * 2)
    try:
        return _build(repaired, depth)
    except _TooDeepError:
        raise _refuse("nested too deep") from None
    except ParseError as error:
        raise _refuse(str(error), data) from None


@lru_cache(maxsize=4096)
def local(tag: str) -> str:
    """Return a tag's local name: namespaces change with the firmware and mean nothing (hikvision-isapi 2.2)."""
    return tag.rpartition("}")[2]


def children(element: Element, name: str) -> Iterator[Element]:
    """Yield the direct children of that local name."""
    return (child for child in element if local(child.tag) == name)


def find(element: Element, path: str) -> Element | None:
    """Return the first element at a path of local names ("a/b"), or None."""
    if "/" in path:
        return next(findall(element, path), None)
    for child in element:
        if local(child.tag) == path:
            return child
    return None


def findall(element: Element, path: str) -> Iterator[Element]:
    """Yield all elements at a path of local names ("a/b"), in document order."""
    first, _, rest = path.partition("/")
    for child in element:
        if local(child.tag) == first:
            if rest:
                yield from findall(child, rest)
            else:
                yield child


def descendants(element: Element, name: str) -> Iterator[Element]:
    """Yield the element itself and all below it that have that local name: lists come with or without a wrapper."""
    return (item for item in element.iter() if local(item.tag) == name)


def fields(element: Element) -> dict[str, str]:
    """Return local name to stripped text of the direct children; of repeated ones the first counts."""
    found: dict[str, str] = {}
    for child in element:
        name = local(child.tag)
        if name not in found:
            found[name] = (child.text or "").strip()
    return found


def text(element: Element, path: str = "", default: str = "") -> str:
    """Return the stripped text at the path (the element's own when it is empty); default when absent or empty."""
    target = find(element, path) if path else element
    value = "" if target is None else (target.text or "").strip()
    return value or default


def whole(digits: str) -> int | None:
    """Return the whole number that is written; None for anything else, and for what no recorder can mean."""
    return int(digits) if _WHOLE.fullmatch(digits) else None


def integer(element: Element, path: str = "", default: int | None = None) -> int | None:
    """Return the whole number at the path; default when absent or not a number."""
    value = text(element, path)
    if not value:
        return default
    if (found := whole(value)) is not None:
        return found
    try:
        number = float(value)
    except ValueError:
        return default
    return int(number) if abs(number) < _LARGEST else default


def boolean(element: Element, path: str = "", default: bool | None = None) -> bool | None:
    """Return the truth value at the path; default when absent or neither."""
    value = text(element, path).lower()
    if value in {"true", "1", "yes"}:
        return True
    return False if value in {"false", "0", "no"} else default
