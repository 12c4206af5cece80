"""Pictures of recordings for people: which moment is meant, whether there is footage, and who is asked for it.

The right to it is the caller's to check, at every use.
"""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import replace
from datetime import date, datetime, timedelta
from functools import partial
from typing import Final

from homeassistant.core import HomeAssistant
from homeassistant.util import dt as dt_util

from .core.errors import NvrAuthError, NvrNotFoundError, NvrUnreachableError, NvrUnsupportedError
from .core.models import RecordingSegment, TimeSpan
from .footage import RefusedError, channel_of, clock_of, read_segments
from .fresh_footage import when_written
from .hub import NvrHub
from .media.sources.base import Way
from .media.thumbnails.downloaded import DownloadedPictures
from .media.thumbnails.maker import Thumbnail
from .media.thumbnails.reader import KeyPictures, PictureSource, PlayedPictures, Wanted
from .media_ids import (
    ChannelMediaId,
    DayId,
    HourId,
    MediaIdError,
    MomentId,
    SpanId,
    WholeDayId,
    channel_id_of,
    format_moment,
    parse_day,
    parse_moment,
)
from .runtime import NvrConfigEntry
from .shared import shared

WIDTHS: Final = (160, 320, 640, 1280)
DEFAULT_WIDTH: Final = 320
# A recorder can show what it has written to its disks, and it writes in pieces.
_LIVE_EDGE: Final = timedelta(seconds=5)
_INSIDE: Final = timedelta(seconds=1)
_AROUND: Final = timedelta(seconds=1)
_NOON: Final = timedelta(hours=12)

type Shown = datetime | TimeSpan | date
"""What a picture is of: a moment, what was recorded between two, or on a day of the recorder's calendar."""


def shown_text(shown: Shown) -> str:
    """Write what a picture is of, for an address; pure."""
    if isinstance(shown, TimeSpan):
        return f"{format_moment(shown.start)}-{format_moment(shown.end)}"
    return format_moment(shown) if isinstance(shown, datetime) else shown.isoformat()


def parse_shown(text: str) -> Shown:
    """Read what `shown_text` wrote; raises MediaIdError; pure."""
    start, separator, end = text.partition("Z-")
    if separator:
        span = parse_moment(f"{start}Z"), parse_moment(end)
        if span[0] >= span[1]:
            raise MediaIdError("the span ends before it starts")
        return TimeSpan(*span)
    return parse_moment(text) if "T" in text else parse_day(text)


async def thumbnail(hass: HomeAssistant, entry: NvrConfigEntry, channel: int, shown: Shown, width: int) -> Thumbnail:
    """Return a small picture of a moment, or of what it is best to show of a longer time: a key picture near it.

    Raises RefusedError and NvrError.
    """
    hub = entry.runtime_data.hub
    name = channel_of(hub, channel).name
    error: NvrNotFoundError | RefusedError = RefusedError("no_footage", camera=name)
    pictures = shared(hass).pictures
    async with aclosing(_worth_showing(hub, channel, shown)) as moments:
        async for moment in moments:
            _require_past(moment)
            wanted = Wanted(channel, moment)
            try:
                return await pictures.picture(entry.entry_id, wanted, width, lambda: _sources(hass, entry, hub, None))
            except NvrNotFoundError as err:
                # The oldest footage is overwritten while it is listed, and what was listed is remembered for hours.
                error = err
    raise error


async def exact_picture(
    hass: HomeAssistant, entry: NvrConfigEntry, channel: int, moment: datetime, *, width: int, user_id: str | None
) -> Thumbnail:
    """Return the very frame that was recorded at a moment or last before it; `width` 0 is the size of the recording.

    Raises RefusedError, also where nothing was recorded at the moment, and NvrError.
    """
    hub = entry.runtime_data.hub
    name = channel_of(hub, channel).name
    _require_past(moment)
    common = shared(hass)
    wanted = Wanted(channel, moment, exact=True)
    if await common.pictures.known(entry.entry_id, wanted, width) is None:
        wanted = replace(wanted, since=await _recorded_since(hub, channel, moment, name))
    return await common.pictures.picture(entry.entry_id, wanted, width, lambda: _sources(hass, entry, hub, user_id))


async def fresh_picture(
    hass: HomeAssistant, entry: NvrConfigEntry, channel: int, moment: datetime, *, width: int, user_id: str | None
) -> Thumbnail:
    """Return the same, and wait a little for a moment that the recorder has not written yet. Raises the same."""
    name = channel_of(entry.runtime_data.hub, channel).name
    attempt = partial(exact_picture, hass, entry, channel, moment, width=width, user_id=user_id)
    return await when_written(moment, name, attempt)


async def picture_to_look_at(
    hass: HomeAssistant, entry: NvrConfigEntry, media_id: ChannelMediaId, user_id: str | None
) -> Thumbnail:
    """Return the one picture that stands for something in the media browser, large enough to be examined.

    Raises RefusedError for what is no footage, or none is left of, and NvrError.
    """
    channel = channel_id_of(media_id).channel
    match media_id:
        case MomentId():
            return await fresh_picture(hass, entry, channel, media_id.at, width=WIDTHS[-1], user_id=user_id)
        case SpanId() | HourId():
            return await thumbnail(hass, entry, channel, media_id.span, WIDTHS[-1])
        case DayId():
            return await thumbnail(hass, entry, channel, media_id.day, WIDTHS[-1])
        case WholeDayId():
            return await thumbnail(hass, entry, channel, media_id.day.day, WIDTHS[-1])
    raise RefusedError("not_playable")


def _sources(hass: HomeAssistant, entry: NvrConfigEntry, hub: NvrHub, user_id: str | None) -> Sequence[PictureSource]:
    """Return who can be asked for a picture, the cheapest first.

    Downloads come last, for they take the recorder's one lane; before a playback that stands back for its failures.
    """
    _require_there(hub)
    found: list[PictureSource] = []
    if (single := hub.key_frames) is not None:
        found.append(KeyPictures(single))
    if (playback := hub.playback) is not None:
        slots = shared(hass).engine.slots
        guard, limit = hub.driver.guard, hub.playback_slots
        found.append(PlayedPictures(entry.entry_id, playback, guard, slots, limit, user_id or ""))
    if (downloads := hub.downloads) is not None:
        is_poor = shared(hass).engine.memory(entry.entry_id).is_avoided(Way.PLAYBACK)
        place = len(found) - 1 if is_poor and playback is not None else len(found)
        found.insert(place, DownloadedPictures(downloads, partial(_files, hub)))
    if not found:
        raise RefusedError("no_playback", name=hub.name)
    return found


async def _files(hub: NvrHub, wanted: Wanted) -> Sequence[RecordingSegment]:
    """Return the files around a moment; raises NvrError subclasses only, as sources of pictures do."""
    span = TimeSpan(wanted.moment - _AROUND, wanted.moment + _AROUND)
    try:
        return await read_segments(hub, wanted.channel, span, role=wanted.role)
    except RefusedError as err:
        raise NvrUnsupportedError("the recorder lists no recordings") from err


def _require_there(hub: NvrHub) -> None:
    if not hub.login_usable:
        raise NvrAuthError("the login was refused")
    if not hub.online:
        raise NvrUnreachableError("the recorder is away")


def _require_past(moment: datetime) -> None:
    if moment >= dt_util.utcnow() - _LIVE_EDGE:
        raise RefusedError("in_the_future")


async def _recorded_since(hub: NvrHub, channel: int, moment: datetime, name: str) -> datetime:
    """Return when the segment begins that holds the moment; raises RefusedError where none does."""
    found = await read_segments(hub, channel, TimeSpan(moment - _AROUND, moment + _AROUND))
    starts = [segment.span.start for segment in found if moment in segment.span]
    if not starts:
        raise RefusedError("no_footage_then", camera=name, time=f"{dt_util.as_local(moment):%Y-%m-%d %H:%M:%S}")
    return min(starts)


async def _worth_showing(hub: NvrHub, channel: int, shown: Shown) -> AsyncGenerator[datetime]:
    """Tell what to show: a moment itself, of a longer time its first footage (of a day about noon), else its last."""
    if isinstance(shown, datetime):
        yield shown
        return
    day = shown if isinstance(shown, TimeSpan) else clock_of(hub).day(shown)
    noon = TimeSpan(day.start + _NOON, day.start + _NOON + timedelta(hours=1))
    for window in (day,) if isinstance(shown, TimeSpan) else (noon, day):
        segments = await read_segments(hub, channel, window)
        if (moment := first_footage(segments, window)) is not None:
            yield moment
        if window == day and segments and (newest := first_footage(segments[-1:], window)) not in {None, moment}:
            yield newest


def first_footage(segments: Sequence[RecordingSegment], window: TimeSpan) -> datetime | None:
    """Return a moment just inside the first footage of the window; None when there is none; pure."""
    parts = [part for segment in segments if (part := segment.span.clip(window)) is not None]
    if not parts:
        return None
    first = min(parts, key=lambda part: part.start)
    return first.start + min(_INSIDE, first.duration / 2)


def picture_path(entry_id: str, channel: int, shown: Shown, *, width: int = DEFAULT_WIDTH, exact: bool = False) -> str:
    """Return where a picture is served; `width` 0, for an exact one, is its own size; pure."""
    size = f"-{width}" if width else ""
    name = f"exact{size}" if exact else str(width)
    return f"/api/nvr/thumb/{entry_id}/{channel}/{shown_text(shown)}/{name}.jpg"
