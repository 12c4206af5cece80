"""What a recorder has of a channel, asked for on behalf of people: found, or refused with a reason they can act on."""

from collections.abc import AsyncGenerator, Iterable
from datetime import datetime, timedelta
from typing import Final

from homeassistant.exceptions import HomeAssistantError

from .const import DOMAIN
from .core.clock import DeviceClock
from .core.models import Channel, Detection, EventKind, RecordingSegment, StreamRole, TimeSpan
from .core.recording_index import CachedRecordingIndex
from .core.timeline import merge
from .hub import NvrHub
from .recording_search import TOLERANCE, closing_search

# What led to an event is played with it, and what lasted no time is long enough to be seen.
_LEAD: Final = timedelta(seconds=5)
_SHORTEST: Final = timedelta(seconds=10)


class RefusedError(Exception):
    """What was asked for cannot be had, and nothing failed; `key` names the sentence, `placeholders` fill it."""

    def __init__(self, key: str, **placeholders: str) -> None:
        """Keep the key of the sentence and what goes into it."""
        super().__init__(key)
        self.key = key
        self.placeholders = placeholders

    def translate[T: HomeAssistantError](self, kind: type[T]) -> T:
        """Return it as an error of Home Assistant."""
        return kind(translation_domain=DOMAIN, translation_key=self.key, translation_placeholders=self.placeholders)


def index_of(hub: NvrHub) -> CachedRecordingIndex:
    """Return what is stored; raises RefusedError, or a core error while the recorder was never reached."""
    if (index := hub.recordings) is not None:
        return index
    _require_connected(hub)
    raise RefusedError("no_recordings", name=hub.name)


def clock_of(hub: NvrHub) -> DeviceClock:
    """Return the recorder's clock; raises RefusedError, or a core error while it was never reached."""
    if (clock := hub.clock) is not None:
        return clock
    _require_connected(hub)
    raise RefusedError("no_recordings", name=hub.name)


def channel_of(hub: NvrHub, number: int) -> Channel:
    """Return the channel of that number; raises RefusedError."""
    if (channel := hub.channel(number)) is not None:
        return channel
    raise RefusedError("no_channel", channel=str(number), name=hub.name)


async def read_segments(
    hub: NvrHub, channel: int, span: TimeSpan, *, role: StreamRole = StreamRole.MAIN
) -> list[RecordingSegment]:
    """Return all segments that touch the span, oldest first. Raises RefusedError and NvrError."""
    async with closing_search(index_of(hub), channel, span, role=role) as segments:
        return [segment async for segment in segments if segment.span.overlaps(span)]


async def read_events(
    hub: NvrHub, channel: int, span: TimeSpan, kinds: frozenset[EventKind] | None = None, *, limit: int | None = None
) -> list[Detection]:
    """Return what happened in the span, oldest first, at most one more than the limit. Raises as `read_segments`."""
    if (index := hub.detections) is None:
        _require_connected(hub)
        raise RefusedError("no_event_history", name=hub.name)
    found: list[Detection] = []
    detections = index.find(channel, span, kinds)
    try:
        async for detection in detections:
            found.append(detection)
            if limit is not None and len(found) > limit:
                break
    finally:
        if isinstance(detections, AsyncGenerator):
            await detections.aclose()
    return found


def to_play(detection: Detection, now: datetime) -> TimeSpan:
    """Return what to play of an event: a little before it too, and nothing that is still to come; pure."""
    start = detection.span.start - _LEAD
    return TimeSpan(start, max(min(max(detection.span.end, start + _SHORTEST), now), start + timedelta(seconds=1)))


def recorded_spans(segments: Iterable[RecordingSegment], window: TimeSpan) -> list[TimeSpan]:
    """Return what the segments cover of the window, seams closed; pure."""
    parts = (segment.span.clip(window) for segment in segments)
    return list(merge([part for part in parts if part is not None], TOLERANCE))


def _require_connected(hub: NvrHub) -> None:
    hub.link.identity.require_known()
