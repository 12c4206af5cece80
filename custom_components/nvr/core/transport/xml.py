"""XML from recorders: refuse what is hostile first, repair what firmware breaks, look up by local name."""

from collections.abc import Iterator
from functools import lru_cache
import re
from typing import Final
from xml.etree.ElementTree import Element, ParseError, TreeBuilder, XMLParser

from ..errors import NvrResponseError
from .redact import excerpt

MAX_BYTES: Final = 8 * 1024 * 1024
MAX_DEPTH: Final = 128

_WINDOW: Final = 1024
_CHUNK: Final = 4096
_LEADING: Final = b"\xef\xbb\xbf \t\r\n"
_FORBIDDEN: Final = re.compile(rb"<!\s*(?:DOCTYPE|ENTITY)", re.IGNORECASE)
_DECLARED: Final = re.compile(rb"^<\?xml[^>]{0,200}?encoding\s*=\s*[\"']([A-Za-z0-9._-]{1,20})[\"']")
# Only what recorders were seen to use; anything else would let a document choose how it is scanned.
_TRUSTED_ENCODINGS: Final = frozenset(
    {"gb2312", "gbk", "gb18030", "big5", "euc-kr", "shift_jis", "iso-8859-1", "windows-1251", "windows-1252"}
)
_CONTROL: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f]")
_BARE_AMPERSAND: Final = re.compile(r"&(?!(?:amp|lt|gt|quot|apos|#[0-9]{1,7}|#x[0-9A-Fa-f]{1,6});)")


class _DepthGuard(TreeBuilder):
    """Build the tree and stop at a depth no recorder reaches."""

    def __init__(self, limit: int) -> None:
        super().__init__()
        self._left = limit

    def start(self, tag: str, attrs: dict[str, str], /) -> Element:
        """Open an element; raises ParseError beyond the limit."""
        self._left -= 1
        if self._left < 0:
            raise ParseError("nested too deep")
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
    if 0 in data[:4] or data[:2] in {b"\xff\xfe", b"\xfe\xff"}:
        raise _refuse("not an 8-bit encoding")
    if b"<!" in data and _FORBIDDEN.search(data):
        raise _refuse("it declares a document type or an entity")


def _surely_shallow(data: bytes, limit: int) -> bool:
    """Tell by counting tags in windows that no depth beyond the limit is possible; False means look closer.

    A "</" may hide in a comment, in CDATA or in an instruction; with any of these the answer is False. Elements
    closed by "/>" count as if they stayed open, for ">" is allowed in text and could fake them.
    """
    if b"<!" in data or data.find(b"<?", 2) >= 0:
        return False
    depth = 0
    count = data.count
    for at in range(0, len(data), _WINDOW):
        closed = count(b"</", at, at + _WINDOW + 1)
        opened = count(b"<", at, at + _WINDOW) - closed
        if depth + opened > limit:
            return False
        depth += opened - closed
    return True


def _build(data: bytes, depth: int) -> Element:
    if _surely_shallow(data, depth):
        parser = XMLParser(encoding="utf-8")  # noqa: S314 - the guard went first
        parser.feed(data)
        plain: Element = parser.close()
        return plain
    watched = XMLParser(target=_DepthGuard(depth), encoding="utf-8")  # noqa: S314 - the guard went first
    # expat goes on to the end of what it was fed even after the guard spoke, so it is fed little by little.
    for at in range(0, len(data), _CHUNK):
        watched.feed(data[at : at + _CHUNK])
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
    data = bytes(data).lstrip(_LEADING)
    _guard(data, limit)
    try:
        return _build(data, depth)
    except ParseError:
        pass
    repaired = _BARE_AMPERSAND.sub("&amp;", _CONTROL.sub("", _decode(data))).encode()
    # Taking characters out may have put a forbidden word together.
    _guard(repaired, limit * 2)
    try:
        return _build(repaired, depth)
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
    return next(findall(element, path), None)


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


def integer(element: Element, path: str = "", default: int | None = None) -> int | None:
    """Return the whole number at the path; default when absent or not a number."""
    value = text(element, path)
    try:
        return int(value)
    except ValueError:
        pass
    try:
        return int(float(value))
    except ValueError, OverflowError:
        return default


def boolean(element: Element, path: str = "", default: bool | None = None) -> bool | None:
    """Return the truth value at the path; default when absent or neither."""
    value = text(element, path).lower()
    if value in {"true", "1", "yes"}:
        return True
    return False if value in {"false", "0", "no"} else default
