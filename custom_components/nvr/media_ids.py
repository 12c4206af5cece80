"""The names of things in the media source: frozen types with `parse` and `format`, nothing else.

An identifier is what follows `media-source://nvr/`. It begins with a version, so that a bookmark of today is still
understood, or refused with words, when the scheme changes:

    1/clips                                         all clips
    1/clips/<entry>/<channel>                       the clips of a channel
    1/clip/<clip>                                   a clip, to play
    1/<entry>                                       a recorder
    1/<entry>/<channel>                             a channel
    1/<entry>/<channel>/month/2026-11               a month of the recorder's calendar
    1/<entry>/<channel>/day/2026-11-20              a day of the recorder's calendar
    1/<entry>/<channel>/day/2026-11-20/all          the same day, to play
    1/<entry>/<channel>/day/2026-11-20/kind/motion  what was recorded for that reason on that day
    1/<entry>/<channel>/day/2026-11-20/events       what happened on that day, by kind
    1/<entry>/<channel>/day/2026-11-20/events/person  what of that kind happened on that day
    1/<entry>/<channel>/span/20261120T130000Z/20261120T140000Z          footage between two moments, to play
    1/<entry>/<channel>/hour/20261120T130000Z/20261120T140000Z          the same, to open
    1/<entry>/<channel>/moment/20261120T130000Z                         what led to a moment and followed it, to play

Moments are UTC, so that the hour a clock shows twice has two names. Identifiers come from outside: nothing in them is
trusted, and no right follows from knowing one.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
import re
from typing import Final

from .core.models import EventKind, RecordingKind, TimeSpan

VERSION: Final = "1"
URI_PREFIX: Final = "media-source://nvr"

_ENTRY: Final = re.compile(r"[0-9A-Za-z_-]{1,64}", re.ASCII)
_CLIP: Final = re.compile(r"[0-9a-f]{16}", re.ASCII)
_CHANNEL: Final = re.compile(r"[1-9][0-9]{0,4}", re.ASCII)
_MONTH: Final = re.compile(r"(\d{4})-(\d{2})", re.ASCII)
_DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_MOMENT: Final = re.compile(r"(\d{8}T\d{6})(?:\.(\d{3}))?Z", re.ASCII)
_MAX_LENGTH: Final = 200
_LEAD: Final = timedelta(seconds=10)
_TAIL: Final = timedelta(seconds=20)
# Years no recorder is in are refused here, before arithmetic on them can overflow.
_YEARS: Final = range(1970, 2200)


class MediaIdError(ValueError):
    """An identifier that is none of ours, or of a version we do not know."""


@dataclass(frozen=True, slots=True)
class RootId:
    """All recorders."""

    def format(self) -> str:
        """Return the identifier."""
        return ""


@dataclass(frozen=True, slots=True)
class RecorderId:
    """One recorder, by its config entry."""

    entry_id: str

    def format(self) -> str:
        """Return the identifier."""
        return f"{VERSION}/{self.entry_id}"


@dataclass(frozen=True, slots=True)
class ChannelId:
    """One channel of a recorder."""

    entry_id: str
    channel: int

    def format(self) -> str:
        """Return the identifier."""
        return f"{VERSION}/{self.entry_id}/{self.channel}"


@dataclass(frozen=True, slots=True)
class MonthId:
    """One month of a channel, in the recorder's own calendar."""

    channel: ChannelId
    year: int
    month: int

    def format(self) -> str:
        """Return the identifier."""
        return f"{self.channel.format()}/month/{self.year:04d}-{self.month:02d}"


@dataclass(frozen=True, slots=True)
class DayId:
    """One day of a channel, in the recorder's own calendar."""

    channel: ChannelId
    day: date

    def format(self) -> str:
        """Return the identifier."""
        return f"{self.channel.format()}/day/{self.day.isoformat()}"


@dataclass(frozen=True, slots=True)
class WholeDayId:
    """All that was recorded on one day, to play."""

    day: DayId

    def format(self) -> str:
        """Return the identifier."""
        return f"{self.day.format()}/all"


@dataclass(frozen=True, slots=True)
class KindId:
    """What was recorded for one reason on one day."""

    day: DayId
    kind: RecordingKind

    def format(self) -> str:
        """Return the identifier."""
        return f"{self.day.format()}/kind/{self.kind.value}"


@dataclass(frozen=True, slots=True)
class EventsId:
    """What happened on one day; of one kind, or of all when `kind` is None."""

    day: DayId
    kind: EventKind | None = None

    def format(self) -> str:
        """Return the identifier."""
        return f"{self.day.format()}/events" + (f"/{self.kind.value}" if self.kind else "")


@dataclass(frozen=True, slots=True)
class HourId:
    """One hour of a day, to open."""

    channel: ChannelId
    span: TimeSpan

    def format(self) -> str:
        """Return the identifier."""
        return f"{self.channel.format()}/hour/{format_moment(self.span.start)}/{format_moment(self.span.end)}"


@dataclass(frozen=True, slots=True)
class SpanId:
    """Footage between two moments, to play."""

    channel: ChannelId
    span: TimeSpan

    def format(self) -> str:
        """Return the identifier."""
        return f"{self.channel.format()}/span/{format_moment(self.span.start)}/{format_moment(self.span.end)}"


@dataclass(frozen=True, slots=True)
class ClipsId:
    """All clips, or those of one channel."""

    channel: ChannelId | None = None

    def format(self) -> str:
        """Return the identifier."""
        of = "" if self.channel is None else f"/{self.channel.entry_id}/{self.channel.channel}"
        return f"{VERSION}/clips{of}"


@dataclass(frozen=True, slots=True)
class ClipId:
    """One clip, to play."""

    clip_id: str

    def format(self) -> str:
        """Return the identifier."""
        return f"{VERSION}/clip/{self.clip_id}"


@dataclass(frozen=True, slots=True)
class MomentId:
    """The footage around a moment, to play; every event has one, before anything of it is written."""

    channel: ChannelId
    at: datetime

    @property
    def span(self) -> TimeSpan:
        """What is played: what led to it, and what followed."""
        return TimeSpan(self.at - _LEAD, self.at + _TAIL)

    def format(self) -> str:
        """Return the identifier."""
        return f"{moment_prefix(self.channel)}{format_moment(self.at)}"


type ChannelMediaId = ChannelId | MonthId | DayId | WholeDayId | KindId | EventsId | HourId | SpanId | MomentId
type MediaId = RootId | RecorderId | ClipsId | ClipId | ChannelMediaId


def moment_prefix(channel: ChannelId) -> str:
    """Return how the identifiers of all moments of a channel begin: `format_moment` makes the rest."""
    return f"{channel.format()}/moment/"


def channel_id_of(media_id: ChannelMediaId) -> ChannelId:
    """Return the channel that something belongs to."""
    if isinstance(media_id, ChannelId):
        return media_id
    if isinstance(media_id, WholeDayId | KindId | EventsId):
        return media_id.day.channel
    return media_id.channel


def day_of(media_id: MediaId) -> date | None:
    """Return the day that something is, or is part of by its name; None for what has no day in its name."""
    if isinstance(media_id, WholeDayId | KindId | EventsId):
        return media_id.day.day
    return media_id.day if isinstance(media_id, DayId) else None


def content_id(media_id: MediaId) -> str:
    """Return the media content id that other parts of Home Assistant understand."""
    identifier = media_id.format()
    return f"{URI_PREFIX}/{identifier}" if identifier else URI_PREFIX


def parse(identifier: str) -> MediaId:
    """Read an identifier; raises MediaIdError."""
    if len(identifier) > _MAX_LENGTH:
        raise MediaIdError("the media id is too long")
    match identifier.strip("/").split("/"):
        case [""] | ["1"]:
            return RootId()
        case ["1", "clips", *rest]:
            return _parse_clips(rest)
        case ["1", "clip", clip_id] if _CLIP.fullmatch(clip_id):
            return ClipId(clip_id)
        case ["1", entry, *rest] if _ENTRY.fullmatch(entry):
            return _parse_below_recorder(entry, rest)
        case [version, *_] if version != VERSION and version.isdecimal():
            raise MediaIdError(f"the media id is of version {version[:8]}, which this release does not know")
    raise MediaIdError("the media id names nothing of this integration")


def _parse_clips(rest: list[str]) -> ClipsId:
    match rest:
        case []:
            return ClipsId()
        case [entry, number] if _ENTRY.fullmatch(entry) and _CHANNEL.fullmatch(number):
            return ClipsId(ChannelId(entry, int(number)))
    raise MediaIdError("the media id names no clips")


def _parse_below_recorder(entry: str, rest: list[str]) -> MediaId:
    match rest:
        case []:
            return RecorderId(entry)
        case [number, *below] if _CHANNEL.fullmatch(number):
            return _parse_below_channel(ChannelId(entry, int(number)), below)
    raise MediaIdError("the media id names no channel")


def _parse_below_channel(channel: ChannelId, rest: list[str]) -> MediaId:
    match rest:
        case []:
            return channel
        case ["month", text]:
            return _parse_month(channel, text)
        case ["day", text, *below]:
            return _parse_below_day(DayId(channel, parse_day(text)), below)
        case ["hour", start, end]:
            return HourId(channel, _parse_span(start, end))
        case ["span", start, end]:
            return SpanId(channel, _parse_span(start, end))
        case ["moment", text]:
            return MomentId(channel, parse_moment(text))
    raise MediaIdError("the media id names nothing that a channel has")


def _parse_below_day(day: DayId, rest: list[str]) -> MediaId:
    match rest:
        case []:
            return day
        case ["all"]:
            return WholeDayId(day)
        case ["kind", kind] if kind in RecordingKind:
            return KindId(day, RecordingKind(kind))
        case ["events"]:
            return EventsId(day)
        case ["events", kind] if kind in EventKind:
            return EventsId(day, EventKind(kind))
    raise MediaIdError("the media id names nothing that a day has")


def _parse_month(channel: ChannelId, text: str) -> MonthId:
    if found := _MONTH.fullmatch(text):
        year, month = int(found[1]), int(found[2])
        if year in _YEARS and 1 <= month <= 12:
            return MonthId(channel, year, month)
    raise MediaIdError("the media id names no month")


def parse_day(text: str) -> date:
    """Read a date; raises MediaIdError."""
    if _DAY.fullmatch(text) and int(text[:4]) in _YEARS:
        try:
            return date.fromisoformat(text)
        except ValueError:
            pass
    raise MediaIdError("the media id names no day")


def _parse_span(start: str, end: str) -> TimeSpan:
    first, last = parse_moment(start), parse_moment(end)
    if first >= last:
        raise MediaIdError("the media id ends before it starts")
    return TimeSpan(first, last)


def format_moment(moment: datetime) -> str:
    """Write a moment as UTC, milliseconds only where there are any."""
    utc = moment.astimezone(UTC)
    text = f"{utc:%Y%m%dT%H%M%S}".rjust(15, "0")
    if milliseconds := utc.microsecond // 1000:
        text = f"{text}.{milliseconds:03d}"
    return f"{text}Z"


def parse_moment(text: str) -> datetime:
    """Read what `format_moment` wrote; raises MediaIdError."""
    if (found := _MOMENT.fullmatch(text)) and int(text[:4]) in _YEARS:
        try:
            moment = datetime.strptime(found[1], "%Y%m%dT%H%M%S").replace(tzinfo=UTC)
        except ValueError:
            pass
        else:
            return moment.replace(microsecond=int(found[2] or 0) * 1000)
    raise MediaIdError("the media id names no moment")
