"""Which files a Dahua recorder keeps of its footage, and how they are named (dahua-cgi 9.2).

One moment is in one file: where something happens the schedule's file ends, and an event's file stands between. All
names and times on the wire are the recorder's wall clock in whole seconds.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
import re
from typing import Literal

from tests.simulators.clock import SimClock, WireClock
from tests.simulators.footage import Footage, Kind, RecordedFile, Span, merge, subtract

from .firmware import Firmware

type StreamName = Literal["Main", "Extra1"]

STREAMS: tuple[StreamName, ...] = ("Main", "Extra1")
_LETTERS = {Kind.CONTINUOUS: "R", Kind.MOTION: "M", Kind.SMART: "I", Kind.ALARM: "A", Kind.MANUAL: "E"}
CODES = {Kind.MOTION: "VideoMotion", Kind.SMART: "CrossRegionDetection", Kind.ALARM: "AlarmLocal"}
_EVENT_KINDS = [kind for kind in Kind if kind is not Kind.CONTINUOUS]
_SUB_SHARE = 3, 8
_NAME = re.compile(
    r"/(?P<day>\d{4}-\d\d-\d\d)/(?P<slot>\d+)/(?P<type>dav|jpg)/\d\d/1/(?P<stream>\d)/\d+/"
    r"(?P<start>\d\d\.\d\d\.\d\d)(?:-\d\d\.\d\d\.\d\d)?\[(?P<letter>\w)\]\[0@0\]\[0\]\.\w+\Z"
)


@dataclass(frozen=True, slots=True)
class DahuaFile:
    """One file of one stream, or a stored still when `jpg`; times are true UTC, `channel` counts from 1."""

    channel: int
    stream: StreamName
    kind: Kind
    start: datetime
    end: datetime
    open: bool
    size: int
    path: str
    jpg: bool = False

    @property
    def cluster(self) -> int:
        """A number of its own, also for the two files of a repeated hour that have one name."""
        return cluster_of(self.start)

    @property
    def flags(self) -> list[str]:
        """Why it was recorded, as Flags tells it."""
        return ["Timing"] if self.kind is Kind.CONTINUOUS else ["Manual" if self.kind is Kind.MANUAL else "Event"]

    @property
    def events(self) -> list[str]:
        """What happened, as Events tells it."""
        return [CODES[self.kind]] if self.kind in CODES else []


def cluster_of(start: datetime) -> int:
    """Return where on the disk something lies that begins then."""
    return int(start.timestamp()) // 8 % 1_000_000


class Catalogue:
    """Tells the files of any window and finds one by its path."""

    def __init__(self, footage: Footage, firmware: Firmware) -> None:
        self._footage = footage
        self._firmware = firmware
        self.jpg_bytes = 41_000
        self._prepared: dict[tuple[int, StreamName], list[DahuaFile]] = {}

    def prepare(self, channels: Iterable[int]) -> None:
        """Work out every file of the main streams ahead, so that a benchmark measures its client."""
        start, end = self._footage.oldest(), self.clock.now()
        self._prepared = {(number, "Main"): self.files(number, "Main", start, end) for number in channels}

    @property
    def clock(self) -> SimClock:
        """The recorder's clock."""
        return self._footage.clock

    def wall(self, true: datetime) -> datetime:
        """Return the digits of the recorder's wall clock."""
        return WireClock(self.clock, "local").encode(true)

    def whole(self, moment: datetime) -> datetime:
        """Return a moment cut to the whole second that the wire tells of it."""
        return self.clock.to_true(self.clock.to_device(moment).replace(microsecond=0))

    def rate(self, channel: int, stream: StreamName) -> int:
        """Return how many bytes a second of a stream takes."""
        plan = self._footage.plans[channel]
        share, whole_ = _SUB_SHARE
        return plan.bytes_per_second if stream == "Main" else plan.bytes_per_second * share // whole_

    def files(self, channel: int, stream: StreamName, start: datetime, end: datetime) -> list[DahuaFile]:
        """Return the files that overlap a window, by start."""
        if (channel, stream) in self._prepared:
            return [f for f in self._prepared[channel, stream] if f.start < end and f.end > start]
        footage = self._footage
        schedule = footage.files(channel, start, end, [Kind.CONTINUOUS])
        low, high = (min(f.start for f in schedule), max(f.end for f in schedule)) if schedule else (start, end)
        happened = footage.files(channel, min(low, start), max(high, end), _EVENT_KINDS)
        busy = merge((f.start, f.end) for f in happened)
        pieces = [(span, f) for f in schedule for span in subtract((f.start, f.end), busy)]
        pieces += [((f.start, f.end), f) for f in happened]
        made = [self._file(stream, span, f) for span, f in pieces if self.whole(span[0]) < self.whole(span[1])]
        return sorted((f for f in made if f.start < end and f.end > start), key=lambda f: (f.start, f.path))

    def _file(self, stream: StreamName, span: Span, source: RecordedFile) -> DahuaFile:
        start, end = self.whole(span[0]), self.whole(span[1])
        path = self._path(source.channel, stream, source.kind, start, end)
        size = int((end - start).total_seconds()) * self.rate(source.channel, stream)
        running = source.open and span[1] == source.end
        return DahuaFile(source.channel, stream, source.kind, start, end, running, size, path)

    def stills(self, channel: int, start: datetime, end: datetime) -> list[DahuaFile]:
        """Return the pictures stored of what happened and was recorded in a window."""
        found = []
        limit = min(end, self.clock.now())
        for incident in self._footage.incidents(channel, start, limit):
            begin = self.whole(incident.start)
            if start <= begin < limit and self._footage.files(channel, begin, begin + timedelta(seconds=1)):
                path = self._path(channel, "Main", incident.kind, begin, None)
                at = begin + timedelta(seconds=1)
                still = DahuaFile(channel, "Main", incident.kind, begin, at, open=False, size=self.jpg_bytes, path=path)
                found.append(replace(still, jpg=True))
        return found

    def _path(self, channel: int, stream: StreamName, kind: Kind, start: datetime, end: datetime | None) -> str:
        wall, firmware = self.wall(start), self._firmware
        slot = str(channel - 1) if firmware.file_root == "/mnt/dvr" else f"{channel:03d}"
        name = f"{wall:%H.%M.%S}" + (f"-{self.wall(end):%H.%M.%S}" if end else "")
        folder = "jpg" if end is None else "dav"
        suffix = ".jpg" if end is None else firmware.file_suffix
        place = f"{wall:%H}/1/{STREAMS.index(stream)}/{cluster_of(start)}"
        return f"{firmware.file_root}/{wall:%Y-%m-%d}/{slot}/{folder}/{place}/{name}[{_LETTERS[kind]}][0@0][0]{suffix}"

    def named(self, path: str) -> DahuaFile | None:
        """Return the file of that path while the recorder holds it; of an open one any name it ever had."""
        match = _NAME.search(path)
        if match is None or not path.startswith(f"{self._firmware.file_root}/"):
            return None
        number = int(match["slot"]) + (self._firmware.file_root == "/mnt/dvr")
        stream = STREAMS[min(int(match["stream"]), 1)]
        if number not in self._footage.plans:
            return None
        try:
            digits = datetime.strptime(f"{match['day']} {match['start']}", "%Y-%m-%d %H.%M.%S")  # noqa: DTZ007
        except ValueError:
            return None
        folder = path.rpartition("/")[0]
        for file in self._begun_at(number, stream, digits, jpg=match["type"] == "jpg"):
            if file.path.rpartition("/")[0] == folder and f"[{match['letter']}]" in file.path:
                return file if file.open or file.path == path else None
        return None

    def _begun_at(self, channel: int, stream: StreamName, digits: datetime, *, jpg: bool) -> Iterator[DahuaFile]:
        for fold in (0, 1):
            begin = self.clock.to_true(digits.replace(tzinfo=self.clock.zone, fold=fold))
            end = begin + timedelta(seconds=1)
            near = self.stills(channel, begin, end) if jpg else self.files(channel, stream, begin, end)
            yield from (file for file in near if file.start == begin)

    def playable(self, channel: int, start: datetime, end: datetime) -> list[Span]:
        """Return the spans of a window that can really be played."""
        return self._footage.recorded(channel, start, end)

    def span_of(self, file: DahuaFile) -> list[Span]:
        """Return what a file really holds: files have holes that no list admits."""
        return self.playable(file.channel, file.start, file.end)

    def days(self, channel: int, year: int, month: int) -> list[int]:
        """Return the days of a month, by the wall clock, on which something is recorded."""
        zone = self.clock.zone
        begin = datetime(year, month, 1, tzinfo=zone)
        day, found = self.clock.to_true(begin), []
        while self.clock.date_of(day).month == month:
            date = self.clock.date_of(day)
            following = self.clock.day_start(date + timedelta(days=1))
            if self.files(channel, "Main", day, following):
                found.append(date.day)
            day = following
        return found
