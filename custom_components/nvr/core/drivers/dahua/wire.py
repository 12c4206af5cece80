"""Bodies of the CGI: `key=value` lines, flat or as nested tables, and bodies that are refusals (dahua-cgi 2.5, 3).

Pure. RPC answers are nested JSON already: the readers at the end take both alike.
"""

from collections.abc import Iterator, Mapping, Sequence
import re
from typing import Final

type Node = object

_SEGMENT: Final = re.compile(r"(?P<name>[^\[\]]*)(?P<indexes>(?:\[\d{1,6}\])*)")
_INDEX: Final = re.compile(r"\[(\d+)\]")
_LARGEST: Final = 10**20
_INTEGER: Final = re.compile(r"[+-]?\d{1,20}(?:\.\d*)?")
_ERROR: Final = b"error"


def decode(body: bytes) -> str:
    """Return the text of a body; domestic units may write other charsets than UTF-8 (dahua-cgi 2.1)."""
    return body.decode("utf-8", "replace").removeprefix("\ufeff")


def is_error_body(body: bytes) -> bool:
    """Tell whether a body is a refusal, whatever its status: it begins with the word error (dahua-cgi 2.5)."""
    head = body[:64].removeprefix(b"\xef\xbb\xbf").lstrip()
    if head[:5].lower() != _ERROR:
        return False
    # A key may begin with the word as well: "ErrorCount=2" is data.
    return re.match(rb"error\s*(?::|\r|\n|$|\s)", head, re.IGNORECASE) is not None


def parse_lines(text: str) -> dict[str, str]:
    """Return the flat table; a line without `=` goes on with the value before it (dahua-cgi 3)."""
    found: dict[str, str] = {}
    last = ""
    for raw in text.splitlines():
        line = raw.rstrip()
        key, equals, value = line.partition("=")
        key = key.strip()
        if equals and key:
            found[key] = value.strip()
            last = key
        elif line and last:
            found[last] = f"{found[last]}\n{line.strip()}"
    return found


def _segments(key: str) -> list[str | int] | None:
    path: list[str | int] = []
    for part in key.split("."):
        match = _SEGMENT.fullmatch(part)
        if match is None:
            return None
        if match["name"]:
            path.append(match["name"])
        path += [int(index) for index in _INDEX.findall(match["indexes"])]
    return path


def nest(flat: Mapping[str, str], prefix: str = "") -> dict[str | int, Node]:
    """Return nested tables of a flat one, array places as whole-number keys; keys outside `prefix` are left out.

    Arrays may be sparse and out of order. A value that stands beside a table of the same name is dropped.
    """
    root: dict[str | int, Node] = {}
    for key, value in flat.items():
        if not key.startswith(prefix):
            continue
        path = _segments(key.removeprefix(prefix).lstrip("."))
        if not path:
            continue
        place = root
        for part in path[:-1]:
            below = place.get(part)
            if not isinstance(below, dict):
                below = place[part] = {}
            place = below
        if not isinstance(place.get(path[-1]), dict):
            place[path[-1]] = value
    return root


def child(node: Node, *path: str | int) -> Node:
    """Return what lies at a path of names and 0-based places, in nested tables or JSON; None where nothing is."""
    for part in path:
        # What most nodes are comes first: a page of a search asks this thousands of times, and Mapping is slow to tell.
        if isinstance(node, dict) or isinstance(node, Mapping):  # noqa: SIM101 - faster
            node = node.get(part)
        elif isinstance(node, Sequence) and not isinstance(node, str) and isinstance(part, int):
            node = node[part] if 0 <= part < len(node) else None
        else:
            return None
    return node


def entries(node: Node) -> Iterator[tuple[int, Node]]:
    """Yield place and value of an array in the order of places; of nothing else anything."""
    if isinstance(node, list):
        yield from enumerate(node)
    elif isinstance(node, Mapping):
        for place in sorted(key for key in node if isinstance(key, int)):
            yield place, node[place]


def text(node: Node, *path: str | int) -> str:
    """Return the text at a path; empty where there is none."""
    value = child(node, *path)
    if isinstance(value, str):
        return value.strip()
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float) else ""


def flag(node: Node, *path: str | int) -> bool | None:
    """Return the truth value at a path, None where there is none."""
    return {"true": True, "1": True, "false": False, "0": False}.get(text(node, *path).lower())


def integer(node: Node, *path: str | int) -> int | None:
    """Return the whole number at a path; recorders write `1495797858304.000000` too (dahua-cgi 3)."""
    found = child(node, *path)
    if isinstance(found, int) and not isinstance(found, bool) and abs(found) < _LARGEST:
        return found
    if found is None:
        return None
    value = text(found)
    return int(value.partition(".")[0]) if _INTEGER.fullmatch(value) else None


def real(node: Node, *path: str | int) -> float | None:
    """Return the number at a path, None where there is none."""
    value = text(node, *path)
    try:
        number = float(value)
    except ValueError:
        return None
    return number if abs(number) < 1e18 else None
