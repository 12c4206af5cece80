"""What happened before a camera, newest first, for answers of a few sentences.

Three sources, the best first: the recorder's own list of detections; what it told while Home Assistant ran; what it
recorded for a reason. The last says when, and not who: it is told as a recording, never as a person.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from homeassistant.util import dt as dt_util
from homeassistant.util.json import JsonObjectType

from .action_targets import Camera
from .core.models import DetectionTarget, EventKind, RecordingKind, TimeSpan
from .footage import read_events, read_segments, to_play
from .media_ids import ChannelId, MomentId, SpanId, content_id
from .sightings import Sighting, Sightings

# What is near is found with few requests; the rest is read only when there is too little of it.
_STEPS: Final = (timedelta(hours=1), timedelta(hours=3), timedelta(hours=8))
_LONGEST_STEP: Final = timedelta(hours=24)
# Repeats of one thing that goes on are one thing.
_SAME: Final = timedelta(seconds=30)
# So far apart are the times that a list and an event tell of one thing: lists begin a little before (dahua-cgi 9.3).
_LISTED: Final = timedelta(seconds=60)
# Rules tell whom they saw beside what he did, so that who asks for people asks for them too.
_SUBJECTS: Final = frozenset({EventKind.PERSON, EventKind.VEHICLE, EventKind.ANIMAL})
_RULES: Final = frozenset(
    {
        EventKind.LINE_CROSSING,
        EventKind.INTRUSION,
        EventKind.REGION_ENTER,
        EventKind.REGION_EXIT,
        EventKind.LOITERING,
    }
)
_REASONS: Final = frozenset({RecordingKind.MOTION, RecordingKind.ALARM, RecordingKind.SMART})

type Kinds = frozenset[EventKind] | None


@dataclass(frozen=True, slots=True)
class Happening:
    """Something that happened before a camera. `kind` is None for a recording, whose `reason` is all that is known."""

    camera: Camera
    start: datetime
    kind: EventKind | None
    media: SpanId | MomentId
    end: datetime | None = None
    target: DetectionTarget | None = None
    plate: str | None = None
    reason: RecordingKind | None = None

    def as_dict(self, name: str, *, playable: bool) -> JsonObjectType:
        """Return what a language model is told; times are local."""
        told: JsonObjectType = {
            "camera": name,
            "kind": "recording" if self.kind is None else self.kind.value,
            "start": local(self.start),
        }
        if self.end is not None and self.end > self.start:
            told["seconds"] = round((self.end - self.start).total_seconds())
        if self.target is not None:
            told["target"] = self.target.value
        if self.plate is not None:
            told["plate"] = self.plate
        if self.reason is not None:
            told["recorded_because_of"] = self.reason.value
        if playable:
            told["media_content_id"] = content_id(self.media)
        return told


def local(moment: datetime) -> str:
    """Write a moment as people here would, with its offset."""
    return dt_util.as_local(moment).isoformat(timespec="seconds")


def fits(kind: EventKind, target: DetectionTarget | None, kinds: Kinds) -> bool:
    """Tell whether something is of the kinds: by what happened, or by whom it was that was seen; pure."""
    return kinds is None or kind in kinds or (target is not None and target.value in kinds)


async def happened(camera: Camera, span: TimeSpan, kinds: Kinds, *, limit: int) -> list[Happening]:
    """Return the newest of the span, newest first, one more than the limit where there are more.

    Raises RefusedError and core errors.
    """
    sightings: Sightings = camera.entry.runtime_data.sightings
    index = camera.hub.detections
    listed = frozenset[EventKind]() if index is None else _to_ask(index.kinds, kinds)
    found: list[Happening] = []
    if listed:
        found += await _backwards(span, limit, lambda part: _from_list(camera, part, listed, kinds))
    # What was told just now may not be listed yet; what is listed is not told twice.
    known = {(item.kind, item.start) for item in found}
    found += [
        _sighting(camera, item)
        for item in sightings.of(camera.channel)
        if item.at in span
        and fits(item.kind, item.target, kinds)
        and not any(kind is item.kind and abs(start - item.at) <= _LISTED for kind, start in known)
    ]
    since = min(sightings.since(camera.channel) or span.end, span.end)
    if not listed and span.start < since:
        before = TimeSpan(span.start, since)
        found += await _backwards(before, limit - len(found), lambda part: _from_footage(camera, part, kinds))
    return _without_repeats(sorted(found, key=lambda item: item.start, reverse=True))[: limit + 1]


def _to_ask(offered: frozenset[EventKind], kinds: Kinds) -> frozenset[EventKind]:
    """Return which of the recorder's lists to ask for; pure."""
    if kinds is None:
        return offered
    return offered & (kinds | _RULES if kinds & _SUBJECTS else kinds)


async def _backwards(
    span: TimeSpan, limit: int, read: Callable[[TimeSpan], Awaitable[list[Happening]]]
) -> list[Happening]:
    """Read a span from its end, in ever longer steps, until there is more than the limit."""
    found: list[Happening] = []
    end, steps = span.end, iter(_STEPS)
    while end > span.start and len(found) <= limit:
        start = max(span.start, end - next(steps, _LONGEST_STEP))
        found += await read(TimeSpan(start, end))
        end = start
    return found


async def _from_list(camera: Camera, part: TimeSpan, listed: frozenset[EventKind], kinds: Kinds) -> list[Happening]:
    now = dt_util.utcnow()
    return [
        Happening(
            camera,
            event.span.start,
            event.kind,
            SpanId(_channel(camera), to_play(event, now)),
            event.span.end,
            event.target,
        )
        for event in await read_events(camera.hub, camera.channel, part, listed)
        # What began before the step is told by the step before.
        if event.span.start in part and fits(event.kind, event.target, kinds)
    ]


async def _from_footage(camera: Camera, part: TimeSpan, kinds: Kinds) -> list[Happening]:
    reasons = frozenset({RecordingKind.MOTION}) if kinds is not None and set(kinds) == {EventKind.MOTION} else _REASONS
    return [
        Happening(
            camera,
            segment.span.start,
            None,
            SpanId(_channel(camera), segment.span),
            segment.span.end,
            reason=segment.kind,
        )
        for segment in await read_segments(camera.hub, camera.channel, part)
        if segment.kind in reasons and segment.span.start in part
    ]


def _sighting(camera: Camera, item: Sighting) -> Happening:
    media = MomentId(_channel(camera), item.at)
    return Happening(camera, item.at, item.kind, media, target=item.target, plate=item.plate)


def _channel(camera: Camera) -> ChannelId:
    return ChannelId(camera.entry.entry_id, camera.channel)


def _without_repeats(newest_first: list[Happening]) -> list[Happening]:
    """Return of what goes on for a while only when it began, as far as can be told; pure."""
    kept: list[Happening] = []
    latest: dict[tuple[EventKind | None, DetectionTarget | None, str | None], int] = {}
    for item in newest_first:
        key = (item.kind, item.target, item.plate)
        at = latest.get(key)
        if item.kind is not None and at is not None and kept[at].start - item.start <= _SAME:
            kept[at] = item
            continue
        latest[key] = len(kept)
        kept.append(item)
    return kept
