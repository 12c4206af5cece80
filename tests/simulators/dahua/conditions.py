"""What a search asks for, read from the conditions of CGI or RPC2, and the items that answer it (dahua-cgi 9)."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import product
import re
from typing import Any

from tests.simulators.footage import Span, merge

from .catalogue import CODES, STREAMS, Catalogue, DahuaFile, StreamName
from .device import DahuaDevice

_TIME = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2}) (\d{1,2}):(\d{1,2}):(\d{1,2})")
_INDEXED = re.compile(r"condition\.(\w+?)(?:\[(\d+)\])?\Z")
_FIRST_YEAR = 2005


class ConditionError(Exception):
    """A condition that the recorder refuses."""


@dataclass(frozen=True, slots=True)
class Condition:
    """A search: channels from 1, what its window can mean in true time, and filters. None is whatever there is."""

    channels: tuple[int, ...]
    spans: tuple[Span, ...]
    types: tuple[str, ...] = ("dav",)
    stream: str | None = None
    flags: tuple[str, ...] = ()
    events: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()


def parse_time(text: object) -> datetime:
    """Return the digits of a time, padded or not. Raises ConditionError, also for fractions of seconds."""
    match = _TIME.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise ConditionError
    try:
        year, month, day, hour, minute, second = (int(part) for part in match.groups())
        digits = datetime(year, month, day, hour, minute, second)  # noqa: DTZ001
    except ValueError:
        raise ConditionError from None
    if digits.year < _FIRST_YEAR:
        raise ConditionError
    return digits


def window(device: DahuaDevice, start: object, end: object) -> Span:
    """Return a window of wall digits in true time, of a repeated hour the first. Raises ConditionError for none."""
    begin, until = device.true(parse_time(start)), device.true(parse_time(end))
    if until <= begin:
        raise ConditionError
    return begin, until


def windows(device: DahuaDevice, start: object, end: object) -> tuple[Span, ...]:
    """Return all that a window of wall digits can mean: in a repeated hour two spans. Raises ConditionError.

    The unit keeps wall times only (dahua-cgi 7.2), so a search finds what was recorded in either hour.
    """
    window(device, start, end)
    zone, digits = device.clock.zone, (parse_time(start), parse_time(end))
    spans = []
    for fold in (0, 1):
        begin, until = (device.clock.to_true(each.replace(tzinfo=zone, fold=fold)) for each in digits)
        spans.append((begin, until))
    return tuple(merge(span for span in spans if span[0] < span[1]))


def from_query(device: DahuaDevice, query: Mapping[str, str]) -> Condition:
    """Read the condition of findFile (CGI). Raises ConditionError."""
    lists: dict[str, list[str]] = {}
    for key, value in query.items():
        if match := _INDEXED.match(key):
            lists.setdefault(match[1], []).append(value)
    number = lists.get("Channel", [""])[0]
    if not number.isdecimal():
        raise ConditionError
    channel = int(number)
    if channel == 0 and device.is_camera:
        channel = 1
    spans = windows(device, lists.get("StartTime", [""])[0], lists.get("EndTime", [""])[0])
    stream = lists.get("VideoStream", [""])[0] or None
    flags = tuple(lists.get("Flags", []) + lists.get("Flag", []))
    types = tuple(lists.get("Types", ["dav"]))
    return Condition(_known(device, [channel]), spans, types, stream, flags, tuple(lists.get("Events", [])))


def from_params(device: DahuaDevice, params: Mapping[str, Any]) -> Condition:
    """Read the condition of mediaFileFind.findFile (RPC2): channels count from 0. Raises ConditionError."""
    condition = params.get("condition")
    if not isinstance(condition, Mapping):
        raise ConditionError
    asked = condition.get("Channel")
    numbers = asked if isinstance(asked, list) else [asked]
    known = [number for number in numbers if isinstance(number, int)]
    if not known or len(known) < len(numbers):
        raise ConditionError
    wired = [channel.number for channel in device.wired()]
    channels = wired if -1 in known else [number + 1 for number in known]
    spans = windows(device, condition.get("StartTime"), condition.get("EndTime"))
    rules = ((condition.get("DB") or {}).get("IVS") or {}).get("Events") or ()
    return Condition(
        _known(device, channels),
        spans,
        tuple(condition.get("Types") or ("dav",)),
        condition.get("VideoStream") or None,
        _words(condition.get("Flags")),
        _words(condition.get("Events")),
        tuple(rules),
    )


def _words(value: object) -> tuple[str, ...]:
    """Return a filter's words; "*" filters nothing."""
    words = [value] if isinstance(value, str) else value if isinstance(value, list) else []
    return tuple(str(word) for word in words if word != "*")


def _known(device: DahuaDevice, channels: list[int]) -> tuple[int, ...]:
    for number in channels:
        channel = device.channels.get(number)
        if channel is None or not channel.wired or number not in device.footage.plans:
            raise ConditionError
    return tuple(channels)


def find(device: DahuaDevice, catalogue: Catalogue, condition: Condition) -> list[DahuaFile]:
    """Return the files that a condition finds, streams mixed when it names none."""
    streams: tuple[StreamName, ...] = tuple(s for s in STREAMS if condition.stream in (None, s))
    once: dict[str, DahuaFile] = {}
    for channel, (start, end) in product(condition.channels, condition.spans):
        found = _by_rule(device, catalogue, channel, condition, (start, end)) if condition.rules else []
        if "dav" in condition.types and not condition.rules:
            for stream in streams:
                found += catalogue.files(channel, stream, start, end)
        if "jpg" in condition.types:
            found += catalogue.stills(channel, start, end)
        if device.firmware.filters_events and not condition.rules:
            found = [file for file in found if _passes(file, condition)]
        once |= {f"{file.path} {file.start}": file for file in found}
    newest_first = device.faults.find.reverse or bool(condition.rules)
    order = sorted(once.values(), key=lambda file: (file.start, file.channel, file.stream))
    return order[::-1] if newest_first else order


def _by_rule(
    device: DahuaDevice, catalogue: Catalogue, channel: int, condition: Condition, span: Span
) -> list[DahuaFile]:
    """Return what analytics found, each cut out of the file it is in: a search in the rules' own list."""
    found: list[DahuaFile] = []
    for incident in device.footage.incidents(channel, *span):
        if CODES.get(incident.kind) in condition.rules:
            begin, end = catalogue.whole(incident.start), catalogue.whole(incident.end)
            files = catalogue.files(channel, "Main", begin, begin + timedelta(seconds=1))
            found += [replace(file, kind=incident.kind, start=begin, end=end) for file in files]
    return found


def _passes(file: DahuaFile, condition: Condition) -> bool:
    if condition.flags and not set(condition.flags) & set(file.flags):
        return False
    return not condition.events or bool(set(condition.events) & set(file.events))


def item(device: DahuaDevice, file: DahuaFile, condition: Condition) -> dict[str, Any]:
    """Return what a page tells of a file; channels count from 0 here (dahua-cgi 4)."""
    inside = timedelta(0)
    for start, end in condition.spans:
        inside += max(min(file.end, end) - max(file.start, start), timedelta(0))
    share = inside / max(file.end - file.start, timedelta(seconds=1))
    values: dict[str, Any] = {
        "Channel": file.channel - 1,
        "Cluster": file.cluster,
        "CutLength": file.size if share >= 1 else int(file.size * share),
        "Disk": 8,
        "EndTime": device.stamp(file.end),
        "Events": file.events,
        "FilePath": file.path,
        "Flags": [*file.flags, "UnMarked"],
        "Length": file.size,
        "Partition": 0,
        "StartTime": device.stamp(file.start),
        "Type": "jpg" if file.jpg else "dav",
        "VideoStream": file.stream,
    }
    if not file.events:
        del values["Events"]
    if device.firmware.find_key == "items":
        values["Duration"] = int((file.end - file.start).total_seconds())
    if file.jpg:
        del values["VideoStream"]  # a still may have no stream (dahua-cgi 9.3)
    return values
