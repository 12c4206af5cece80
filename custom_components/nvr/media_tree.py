"""The nodes of the media browser: what is below a recorder, a channel, a month, a day, an hour, a kind.

Days and hours are those of the recorder's own clock, so that they are what its screen and its menus show; on the days
when it changes to summer time and back they have 23 and 25 hours.
"""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from homeassistant.components.media_player import MediaClass, MediaType
from homeassistant.components.media_source import BrowseMediaSource
from homeassistant.util import dt as dt_util

from .const import DOMAIN
from .core.clock import DeviceClock
from .core.models import Channel, DayMap, Detection, EventKind, RecordingKind, RecordingSegment, TimeSpan
from .core.timeline import hours
from .footage import clock_of, index_of, read_events, read_segments, to_play
from .hub import NvrHub
from .media_ids import (
    ChannelId,
    ChannelMediaId,
    ClipsId,
    DayId,
    EventsId,
    HourId,
    KindId,
    MediaId,
    MomentId,
    MonthId,
    RecorderId,
    RootId,
    SpanId,
    WholeDayId,
)
from .media_words import Words, clock_range, offset_name
from .pictures import Shown, picture_path

MAX_CHILDREN: Final = 500
_INSIDE: Final = timedelta(seconds=1)
# What a file was recorded for comes some seconds behind its beginning.
_BEFORE: Final = timedelta(seconds=10)
_SEARCHED: Final = [MediaClass.VIDEO, MediaClass.DIRECTORY]


def node(
    media_id: MediaId,
    title: str,
    *,
    children: Sequence[BrowseMediaSource] | None = None,
    play: bool = False,
    expand: bool = True,
    thumbnail: str | None = None,
    media_class: MediaClass | None = None,
) -> BrowseMediaSource:
    """Make one node; children beyond what a page can show are counted as not shown."""
    made = BrowseMediaSource(
        domain=DOMAIN,
        identifier=media_id.format(),
        media_class=media_class or (MediaClass.DIRECTORY if expand else MediaClass.VIDEO),
        media_content_type=MediaType.VIDEO if play else "",
        title=title,
        can_play=play,
        can_expand=expand,
        thumbnail=thumbnail,
        can_search=expand and isinstance(media_id, RootId | RecorderId | ChannelId | DayId | ClipsId),
    )
    if made.can_search:
        made.search_media_classes = list(_SEARCHED)
    if children is not None:
        made.children = list(children[:MAX_CHILDREN])
        made.not_shown = max(0, len(children) - MAX_CHILDREN)
    return made


@dataclass(frozen=True, slots=True)
class ChannelBranch:
    """What can be opened below one channel. Every coroutine raises RefusedError and NvrError."""

    hub: NvrHub
    id: ChannelId
    channel: Channel
    words: Words

    @property
    def _clock(self) -> DeviceClock:
        return clock_of(self.hub)

    async def open(self, media_id: ChannelMediaId) -> BrowseMediaSource:
        """Open a node below this channel."""
        match media_id:
            case ChannelId():
                return await self.newest()
            case MonthId():
                return await self.month(media_id)
            case DayId():
                return await self.day(media_id)
            case WholeDayId():
                return await self.day(media_id.day)
            case KindId():
                return await self.kind(media_id)
            case EventsId():
                return await self.events(media_id)
            case HourId():
                return await self.hour(media_id)
            case SpanId() | MomentId():
                return self.part(media_id.span)

    def days_node(self, maps: Sequence[DayMap], earlier: MonthId, *, of: ChannelId | MonthId) -> BrowseMediaSource:
        """Make the node that lists the days of some months, newest first, and leads to the month before."""
        today = self._clock.date_of(dt_util.utcnow())
        days = sorted((day for day_map in maps for day in day_map.dates()), reverse=True)
        children = [node(DayId(self.id, day), self.words.day(day, today), thumbnail=self._tile(day)) for day in days]
        children.append(node(earlier, self.words.earlier(earlier.year, earlier.month)))
        title = self.words.month(of.year, of.month) if isinstance(of, MonthId) else self.channel.name
        return node(of, title, children=children)

    async def newest(self) -> BrowseMediaSource:
        """Open the channel: the days of this month and of the one before."""
        today = self._clock.date_of(dt_util.utcnow())
        this = MonthId(self.id, today.year, today.month)
        last = month_before(this)
        maps = await asyncio.gather(self._day_map(this), self._day_map(last))
        return self.days_node(maps, month_before(last), of=self.id)

    async def month(self, month: MonthId) -> BrowseMediaSource:
        """Open a month."""
        return self.days_node([await self._day_map(month)], month_before(month), of=month)

    async def _day_map(self, month: MonthId) -> DayMap:
        return await index_of(self.hub).day_map(self.id.channel, month.year, month.month)

    async def day(self, day: DayId) -> BrowseMediaSource:
        """Open a day: all of it, what was recorded for each reason, the hours with footage."""
        window = self._clock.day(day.day)
        segments = await self._segments(window)
        today = self._clock.date_of(dt_util.utcnow())
        title = self.words.day(day.day, today)
        if not segments:
            return node(day, title, children=[])
        tile = self._tile(day.day)
        children = [node(WholeDayId(day), self.words.text("media_all_day"), play=True, expand=False, thumbnail=tile)]
        counts = Counter(segment.kind for segment in segments)
        children += [
            node(
                KindId(day, kind), self.words.text("media_counted", name=self.words.kind(kind), count=str(counts[kind]))
            )
            for kind in RecordingKind
            if counts[kind]
        ]
        if self.hub.detections is not None:
            children.append(node(EventsId(day), self.words.text("media_events")))
        children += self._hours(window, segments)
        return node(day, title, children=children)

    def _hours(self, window: TimeSpan, segments: Sequence[RecordingSegment]) -> list[BrowseMediaSource]:
        spans = hours(window)
        # The end is counted, not read: where the clock is put back, the hour before would seem to end as it began.
        labels = [clock_range(self._wall(span.start), self._wall(span.start) + span.duration) for span in spans]
        twice = {label for label, count in Counter(labels).items() if count > 1}
        return [
            node(
                HourId(self.id, span),
                f"{label} ({offset_name(self._offset(span.start))})" if label in twice else label,
                play=True,
                thumbnail=self._tile(span),
            )
            for span, label in zip(spans, labels, strict=True)
            if any(segment.span.overlaps(span) for segment in segments)
        ]

    async def kind(self, kind: KindId) -> BrowseMediaSource:
        """Open what was recorded for one reason on one day."""
        day = self._clock.day(kind.day.day)
        segments = await self._segments(day)
        children = [self.segment(segment, within=day) for segment in segments if segment.kind is kind.kind]
        return node(kind, self.words.kind(kind.kind), children=children)

    async def events(self, events: EventsId) -> BrowseMediaSource:
        """Open what happened on one day, by kind, or one kind of it; an event plays from a little before."""
        day = self._clock.day(events.day.day)
        kinds = None if events.kind is None else frozenset({events.kind})
        found = await read_events(self.hub, self.id.channel, day, kinds)
        if events.kind is not None:
            return node(events, self.words.event(events.kind), children=[self.event(each) for each in found])
        counts = Counter(detection.kind for detection in found)
        children = [
            node(
                EventsId(events.day, kind),
                self.words.text("media_counted", name=self.words.event(kind), count=str(counts[kind])),
            )
            for kind in EventKind
            if counts[kind]
        ]
        return node(events, self.words.text("media_events"), children=children)

    def event(self, detection: Detection, *, prefix: str = "") -> BrowseMediaSource:
        """Make the node that plays one event."""
        length = self.words.duration(detection.span.duration)
        title = f"{prefix}{self._wall(detection.span.start):%H:%M:%S} {self.words.event(detection.kind)} ({length})"
        tile = self._tile(detection.span.start)
        span = to_play(detection, dt_util.utcnow())
        return node(SpanId(self.id, span), title, play=True, expand=False, thumbnail=tile)

    async def hour(self, hour: HourId) -> BrowseMediaSource:
        """Open an hour: all of it, and its segments."""
        segments = await self._segments(hour.span)
        day = self._clock.day(self._clock.date_of(hour.span.start))
        tile = self._tile(hour.span)
        title = self.words.text("media_whole_hour")
        whole = node(SpanId(self.id, hour.span), title, play=True, expand=False, thumbnail=tile)
        children = [whole, *(self.segment(segment, within=day) for segment in segments)] if segments else []
        return node(hour, self._label(hour.span), children=children)

    def segment(self, segment: RecordingSegment, *, within: TimeSpan, prefix: str = "") -> BrowseMediaSource:
        """Make the node of one segment, or of what lies within; one still being written ends now and says so."""
        span = known_part(segment)
        span = span.clip(within) or span
        kind = self.words.kind(segment.kind)
        length = self.words.text("media_running") if segment.open else self.words.duration(span.duration)
        # A tile shows twenty letters: when it began and why come first.
        title = f"{prefix}{self._wall(span.start):%H:%M:%S} {kind} ({length})"
        # Just inside: at the seam of two files the one before might answer.
        always = segment.kind in {RecordingKind.CONTINUOUS, RecordingKind.UNKNOWN}
        tile = self._tile(span.start + min(_INSIDE if always else _BEFORE, span.duration / 2))
        return node(SpanId(self.id, span), title, play=True, expand=False, thumbnail=tile)

    def part(self, span: TimeSpan, *, prefix: str = "") -> BrowseMediaSource:
        """Make a node that plays what was recorded between two moments."""
        title = f"{prefix}{self._label(span)}"
        return node(SpanId(self.id, span), title, play=True, expand=False, thumbnail=self._tile(span))

    def _tile(self, shown: Shown) -> str:
        """Return where the picture of a tile is; it is made when somebody looks at it, who needs the right to it."""
        return picture_path(self.id.entry_id, self.id.channel, shown)

    async def _segments(self, window: TimeSpan) -> list[RecordingSegment]:
        return await read_segments(self.hub, self.id.channel, window)

    def _label(self, span: TimeSpan) -> str:
        return clock_range(self._wall(span.start), self._wall(span.end))

    def _wall(self, moment: datetime) -> datetime:
        return self._clock.to_wall(moment)

    def _offset(self, moment: datetime) -> timedelta:
        return moment.astimezone(self._clock.zone).utcoffset() or timedelta(0)


def known_part(segment: RecordingSegment) -> TimeSpan:
    """Return what of the segment exists: recorders give the one being written an end that is still to come."""
    now = dt_util.utcnow().replace(microsecond=0)
    if segment.span.start < now < segment.span.end:
        return TimeSpan(segment.span.start, now)
    return segment.span


def month_before(month: MonthId) -> MonthId:
    """Return the month before."""
    last = date(month.year, month.month, 1) - timedelta(days=1)
    return MonthId(month.channel, last.year, last.month)
