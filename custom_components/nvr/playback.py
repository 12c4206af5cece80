"""From "this channel, this span, this user" to a link that plays: which track, which parts, and what is refused."""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
import logging
from typing import Final

from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.util import dt as dt_util

from .core.errors import NvrAuthError, NvrNotFoundError, NvrUnsupportedError
from .core.models import Channel, RecordingSegment, StreamRole, TimeSpan, VideoCodec
from .footage import RefusedError, channel_of, read_segments, recorded_spans
from .hub import NvrHub
from .media.codecs import codec_name
from .playback_links import PlaybackLink
from .runtime import NvrConfigEntry
from .shared import shared

_LOGGER = logging.getLogger(__name__)

# The media browser starts its HLS player for exactly this text (home-assistant 0, finding 5).
HLS_MIME: Final = "application/x-mpegURL"
LONGEST: Final = timedelta(hours=25)
# A recorder can play what it has written to its disks, and it writes in pieces.
_LIVE_EDGE: Final = timedelta(seconds=5)
# What every browser decodes, or what nobody knows before it is opened.
_EVERYWHERE: Final = frozenset({VideoCodec.H264, VideoCodec.UNKNOWN})
# What some players decode.
_PLAYABLE: Final = _EVERYWHERE | {VideoCodec.H265}


async def start_playback(
    hass: HomeAssistant, entry: NvrConfigEntry, channel: int, span: TimeSpan, user_id: str | None
) -> PlaybackLink:
    """Prepare a playback and mint its link; the right to it is the caller's to check, and the views' again.

    The recorder is asked what it recorded, but nothing is opened yet. The span is cut to what exists: it ends now at
    the latest, and begins and ends with footage. Raises RefusedError and NvrError.
    """
    hub = entry.runtime_data.hub
    name = channel_of(hub, channel).name
    asked = _until_now(span, dt_util.utcnow())
    if asked.duration > LONGEST:
        raise RefusedError("span_too_long", hours=str(int(LONGEST.total_seconds() // 3600)))
    (role, found), *spare = await _tracks(hub, channel, asked)
    segments = until_codec_changes(found)
    if len(segments) < len(found):
        _LOGGER.info("Footage of %s is played up to %s, where its codec changes", name, segments[-1].span.end)
    if entry.state is not ConfigEntryState.LOADED or entry.runtime_data.hub is not hub:
        raise RefusedError("not_loaded", name=entry.title)
    if (source := hub.playback) is None:
        raise RefusedError("no_playback", name=hub.name)
    if not hub.login_usable:
        raise NvrAuthError("the login was refused")
    recorded = recorded_spans(segments, asked)
    if not recorded:
        raise RefusedError("no_footage", camera=name)
    playing = TimeSpan(recorded[0].start, recorded[-1].end)
    common = shared(hass)
    playback = common.engine.create(
        entry.entry_id,
        hub.playback_slots,
        source,
        hub.driver.guard,
        channel,
        playing,
        recorded,
        user_id or "",
        role,
        fallback=spare[0][0] if spare else None,
        fallback_recorded=recorded_spans(spare[0][1], playing) if spare else None,
        downloads=hub.downloads,
        segments=[*segments, *(spare[0][1] if spare else ())],
        sounds=any(profile.audio is not None for profile in channel_of(hub, channel).profiles),
    )
    return await common.links.mint(playback, entry_id=entry.entry_id, channel=channel, span=playing, user_id=user_id)


def roles_to_play(channel: Channel, segments: Sequence[RecordingSegment], *, sub_track: bool) -> tuple[StreamRole, ...]:
    """Return the track to play, and behind it one for players that cannot decode it, where that is recorded; pure.

    What the recorder says of the segments counts more than how the channel is set up today. Raises
    RefusedError with the codec in words.
    """
    codecs = _codecs(channel, segments)
    if codecs <= _EVERYWHERE:
        return (StreamRole.MAIN,)
    sub = channel.profile(StreamRole.SUB)
    spare = (StreamRole.SUB,) if sub_track and sub is not None and sub.video in _EVERYWHERE else ()
    if codecs <= _PLAYABLE:
        return (StreamRole.MAIN, *spare)
    if spare:
        return spare
    raise RefusedError("codec_not_playable", camera=channel.name, codec=_codec_name(codecs - _PLAYABLE))


def until_codec_changes(segments: Sequence[RecordingSegment]) -> list[RecordingSegment]:
    """Return the segments, oldest first, up to the first in another codec than the ones before; pure.

    Players take one description of what they play. What follows is listed by itself, and plays by itself.
    """
    kept: list[RecordingSegment] = []
    known = VideoCodec.UNKNOWN
    for segment in segments:
        if VideoCodec.UNKNOWN not in {segment.video, known} and segment.video is not known:
            break
        known = segment.video if known is VideoCodec.UNKNOWN else known
        kept.append(segment)
    return kept


def _codecs(channel: Channel, segments: Sequence[RecordingSegment]) -> set[VideoCodec]:
    codecs = {segment.video for segment in segments} - {VideoCodec.UNKNOWN}
    main = channel.profile(StreamRole.MAIN)
    return codecs or ({main.video} if main is not None else set())


def _codec_name(codecs: Iterable[VideoCodec]) -> str:
    return ", ".join(sorted(codec_name(codec) for codec in codecs))


async def _tracks(hub: NvrHub, number: int, span: TimeSpan) -> list[tuple[StreamRole, list[RecordingSegment]]]:
    """Return the tracks to play, best first, with what is recorded of each; never none."""
    channel = channel_of(hub, number)
    segments = await read_segments(hub, number, span)
    first, *rest = roles_to_play(channel, segments, sub_track=hub.driver.capabilities.sub_track)
    if first is StreamRole.MAIN and not rest:
        return [(first, segments)]
    others: list[RecordingSegment] = []
    # A recorder may be able to record a sub track, and yet not be told to.
    with suppress(NvrNotFoundError, NvrUnsupportedError):
        others = await read_segments(hub, number, span, role=StreamRole.SUB)
    if first is StreamRole.MAIN:
        return [(first, segments), *([(StreamRole.SUB, others)] if others else [])]
    if segments and not others:
        codecs = _codecs(channel, segments) - _PLAYABLE
        raise RefusedError("codec_not_playable", camera=channel.name, codec=_codec_name(codecs))
    return [(first, others)]


def _until_now(span: TimeSpan, now: datetime) -> TimeSpan:
    edge = now - _LIVE_EDGE
    if span.start >= edge:
        raise RefusedError("in_the_future")
    return TimeSpan(span.start, min(span.end, edge))
