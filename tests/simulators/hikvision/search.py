"""ContentMgmt/search and the calendar of the simulated recorder (hikvision-isapi 8.2-8.4; 19, items 12 and 13)."""

import asyncio
import calendar
from collections import OrderedDict
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
import re
import time
from xml.etree import ElementTree as ET

from tests.simulators.clock import WireClock
from tests.simulators.footage import Kind, RecordedFile

from ..webserver import Request, Response
from .device import Device
from .router import Code, Router, failure, unsupported, xml
from .settings import child_text, local
from .xmlout import NAMESPACES, el, fields, listing

_RECORD_TYPES = {
    Kind.CONTINUOUS: "timing",
    Kind.MOTION: "motion",
    Kind.ALARM: "alarm",
    Kind.SMART: "smart",
    Kind.MANUAL: "manual",
}
_ASKED_KINDS: dict[str, frozenset[Kind]] = {
    "timing": frozenset({Kind.CONTINUOUS}),
    "cmr": frozenset({Kind.CONTINUOUS}),
    "motion": frozenset({Kind.MOTION}),
    "alarm": frozenset({Kind.ALARM}),
    "edr": frozenset({Kind.MOTION, Kind.ALARM}),
    "motionoralarm": frozenset({Kind.MOTION, Kind.ALARM}),
    "smart": frozenset({Kind.SMART}),
    "manual": frozenset({Kind.MANUAL}),
    "command": frozenset({Kind.MANUAL}),
    "allevent": frozenset({Kind.MOTION, Kind.ALARM, Kind.SMART}),
}
_UUID = re.compile(r"\{?[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}\}?\Z")
_WIRE = "%Y-%m-%dT%H:%M:%SZ"
_COMPACT = "%Y%m%dT%H%M%SZ"


class SearchError(Exception):
    """A request the recorder refuses."""

    def __init__(self, http: int, code: Code, sub: str, description: str | None = None) -> None:
        super().__init__(sub)
        self.http, self.code, self.sub, self.description = http, code, sub, description


@dataclass(slots=True)
class Query:
    """A search request as this firmware understood it."""

    search_id: str
    tracks: list[int]
    spans: list[tuple[datetime, datetime]]
    page: int
    position: int
    kinds: frozenset[Kind] | None = None


@dataclass(slots=True)
class _Handle:
    """Results of one searchID, kept for its later pages. `dropped` were overwritten while the client paged."""

    items: list[tuple[int, RecordedFile]]
    used: float
    dropped: int = 0
    finished: bool = False


def parse_digits(text: str) -> datetime:
    """Read wire digits, with or without suffix. Raises ValueError."""
    return datetime.fromisoformat(text.strip().upper().removesuffix("Z")).replace(tzinfo=None)


class SearchPages:
    """Answers searches page by page, with the firmware's own ideas about them."""

    def __init__(self, device: Device) -> None:
        self._device = device
        self._handles: OrderedDict[str, _Handle] = OrderedDict()
        self._rendered: dict[tuple[object, ...], str] = {}
        self._prepared: dict[int, list[RecordedFile]] = {}
        self._running = 0
        self._free = asyncio.Condition()

    def register(self, router: Router) -> None:
        """Add the paths."""
        router.add("POST", "/ISAPI/ContentMgmt/search", self.search, right="playback", cost="search", free=True)
        template = "/ISAPI/ContentMgmt/record/tracks/*/dailyDistribution"
        router.add("POST", template, self.distribution, right="playback", cost="search")

    def forget(self) -> None:
        """Drop every handle, as a reboot does."""
        self._handles.clear()

    def prepare(self) -> None:
        """Work out and render every file ahead, so that a benchmark measures its client."""
        device = self._device
        for number in device.channels:
            files = device.footage.files(number, device.footage.oldest(), device.clock.now())
            self._prepared[number] = files
            for file in files:
                self._item(number * 100 + 1, file)

    def _files(
        self, channel: int, span: tuple[datetime, datetime], kinds: frozenset[Kind] | None
    ) -> list[RecordedFile]:
        start, end = span
        clock = self._device.clock
        if clock.steps:
            # What was recorded before the clock was set is found by the digits it was given then.
            reach = max(abs(skew - clock.skew) for _, skew in clock.steps)
            files = self._device.footage.files(channel, start - reach, end + reach, kinds)
            moved = {file: clock.skew_at(file.start) - clock.skew for file in files}
            return [file for file in files if file.start + moved[file] <= end and file.end + moved[file] > start]
        if channel not in self._prepared:
            return self._device.footage.files(channel, start, end + timedelta(seconds=1), kinds)
        wanted = kinds or frozenset(Kind)
        return [f for f in self._prepared[channel] if f.start <= end and f.end > start and f.kind in wanted]

    @property
    def wire(self) -> WireClock:
        """The clock whose digits stand before `Z`."""
        return WireClock(self._device.clock, "utc" if self._device.faults.search.mode == "utc" else "local")

    @property
    def playback_wire(self) -> WireClock:
        """The clock whose digits stand in playback addresses."""
        faults = self._device.faults.search
        return WireClock(self._device.clock, "utc" if (faults.playback_mode or faults.mode) == "utc" else "local")

    async def search(self, request: Request, _argument: str) -> Response:
        """Answer one page."""
        device, faults, counters = self._device, self._device.faults.search, self._device.counters
        if faults.status:
            return unsupported(device, request, faults.status)
        if self._running >= faults.concurrency and faults.when_busy == "error":
            return failure(device, request, 400, Code.BAD_CONTENT, "noSearchIDResource")
        async with self._free:
            await self._free.wait_for(lambda: self._running < faults.concurrency)
            self._running += 1
        counters.searches_active = self._running
        counters.max_searches_active = max(counters.max_searches_active, self._running)
        try:
            if faults.latency_ms:
                await asyncio.sleep(faults.latency_ms / 1000)
            query = self._parse(request.body)
            return Response(200, self._page(query))
        except SearchError as refusal:
            return failure(device, request, refusal.http, refusal.code, refusal.sub, description=refusal.description)
        finally:
            async with self._free:
                self._running -= 1
                counters.searches_active = self._running
                self._free.notify()

    def _parse(self, body: bytes) -> Query:
        faults = self._device.faults.search
        try:
            root = ET.fromstring(body)
        except ET.ParseError:
            raise SearchError(400, Code.BAD_FORMAT, "badXmlFormat") from None
        if local(root.tag) != "CMSearchDescription":
            raise SearchError(400, Code.BAD_CONTENT, "badXmlContent")
        search_id = child_text(root, "searchID") or ""
        if faults.strict_uuid and not _UUID.match(search_id):
            raise SearchError(400, Code.BAD_CONTENT, "badXmlContent")
        tracks = [
            int(i.text or 0) for i in root.iter() if local(i.tag) == "trackID" and (i.text or "").strip().isdecimal()
        ]
        wire = self.wire
        try:
            spans = [
                (
                    wire.decode(parse_digits(child_text(item, "startTime") or "")),
                    wire.decode(parse_digits(child_text(item, "endTime") or "")),
                )
                for item in root.iter()
                if local(item.tag) == "timeSpan"
            ]
        except ValueError:
            raise SearchError(400, Code.BAD_CONTENT, "badParameters") from None
        page = int(child_text(root, "maxResults") or 40)
        query = Query(search_id.strip("{}").lower(), tracks, spans, page, self._position(root), self._kinds(root))
        limit = faults.window_limit
        if limit and sum((e - s).total_seconds() for s, e in spans) * page * max(1, len(tracks)) > limit:
            raise SearchError(400, Code.BAD_CONTENT, "badParameters")
        return query

    def _position(self, root: ET.Element) -> int:
        names = {"postion": ["searchResultPostion"], "position": ["searchResultPosition"]}.get(
            self._device.faults.search.position, ["searchResultPostion", "searchResultPosition"]
        )
        for name in names:
            text = child_text(root, name)
            if text is not None and text.isdecimal():
                return int(text)
        return 0

    def _kinds(self, root: ET.Element) -> frozenset[Kind] | None:
        """Return the kinds asked for; what follows the descriptor's host counts."""
        faults = self._device.faults.search
        text = (child_text(root, "metadataDescriptor") or "").lower().strip("/")
        asked = text.partition("/")[2]
        if not asked or faults.types == "ignore":
            return None
        kinds = _ASKED_KINDS.get(asked)
        if faults.types == "error" or kinds is None:
            raise SearchError(400, Code.BAD_CONTENT, "badParameters")
        return frozenset() if faults.types == "nomatches" else kinds

    def _handle(self, query: Query) -> _Handle:
        faults, now = self._device.faults.search, time.monotonic()
        for key, old in list(self._handles.items()):
            if now - old.used > faults.handle_life or (old.finished and key != query.search_id):
                del self._handles[key]
        handle = self._handles.get(query.search_id)
        if handle is not None:  # results stay cached by id, whatever is asked (hikvision-isapi 8.2)
            handle.used = now
            self._handles.move_to_end(query.search_id)
            return handle
        if len(self._handles) >= faults.handles:
            if faults.strict_handles or not self._handles:
                raise SearchError(400, Code.BAD_CONTENT, "noSearchIDResource")
            self._handles.popitem(last=False)
        handle = _Handle(self._find(query), now)
        self._handles[query.search_id] = handle
        self._device.counters.searches += 1
        return handle

    def _find(self, query: Query) -> list[tuple[int, RecordedFile]]:
        device = self._device
        found: list[tuple[int, RecordedFile]] = []
        for track in query.tracks:
            channel, index = divmod(track, 100)
            if channel not in device.channels or index not in (
                {1, 2, 3} if device.faults.search.sub_tracks else {1, 3}
            ):
                if device.faults.search.unknown_track == "error":
                    raise SearchError(400, Code.BAD_CONTENT, "badParameters", "Invalid track id.")
                continue
            for span in query.spans:
                files = self._files(channel, span, query.kinds)
                if index == 3:
                    files = [file for file in files if file.kind is not Kind.CONTINUOUS]
                found += [(track, file) for file in files]
        found.sort(key=lambda item: item[1].start + device.clock.skew_at(item[1].start))
        return found

    def _page(self, query: Query) -> bytes:
        faults, counters = self._device.faults.search, self._device.counters
        handle = self._handle(query)
        counters.search_pages += 1
        size = max(0, min(query.page, faults.page_cap))
        items = handle.items[handle.dropped :][: faults.total_cap]
        part = items[query.position : query.position + size]
        more = query.position + len(part) < len(items)
        if faults.more_empty and items and not more:
            more = True
        handle.finished = not more
        handle.dropped += faults.retention_shift if more else 0
        counters.search_items += len(part)
        state = "MORE" if more else ("OK" if part else "NO MATCHES")
        count = {"total": len(items), "plus": len(part) + 1}.get(faults.matches, len(part))
        return self._render(query, state, count, "".join(self._item(track, file) for track, file in part))

    def _render(self, query: Query, state: str, count: int, items: str) -> bytes:
        faults, dialect = self._device.faults.search, self._device.dialect(self._device.faults.search.namespace)
        uri = NAMESPACES[dialect.namespace]
        namespace = f' xmlns="{uri}"' if uri else ""
        matches = f"<matchList>\n{items}</matchList>\n" if items or state == "MORE" else ""
        return (
            '<?xml version="1.0" encoding="UTF-8" ?>\n'
            f'<CMSearchResult version="{dialect.version}"{namespace}>\n'
            f"<searchID>{{{query.search_id}}}</searchID>\n<responseStatus>true</responseStatus>\n"
            f"<{faults.status_tag}>{state}</{faults.status_tag}>\n<numOfMatches>{count}</numOfMatches>\n"
            f"{matches}</CMSearchResult>\n"
        ).encode()

    def _item(self, track: int, file: RecordedFile) -> str:
        faults = self._device.faults.search
        modes = (faults.mode, faults.playback_mode)
        shape = (modes, faults.uri_host, faults.uri_port, faults.uri_break, faults.uri_slash, faults.suffix)
        device = self._device
        key = (track, file, shape, device.clock.skew_at(file.start), device.zone.minutes, device.rtsp_port)
        text = self._rendered.get(key)
        if text is None:
            if len(self._rendered) > 60_000:
                self._rendered.clear()
            text = self._rendered[key] = self._render_item(track, file)
        return text

    def _render_item(self, track: int, file: RecordedFile) -> str:
        wire, suffix = self.wire, self._device.faults.search.suffix
        start = wire.encode(file.start).replace(microsecond=0)
        end = wire.encode(file.planned_end).replace(microsecond=0)
        ends = start if track % 100 == 3 else end
        spelled = [moment.strftime(_WIRE).removesuffix("Z") + suffix for moment in (start, ends)]
        uri = self.playback_uri(track, file).replace("&", "&amp;")
        codec = "H.265" if self._codec(track) == "H.265" else "H.264-BP"
        return (
            "<searchMatchItem>\n<sourceID>{00000000-0000-0000-0000-000000000000}</sourceID>\n"
            f"<trackID>{track}</trackID>\n"
            f"<timeSpan>\n<startTime>{spelled[0]}</startTime>\n<endTime>{spelled[1]}</endTime>\n</timeSpan>\n"
            f"<mediaSegmentDescriptor>\n<contentType>video</contentType>\n<codecType>{codec}</codecType>\n"
            f"<playbackURI>{uri}</playbackURI>\n<lockStatus>unlock</lockStatus>\n<name>{file.name}</name>\n"
            "</mediaSegmentDescriptor>\n<metadataMatches>\n"
            f"<metadataDescriptor>recordType.meta.hikvision.com/{_RECORD_TYPES[file.kind]}</metadataDescriptor>\n"
            "</metadataMatches>\n</searchMatchItem>\n"
        )

    def _codec(self, track: int) -> str:
        found = self._device.stream(track // 100 * 100 + 1)
        return found[1].codec if found else "H.264"

    def playback_uri(self, track: int, file: RecordedFile) -> str:
        """Return the playback address of a file as this firmware writes it."""
        device, faults, wire = self._device, self._device.faults.search, self.playback_wire
        host = faults.uri_host or device.options.host
        port = {"own": f":{device.rtsp_port}", "http": f":{device.http_port}"}.get(faults.uri_port, "")
        start = wire.encode(file.start).replace(microsecond=0)
        if track % 100 == 3:
            stamp, name, size = start.strftime(_WIRE), f"{start:%Y%m%d%H%M%S}_{file.name}_00_00_SC_01", 322_560
            return f"rtsp://{host}{port}/Streaming/tracks/{track}?starttime={stamp}&endtime={stamp}&name={name}&size={size}"
        end = wire.encode(file.planned_end).replace(microsecond=0)
        slash = "/" if faults.uri_slash else ""
        broken = "\n  " if faults.uri_break else ""
        return (
            f"rtsp://{host}{port}/Streaming/tracks/{track}{slash}?starttime={start.strftime(_COMPACT)}"
            f"&{broken}endtime={end.strftime(_COMPACT)}&name={file.name}&size={file.size}"
        )

    def distribution(self, request: Request, argument: str) -> Response:
        """Answer which days of a month hold footage, in the recorder's own calendar."""
        device, faults = self._device, self._device.faults.search
        if faults.calendar != "ok":
            return unsupported(device, request, int(faults.calendar))
        try:
            root = ET.fromstring(request.body)
            year, month = int(child_text(root, "year") or ""), int(child_text(root, "monthOfYear") or "")
            days = calendar.monthrange(year, month)[1]
        except ET.ParseError, ValueError:
            return failure(device, request, 400, Code.BAD_CONTENT, "badXmlContent")
        channel = int(argument) // 100 if argument.isdecimal() else 0
        if channel not in device.channels:
            return failure(device, request, 400, Code.BAD_CONTENT, "badParameters", description="Invalid track id.")
        nodes = []
        for day in range(1, days + 1):
            first = device.clock.day_start(datetime(year, month, day, tzinfo=UTC).date())
            after = device.clock.day_start(datetime(year, month, day, tzinfo=UTC).date() + timedelta(days=1))
            kinds = device.footage.kinds_between(channel, first, after) if not faults.calendar_empty else set()
            kind = None if not kinds else ("time" if Kind.CONTINUOUS in kinds else "event")
            nodes.append(el("day", fields(id=day, dayOfMonth=day, record=bool(kinds), recordType=kind)))
        if faults.calendar_too_long:
            nodes.append(el("day", fields(id=days + 1, dayOfMonth=days + 1, record=True, recordType="time")))
        return xml(device, el("trackDailyDistribution", [listing("dayList", nodes, sized=False)]))
