"""The actions that look for footage and answer with data."""

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, Final

from homeassistant.core import HomeAssistant, ServiceCall, ServiceResponse
from homeassistant.exceptions import ServiceValidationError
from homeassistant.util import dt as dt_util
from homeassistant.util.json import JsonObjectType, JsonValueType

from .access import Action
from .action_targets import Camera, Targets, permitted_again, permitted_cameras, refusal
from .const import DOMAIN
from .core.clock import DeviceClock
from .core.errors import NvrError
from .core.models import DayMap, EventKind, RecordingKind, RecordingSegment, TimeSpan
from .errors import error_key, translate
from .footage import RefusedError, clock_of, index_of, read_events, read_segments, recorded_spans, to_play
from .media_ids import ChannelId, SpanId, content_id
from .recording_search import ChannelPage, ChannelQuery, Finding, search_channels
from .search_cursor import Cursor, CursorError, Position, parse_cursor
from .time_parsing import TimeParsingError, earliest, require_possible, span_from

ATTR_AT: Final = "at"
ATTR_CURSOR: Final = "cursor"
ATTR_DIRECTION: Final = "direction"
ATTR_DURATION: Final = "duration"
ATTR_END: Final = "end"
ATTR_EVENTS: Final = "events"
ATTR_KINDS: Final = "kinds"
ATTR_LIMIT: Final = "limit"
ATTR_MERGE: Final = "merge"
ATTR_MONTH: Final = "month"
ATTR_START: Final = "start"
ATTR_WITHIN: Final = "within"

MAX_MONTHS: Final = 24
_FIND_AHEAD: Final = timedelta(hours=1)
# What is near is found with few requests; the rest is read only when there is nothing near.
_REACHES: Final = (timedelta(hours=1), timedelta(hours=6), timedelta(hours=24))


async def search_recordings(hass: HomeAssistant, call: ServiceCall) -> ServiceResponse:
    """Answer with the segments of several cameras, oldest first, page by page."""
    targets, cursor = await _what_to_search(hass, call)
    queries: list[ChannelQuery] = []
    errors = targets.errors()
    for camera in targets.cameras:
        try:
            index, resume = index_of(camera.hub), cursor.positions.get(camera.entity_id)
        except (NvrError, RefusedError) as err:
            errors[camera.entity_id] = _error(camera, err)
        else:
            queries.append(ChannelQuery(camera.entity_id, index, camera.channel, cursor.span, resume))
    pages = await search_channels(queries, limit=call.data[ATTR_LIMIT], kinds=cursor.kinds, merge=cursor.merge)
    by_id = {camera.entity_id: camera for camera in targets.cameras}
    found: JsonObjectType = {}
    for page in pages:
        camera = by_id[page.key]
        if page.error is not None:
            errors[page.key] = _error(camera, page.error)
        if page.findings or page.error is None:
            found[page.key] = _page(camera, page, merged=cursor.merge)
    if kinds := call.data.get(ATTR_EVENTS):
        await _add_events(found, by_id, cursor, frozenset(map(EventKind, kinds)), call.data[ATTR_LIMIT])
    return {
        "start": _local(cursor.span.start),
        "end": _local(cursor.span.end),
        "count": sum(len(page.findings) for page in pages),
        "cameras": found,
        "errors": errors,
        "next": _next_cursor(cursor, pages, errors),
    }


async def _add_events(
    found: JsonObjectType, cameras: Mapping[str, Camera], cursor: Cursor, kinds: frozenset[EventKind], limit: int
) -> None:
    """Put what happened beside what was recorded, on the first page only; a camera without says so there.

    It is told of a camera whose footage could not be searched too: that has its place among the errors.
    """

    async def told(camera: Camera) -> JsonObjectType:
        try:
            events = await read_events(camera.hub, camera.channel, cursor.span, kinds, limit=limit)
        except (NvrError, RefusedError) as err:
            return {"events": [], "events_error": _error(camera, err)}
        now, clock = dt_util.utcnow(), camera.hub.clock
        rows: list[JsonValueType] = [
            {
                **_span(camera, event.span, clock, play=to_play(event, now)),
                "kind": event.kind.value,
                "target": event.target.value if event.target else None,
            }
            for event in events[:limit]
        ]
        return {"events": rows, "events_truncated": len(events) > limit}

    if cursor.positions:
        return
    answers = await asyncio.gather(*map(told, cameras.values()))
    for camera, more in zip(cameras.values(), answers, strict=True):
        page = found.get(camera.entity_id)
        found[camera.entity_id] = {**(page if isinstance(page, dict) else {"name": camera.name}), **more}


async def _what_to_search(hass: HomeAssistant, call: ServiceCall) -> tuple[Targets, Cursor]:
    """Return the cameras and the search: as asked for, or as an earlier page left it."""
    if (text := call.data.get(ATTR_CURSOR)) is None:
        targets = await permitted_cameras(hass, call, Action.PLAYBACK)
        kinds = call.data.get(ATTR_KINDS)
        wanted = frozenset(RecordingKind(kind) for kind in kinds) if kinds else None
        return targets, Cursor(asked_span(call), {}, wanted, call.data[ATTR_MERGE])
    try:
        cursor = parse_cursor(text)
    except CursorError as err:
        raise ServiceValidationError(translation_domain=DOMAIN, translation_key="bad_cursor") from err
    return await permitted_again(hass, call, cursor.positions, Action.PLAYBACK), cursor


def _next_cursor(cursor: Cursor, pages: Iterable[ChannelPage], errors: JsonObjectType) -> str | None:
    """Return where to go on; cameras that failed are tried again, but alone they make no next page."""
    left = {page.key: page.resume for page in pages if page.resume is not None}
    if not left.keys() - errors.keys():
        return None
    left |= {key: cursor.positions.get(key, Position(cursor.span.start, 0)) for key in errors if key not in left}
    return Cursor(cursor.span, left, cursor.kinds, cursor.merge).format()


def _page(camera: Camera, page: ChannelPage, *, merged: bool) -> JsonObjectType:
    clock = camera.hub.clock
    return {
        "name": camera.name,
        "segments": [_finding(camera, finding, clock, merged=merged) for finding in page.findings],
        "truncated": page.resume is not None,
    }


def _finding(camera: Camera, finding: Finding, clock: DeviceClock | None, *, merged: bool) -> JsonObjectType:
    told = _span(camera, finding.span, clock)
    if merged:
        told["kinds"] = [kind.value for kind in finding.kinds]
        told["parts"] = finding.parts
    else:
        told["kind"] = finding.kinds[0].value
    return told | {"open": finding.open, "size": finding.size}


def _segment(camera: Camera, segment: RecordingSegment, clock: DeviceClock | None) -> JsonObjectType:
    told = _span(camera, segment.span, clock)
    return told | {"kind": segment.kind.value, "open": segment.open, "size": segment.size}


def _span(camera: Camera, span: TimeSpan, clock: DeviceClock | None, *, play: TimeSpan | None = None) -> JsonObjectType:
    return {
        "start": _local(span.start),
        "end": _local(span.end),
        "duration": span.duration.total_seconds(),
        "day": clock.date_of(span.start).isoformat() if clock is not None else None,
        "media_content_id": content_id(SpanId(ChannelId(camera.entry.entry_id, camera.channel), play or span)),
    }


async def list_recording_days(hass: HomeAssistant, call: ServiceCall) -> ServiceResponse:
    """Answer with the days, of each recorder's own calendar, that hold footage."""
    targets = await permitted_cameras(hass, call, Action.PLAYBACK)
    return await _ask_each(targets, lambda camera: _days(camera, call))


async def _days(camera: Camera, call: ServiceCall) -> JsonObjectType:
    first, last = _asked_dates(call, clock_of(camera.hub).date_of(dt_util.utcnow()))
    index = index_of(camera.hub)
    maps: list[DayMap] = await asyncio.gather(
        *(index.day_map(camera.channel, year, month) for year, month in _months(first, last))
    )
    days = [day.isoformat() for day_map in maps for day in day_map.dates() if first <= day <= last]
    return {"name": camera.name, "days": list[JsonValueType](days)}


def _asked_dates(call: ServiceCall, today: date) -> tuple[date, date]:
    month: date | None = call.data.get(ATTR_MONTH)
    start: date | None = call.data.get(ATTR_START)
    end: date | None = call.data.get(ATTR_END)
    if month is not None and (start is not None or end is not None):
        raise _invalid(TimeParsingError("month_and_dates"))
    try:
        require_possible(*(value for value in (month, start, end) if value is not None))
    except TimeParsingError as err:
        raise _invalid(err) from err
    if start is None and end is None:
        first = (month or today).replace(day=1)
        return first, (first + timedelta(days=31)).replace(day=1) - timedelta(days=1)
    last = end or today
    first = start or last.replace(day=1)
    if first > last:
        raise _invalid(TimeParsingError("end_before_start", start=first.isoformat(), end=last.isoformat()))
    if len(_months(first, last)) > MAX_MONTHS:
        raise _invalid(TimeParsingError("too_many_months", months=str(MAX_MONTHS)))
    return first, last


def _months(first: date, last: date) -> list[tuple[int, int]]:
    count = (last.year - first.year) * 12 + last.month - first.month
    numbers = (first.year * 12 + first.month - 1 + number for number in range(count + 1))
    return [(number // 12, number % 12 + 1) for number in numbers]


async def find_recording(hass: HomeAssistant, call: ServiceCall) -> ServiceResponse:
    """Answer with the segment that covers a moment, or with the nearest before or after it."""
    targets = await permitted_cameras(hass, call, Action.PLAYBACK)
    try:
        moment = earliest(call.data[ATTR_AT], dt_util.get_default_time_zone())
    except TimeParsingError as err:
        raise _invalid(err) from err
    return await _ask_each(targets, lambda camera: _find(camera, moment, call))


async def _find(camera: Camera, moment: datetime, call: ServiceCall) -> JsonObjectType:
    direction, within = call.data[ATTR_DIRECTION], call.data[ATTR_WITHIN]
    segments = await read_segments(camera.hub, camera.channel, TimeSpan(moment, moment + _FIND_AHEAD))
    covering = next((segment for segment in segments if moment in segment.span), None)
    for reach in () if covering else (*(reach for reach in _REACHES if reach < within), within):
        before = timedelta(0) if direction == "after" else reach
        after = timedelta(0) if direction == "before" else reach
        window = TimeSpan(moment - before, moment + max(after, timedelta(seconds=1)))
        if segments := await read_segments(camera.hub, camera.channel, window):
            break
    found = covering or _nearest(segments, moment)
    told: JsonObjectType = {"name": camera.name, "covered": covering is not None, "segment": None}
    if found is None:
        return told
    span = found.span
    start = moment if covering is not None else span.start
    following = recorded_spans(segments, TimeSpan(start, max(start + _FIND_AHEAD, span.end)))
    playing = next((part for part in following if start in part), span)
    return told | {
        "segment": _segment(camera, found, camera.hub.clock),
        "offset": max((moment - span.start).total_seconds(), 0.0) if covering is not None else 0.0,
        "distance": 0.0 if covering is not None else _distance(found, moment).total_seconds(),
        "media_content_id": content_id(SpanId(ChannelId(camera.entry.entry_id, camera.channel), playing)),
    }


def _nearest(segments: Sequence[RecordingSegment], moment: datetime) -> RecordingSegment | None:
    return min(segments, key=lambda segment: abs(_distance(segment, moment)), default=None)


def _distance(segment: RecordingSegment, moment: datetime) -> timedelta:
    """Return how far the footage is: negative when it ended before the moment."""
    return segment.span.start - moment if segment.span.start > moment else segment.span.end - moment


async def _ask_each(targets: Targets, ask: Callable[[Camera], Coroutine[Any, Any, JsonObjectType]]) -> JsonObjectType:
    """Ask for every camera at once; one that fails is told among the errors and never as an empty answer."""

    async def answer(camera: Camera) -> JsonObjectType | NvrError | RefusedError:
        try:
            return await ask(camera)
        except (NvrError, RefusedError) as err:
            return err

    answers = await asyncio.gather(*(answer(camera) for camera in targets.cameras))
    found: JsonObjectType = {}
    errors = targets.errors()
    for camera, told in zip(targets.cameras, answers, strict=True):
        if isinstance(told, NvrError | RefusedError):
            errors[camera.entity_id] = _error(camera, told)
        else:
            found[camera.entity_id] = told
    return {"cameras": found, "errors": errors}


def asked_span(call: ServiceCall) -> TimeSpan:
    """Return the span of a call's start, end and duration; raises ServiceValidationError."""
    try:
        return span_from(
            call.data.get(ATTR_START),
            call.data.get(ATTR_END),
            call.data.get(ATTR_DURATION),
            zone=dt_util.get_default_time_zone(),
            now=dt_util.utcnow(),
        )
    except TimeParsingError as err:
        raise _invalid(err) from err


def _invalid(err: TimeParsingError) -> ServiceValidationError:
    return ServiceValidationError(
        translation_domain=DOMAIN, translation_key=err.key, translation_placeholders=err.placeholders
    )


def _error(camera: Camera, err: NvrError | RefusedError) -> JsonObjectType:
    if isinstance(err, RefusedError):
        return refusal(err)
    return {"error": error_key(err), "message": str(translate(err, camera.entry.title))}


def _local(moment: datetime) -> str:
    return dt_util.as_local(moment).isoformat()
