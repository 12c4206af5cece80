"""Searches on the wire: conditions out, files, months, detections and log lines in (dahua-cgi 9). Pure.

Times are the recorder's wall digits in whole seconds. Channels count from 1 in the CGI's question and from 0 in its
answers and in RPC2 (dahua-cgi 4): nothing here converts, the names say which is meant.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
import re
from typing import Final, NamedTuple

from .wire import Node, child, entries, integer, nest, text

FINDER: Final = "mediaFileFind.cgi"
# Nothing can be reckoned at the ends of the calendar.
_FIRST_YEAR, _LAST_YEAR = 1900, 2200
_TIME: Final = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})[ T](\d{1,2}):(\d{1,2}):(\d{1,2})")
_LETTER: Final = re.compile(r"\[([A-Z])\]\[[^\]]*\]\[[^\]]*\]\.\w+\Z")
_LOCATOR_PARTS: Final = 4
# No file is as large; what is larger is judged more closely.
_LARGE: Final = 2**50
# The end of the year 2099, which is no time of a log.
_LAST_SECOND: Final = 4_102_444_800


class FoundFile(NamedTuple):
    """One file as listed. `index0` is 0-based, None where it is not told; `size` in bytes."""

    start: datetime
    end: datetime
    path: str
    index0: int | None = None
    stream: str = ""
    size: int | None = None
    flags: tuple[str, ...] = ()
    events: tuple[str, ...] = ()
    place: str = ""

    @property
    def letter(self) -> str:
        """Why it was recorded, by its name (dahua-cgi 9.2); empty where the name does not tell."""
        found = _LETTER.search(self.path)
        return found[1] if found else ""


class FoundDetection(NamedTuple):
    """One thing that was detected. `index0` is 0-based; `word` is the recorder's own."""

    start: datetime
    end: datetime
    index0: int | None
    word: str


class LogLine(NamedTuple):
    """One line of the log. `channel` is 1-based; 0 is said of channel 1 by some (dahua-cgi 4).

    `utc` is the moment by the recorder's own idea of UTC, None where it is not told.
    """

    moment: datetime
    code: str
    channel: int | None
    words: str
    utc: datetime | None = None


def stamp(digits: datetime) -> str:
    """Return digits as the wire has them; fractions are refused (dahua-cgi 2.1)."""
    return f"{digits:%Y-%m-%d %H:%M:%S}"


@lru_cache(maxsize=512)  # one file begins where another ends
def parse_stamp(value: str) -> datetime | None:
    """Return the digits of a time, padded or not; None when it is none."""
    found = _TIME.match(value.strip())
    if found is None:
        return None
    try:
        year, month, day, hour, minute, second = (int(part) for part in found.groups())
        if not _FIRST_YEAR <= year <= _LAST_YEAR:
            return None
        return datetime(year, month, day, hour, minute, second)  # noqa: DTZ001 - wall digits have no zone
    except ValueError:
        return None


def find_query(handle: int, channel: int, start: datetime, end: datetime, stream: str) -> str:
    """Return the CGI's question; `channel` counts from 1, a raw space would be refused (dahua-cgi 2.1, 9.1)."""
    begin, until = (stamp(moment).replace(" ", "%20") for moment in (start, end))
    return (
        f"action=findFile&object={handle}&condition.Channel={channel}&condition.StartTime={begin}"
        f"&condition.EndTime={until}&condition.Types[0]=dav&condition.VideoStream={stream}"
    )


def find_condition(index: int, start: datetime, end: datetime, stream: str) -> dict[str, object]:
    """Return the question of RPC2; `index` counts from 0 (dahua-cgi 9.3)."""
    return {
        "Channel": index,
        "StartTime": stamp(start),
        "EndTime": stamp(end),
        "Types": ["dav"],
        "Events": ["*"],
        "Flags": None,
        "VideoStream": stream,
    }


def rule_condition(index: int, start: datetime, end: datetime, code: str) -> dict[str, object]:
    """Return the question to the rules' own list (dahua-cgi 9.3)."""
    rule = {"Order": "Descent", "Events": [code], "Rule": code, "ObjectType": ["Vehicle", "Human"]}
    return {
        "Channel": [index],
        "StartTime": stamp(start),
        "EndTime": stamp(end),
        "Types": ["dav"],
        "Events": [code],
        "DB": {"IVS": rule},
    }


def smd_condition(index: int, start: datetime, end: datetime, words: Iterable[str]) -> dict[str, object]:
    """Return the question for people, vehicles and animals (dahua-cgi 9.3)."""
    return {
        "StartTime": stamp(start),
        "EndTime": stamp(end),
        "Channels": [index],
        "SmdType": list(words),
        "Order": "ascOrder",
        "Orders": [{"Field": "SystemTime", "Type": "Ascent"}],
    }


def log_condition(start: datetime, end: datetime, codes: Iterable[str]) -> dict[str, object]:
    """Return the question to the log; firmware spells pulses in two ways (dahua-cgi 9.3)."""
    types = [f"Event.{code}.{action}" for code in codes for action in ("Start", "Stop", "Pulse", "Pluse")]
    return {"Types": types, "StartTime": stamp(start), "EndTime": stamp(end), "Translate": True, "Order": "Ascent"}


def _words(node: Node, name: str) -> tuple[str, ...]:
    found = node.get(name) if type(node) is dict else child(node, name)
    if found is None:
        return ()
    if type(found) is list:  # of RPC2, where a page holds thousands
        return tuple([word for value in found if (word := value.strip() if type(value) is str else text(value))])
    return tuple(word for _, value in entries(found) if (word := text(value)))


def _span(node: Node) -> tuple[datetime, datetime] | None:
    start, end = parse_stamp(_word(node, "StartTime")), parse_stamp(_word(node, "EndTime"))
    if start is None or end is None:
        return None
    return start, end


def _word(node: Node, name: str) -> str:
    """Return a text of an item. A page of a search asks this thousands of times: what most items are comes first."""
    value = node.get(name) if type(node) is dict else None
    if type(value) is str:
        return value.strip()
    return str(value) if type(value) is int else text(node, name)


def _number(node: Node, name: str) -> int | None:
    """Return a whole number of an item, likewise."""
    value = node.get(name) if type(node) is dict else None
    if type(value) is int and 0 <= value < _LARGE:
        return value
    return integer(node, name)


def _file(node: Node) -> FoundFile | None:
    """Read one item, None when it lacks what makes a file; the rest of the page is good all the same."""
    span = _span(node)
    if span is None:
        return None
    return FoundFile(
        span[0],
        span[1],
        _word(node, "FilePath"),
        _number(node, "Channel"),
        _word(node, "VideoStream"),
        _number(node, "Length"),
        _words(node, "Flags"),
        _words(node, "Events"),
        f"{_word(node, 'Disk')}/{_word(node, 'Partition')}/{_word(node, 'Cluster')}",
    )


class Page(NamedTuple):
    """One page of files. `found` is how many items the recorder says are on it, not in all (trap 22)."""

    found: int
    files: list[FoundFile]


def _page(found: int | None, items: Node) -> Page:
    nodes = [node for _, node in entries(items)]
    return Page(len(nodes) if found is None or found < 0 else found, [file for node in nodes if (file := _file(node))])


def cgi_page(flat: Mapping[str, str]) -> Page:
    """Read a page of the CGI."""
    return _page(integer(flat, "found"), child(nest(flat), "items"))


def rpc_page(params: Mapping[str, object]) -> Page:
    """Read a page of RPC2: the list is `infos` or `items`, null at the end (dahua-cgi 9.3)."""
    items = params.get("infos")
    return _page(integer(params, "found"), params.get("items") if items is None else items)


def days_of(bitmap: int) -> frozenset[int]:
    """Return the days of a month's bitmap; bit 0 is not used (dahua-cgi 9.4)."""
    return frozenset(day for day in range(1, 32) if bitmap >> day & 1)


def detections(params: Mapping[str, object]) -> list[FoundDetection]:
    """Read a page of SmdDataFinder."""
    found = []
    for _, node in entries(params.get("SmdInfo")):
        span = _span(node)
        if span is not None:
            found.append(FoundDetection(span[0], span[1], integer(node, "Channel"), text(node, "Type")))
    return found


def log_lines(params: Mapping[str, object]) -> list[LogLine]:
    """Read a page of the log."""
    lines = []
    for _, node in entries(params.get("items")):
        moment = parse_stamp(text(node, "Time"))
        if moment is not None:
            words = f"{text(node, 'Type')} {text(node, 'Detail')}".strip()
            seconds = integer(node, "UTCTime") or 0
            utc = datetime.fromtimestamp(seconds, UTC) if 0 < seconds < _LAST_SECOND else None
            lines.append(LogLine(moment, text(node, "Code"), integer(node, "Channel"), words, utc))
    return lines


@lru_cache(maxsize=512)  # one file begins where another ends
def _written(digits: datetime) -> str:
    return digits.isoformat()


def locator(file: FoundFile) -> str:
    """Return a segment's handle: where the file is and what it spans, in wall digits."""
    return f"{_written(file.start)}|{_written(file.end)}|{file.size or ''}|{file.path}"


def parse_locator(value: str) -> FoundFile | None:
    """Read a handle; None when it is none of ours."""
    parts = value.split("|", _LOCATOR_PARTS - 1)
    if len(parts) != _LOCATOR_PARTS or not parts[3]:
        return None
    try:
        start, end = (datetime.fromisoformat(part) for part in parts[:2])
    except ValueError:
        return None
    if start.tzinfo is not None or end.tzinfo is not None:
        return None
    return FoundFile(start, end, parts[3], size=integer(parts[2]))
