"""Search, calendar, download and the playback address of ISAPI: bytes and text to wire shapes (hikvision-isapi 8-10).

Pure. Times stay the recorder's digits: what `Z` means is decided elsewhere.
"""

from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from enum import StrEnum
from functools import lru_cache
import re
from typing import Final, NamedTuple
from urllib.parse import quote, urlsplit
from xml.etree.ElementTree import Element
from xml.sax.saxutils import escape

from ...errors import NvrResponseError
from ...transport.xml import boolean, descendants, integer, local, parse, whole
from .wire import unexpected

# Nothing can be reckoned at the ends of the calendar.
_FIRST_YEAR, _LAST_YEAR = 1900, 2200
_STARTTIME = re.compile(r"[?&]starttime=(\d{8}T\d{6})", re.IGNORECASE)
_DESCRIPTOR_HOST = "//recordType.meta.std-cgi.com"
_ZULU: Final = frozenset("zZ")
_WHOLE_SECONDS: Final = len("2026-03-04T10:25:00")
# What stands behind whole seconds where nothing smaller does.
_SUFFIXES: Final = frozenset("zZ+-")


class Position(StrEnum):
    """The two spellings of the page position; recorders ignore the one they do not know (hikvision-isapi 8.2)."""

    VENDOR = "searchResultPostion"
    PLAIN = "searchResultPosition"


class Match(NamedTuple):
    """One searchMatchItem. `start` and `end` are the digits sent, `shift` the numeric suffix if there was one."""

    track: int
    start: datetime
    end: datetime
    shift: timedelta | None
    codec: str
    uri: str
    lock: str
    kind: str


class SearchPage(NamedTuple):
    """One page of an answer; `status` is OK, MORE or NO MATCHES, upper case with blanks."""

    status: str
    matches: list[Match]

    @property
    def more(self) -> bool:
        """Whether the recorder says that there is another page."""
        return self.status == "MORE"


def search_body(
    *,
    search_id: str,
    track: int,
    start: datetime,
    end: datetime,
    position: int,
    page: int,
    spelling: Position,
    kind: str | None = None,
) -> bytes:
    """Return the body of one page's request; `start` and `end` are naive wire digits (hikvision-isapi 8.2)."""
    descriptor = f"{_DESCRIPTOR_HOST}/{kind}" if kind else _DESCRIPTOR_HOST
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n<CMSearchDescription>'
        f"<searchID>{search_id}</searchID>"
        f"<trackIDList><trackID>{track}</trackID></trackIDList>"
        f"<timeSpanList><timeSpan><startTime>{wire_time(start)}</startTime><endTime>{wire_time(end)}</endTime>"
        "</timeSpan></timeSpanList>"
        f"<maxResults>{page}</maxResults><{spelling}>{position}</{spelling}>"
        f"<metadataList><metadataDescriptor>{descriptor}</metadataDescriptor></metadataList>"
        "</CMSearchDescription>"
    ).encode()


def wire_time(digits: datetime) -> str:
    """Return digits as the recorder writes them: whole seconds and a Z that may mean local time."""
    return f"{digits:%Y-%m-%dT%H:%M:%SZ}"


def compact_time(digits: datetime) -> str:
    """Return digits as in a playback address (hikvision-isapi 9.1)."""
    return f"{digits:%Y%m%dT%H%M%SZ}"


@lru_cache(maxsize=512)  # one file begins where another ends
def parse_moment(value: str) -> tuple[datetime, timedelta | None]:
    """Return naive digits and the numeric suffix, None for Z or nothing; raises NvrResponseError."""
    try:
        moment = datetime.fromisoformat(value[:-1] if value[-1:] in _ZULU else value)
    except ValueError:
        raise unexpected("time", value[:30]) from None
    if not _FIRST_YEAR <= moment.year <= _LAST_YEAR:
        raise unexpected("time", value[:30])
    return (moment, None) if moment.tzinfo is None else (moment.replace(tzinfo=None), moment.utcoffset())


def parse_digits(value: str) -> datetime:
    """Return naive digits whatever their suffix says; raises NvrResponseError."""
    # To read a suffix that does not count is what costs most.
    if len(value) > _WHOLE_SECONDS and value[_WHOLE_SECONDS] in _SUFFIXES:
        value = value[:_WHOLE_SECONDS]
    return parse_moment(value)[0]


def parse_search(body: bytes) -> SearchPage:
    """Read a CMSearchResult of any namespace; raises NvrResponseError (hikvision-isapi 8.2)."""
    root = parse(body)
    if local(root.tag) != "CMSearchResult":
        raise unexpected("CMSearchResult", local(root.tag))
    status = ""
    matches: list[Match] = []
    names = _Names()
    for child in root:
        name = local(child.tag)
        if name in ("responseStatusStrg", "responseStatusStrip"):
            status = (child.text or "").strip().upper().replace("_", " ")
        elif name == "matchList":
            matches += [_match(item, names) for item in child if names[item.tag] == "searchMatchItem"]
    if not status:
        # Some firmware leaves the word out; a page without matches then is the last one.
        status = "OK" if boolean(root, "responseStatus") is not False else "FAILED"
    return SearchPage(status, matches)


class _Names(dict[str, str]):
    """The local names of one document's tags: each is worked out once."""

    def __missing__(self, tag: str) -> str:
        name = self[tag] = local(tag)
        return name


def _match(item: Element, names: Mapping[str, str]) -> Match:
    """Read one item; leaves are told by name at any depth, for wrappers come and go."""
    leaves = {names[element.tag]: value for element in item.iter() if (value := element.text)}
    start, shift = parse_moment(leaves.get("startTime", "").strip())
    end, _ = parse_moment(leaves.get("endTime", "").strip())
    track = leaves.get("trackID", "").strip()
    return Match(
        whole(track) or 0,
        start,
        end,
        shift,
        leaves.get("codecType", "").strip(),
        # Recorders break the address over lines and pad it (hikvision-isapi 9.1).
        "".join(leaves.get("playbackURI", "").split()),
        leaves.get("lockStatus", "").strip().lower(),
        leaves.get("metadataDescriptor", "").strip().rpartition("/")[2],
    )


def daily_body(year: int, month: int) -> bytes:
    """Return the body that asks for one month's days (hikvision-isapi 8.4)."""
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n'
        f"<trackDailyParam><year>{year}</year><monthOfYear>{month}</monthOfYear></trackDailyParam>"
    ).encode()


def parse_daily(body: bytes) -> frozenset[int]:
    """Read a trackDailyDistribution: the days of the month that hold footage, the recorder's own days."""
    root = parse(body)
    if local(root.tag) != "trackDailyDistribution":
        raise unexpected("trackDailyDistribution", local(root.tag))
    days = set()
    for element in descendants(root, "day"):
        if boolean(element, "record") is True:
            number = integer(element, "dayOfMonth") or integer(element, "id")
            if number:
                days.add(number)
    return frozenset(days)


def playback_uri(host: str, port: int, track: int, start: datetime, end: datetime | None) -> str:
    """Return the address that plays a track from naive wire digits on (hikvision-isapi 9.1)."""
    tail = "" if end is None else f"&endtime={compact_time(end)}"
    return f"rtsp://{netloc(host, port)}/Streaming/tracks/{track}/?starttime={compact_time(start)}{tail}"


def rewrite_uri(uri: str, host: str, port: int) -> str:
    """Return a playbackURI at our host and port, path and query verbatim (hikvision-isapi 9.1, 10).

    Raises NvrResponseError when it is no address.
    """
    try:
        parts = urlsplit(uri)
    except ValueError:
        raise NvrResponseError("the recorder names a playback address that is none") from None
    query = f"?{parts.query}" if parts.query else ""
    return f"rtsp://{netloc(host, port)}{parts.path}{query}"


def netloc(host: str, port: int) -> str:
    """Return host and port for an address; an IPv6 host gets its brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def download_body(uri: str) -> bytes:
    """Return the downloadRequest for a playback address (hikvision-isapi 10); its ampersands are escaped."""
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<downloadRequest version="1.0" xmlns="http://www.isapi.org/ver20/XMLSchema">'
        f"<playbackURI>{escape(uri)}</playbackURI></downloadRequest>"
    ).encode()


def download_query(uri: str) -> str:
    """Return the query of the third download dialect, every reserved character encoded (hikvision-isapi 10)."""
    return f"playbackURI={quote(uri, safe='')}"


def uri_start(uri: str) -> datetime | None:
    """Return the digits of a playbackURI's `starttime`, None where it has none we can read (hikvision-isapi 9.1)."""
    found = _STARTTIME.search(uri)
    if found is None:
        return None
    with suppress(ValueError):
        return datetime.fromisoformat(found[1])
    return None


def uri_size(uri: str) -> int | None:
    """Return the bytes of the whole file a playbackURI names, if it does (hikvision-isapi 8.2)."""
    _, found, rest = uri.rpartition("size=")
    value = rest.partition("&")[0]
    return whole(value) if found else None
