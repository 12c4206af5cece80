"""From "this camera, this moment, this user" to a stream for our own viewer: rights, what is recorded, which codec.

A stream belongs to the user who opened it and to the login he opened it with. It ends, with a reason, when his right,
his user or that login goes.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Final

from homeassistant.auth.models import User
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError, UnknownUser
from homeassistant.util import dt as dt_util

from .access import Action, authorize, facts_of, permit, user_of
from .audit_rows import AuditKind
from .const import ATTR_USER_ID, DOMAIN
from .core.errors import (
    NvrAuthError,
    NvrBusyError,
    NvrError,
    NvrNotFoundError,
    NvrTimeoutError,
    NvrUnsupportedError,
)
from .core.models import Channel, RecordingSegment, StreamRole, TimeSpan, VideoCodec
from .endings import ending_of
from .errors import translate
from .footage import RefusedError, channel_of, read_segments, recorded_spans
from .hub import NvrHub
from .media.codecs import ENTRIES, codec_name
from .media.engine import MediaEngine
from .media.streaming.desk import TooManyStreamsError
from .media.streaming.feed import Feed, FeedOptions
from .media.streaming.live_feed import LiveFeed
from .media.streaming.playback_feed import Footage
from .media.streaming.stream import CodecRefusedError, Ending, MediaStream, Opened, OpenFeed, Wanted
from .media.streaming.trick import Run, open_run
from .media.ticks import from_datetime, from_seconds, to_datetime
from .runtime import NvrConfigEntry
from .session_words import explain
from .shared import shared

LIVE: Final = "live"
PLAYBACK: Final = "playback"
ACTIONS: Final = {LIVE: Action.LIVE, PLAYBACK: Action.PLAYBACK}
# A recorder can play what it has written to its disks, and it writes in pieces.
_LIVE_EDGE: Final = timedelta(seconds=5)
_WINDOW: Final = timedelta(hours=1)
_FAR: Final = timedelta(hours=24)
_MANY: Final = 10_000


class SessionError(Exception):
    """Why there is no stream: a code for programs, an error in words for people, and when to ask again (s).

    `full`: all sessions of the recorder are in use, so that it helps to know whose they are.
    """

    def __init__(
        self, code: str, why: RefusedError | HomeAssistantError, retry_after: float | None = None, *, full: bool = False
    ) -> None:
        """Keep them."""
        self.told = why.translate(HomeAssistantError) if isinstance(why, RefusedError) else why
        super().__init__(str(self.told))
        self.code = code
        self.retry_after = retry_after
        self.full = full


@callback
def async_watch_sessions(hass: HomeAssistant) -> None:
    """End streams whose viewer loses the right to them; once, from `async_setup`."""

    @callback
    def look_again() -> None:
        hass.async_create_task(end_streams_without_right(hass), f"{DOMAIN} streams")

    shared(hass).rights_changed.async_subscribe(look_again)


async def open_stream(
    hass: HomeAssistant,
    user: User,
    login: str | None,
    entry: NvrConfigEntry,
    wanted: Wanted,
    *,
    made: Callable[[MediaStream], None],
) -> tuple[MediaStream, Opened]:
    """Return a stream that plays, for this user with this login (the id of his refresh token).

    `made` is called with it before anything is opened. Raises SessionError. The first picture is there when it
    returns, and nothing is left open when it raises.
    """
    if not permit(hass, user, ACTIONS[wanted.kind], entry, wanted.channel, via="stream"):
        raise SessionError("unauthorized", _not_allowed(hass, user, entry, wanted))
    try:
        stream = _make(hass, user, entry, wanted)
    except (RefusedError, NvrError) as err:
        raise _session_error(err, entry, wanted.channel, live=wanted.kind == LIVE) from err
    shared(hass).desk.add(stream)
    made(stream)
    if login is not None:
        # Soon, not at once: ending the stream takes the callback back, and Home Assistant is still going through them.
        def gone() -> None:
            hass.loop.call_soon(_revoke, hass, stream, entry)

        stream.closing.append(hass.auth.async_register_revoke_token_callback(login, gone))
    try:
        opened = await stream.open()
    except NvrBusyError as err:
        raise SessionError("busy", await explain(hass, err, entry, user), err.retry_after, full=True) from err
    except (RefusedError, NvrError) as err:
        raise _session_error(err, entry, wanted.channel, live=wanted.kind == LIVE) from err
    # The right may have gone while the recorder was asked.
    if not await _may(hass, stream, entry):
        await shared(hass).desk.close(stream, _no_right(entry, stream))
        raise SessionError("unauthorized", _not_allowed(hass, user, entry, wanted))
    if stream.closed:
        raise SessionError("not_found", RefusedError("stream_ended"))
    return stream, opened


async def control_stream(
    stream: MediaStream, entry: NvrConfigEntry, action: str, value: float | None, at: float | None
) -> Opened | None:
    """Do what the viewer asks, who is `at` a moment; returns what plays from then on where that changes.

    Raises SessionError.
    """
    moment = None if at is None else from_seconds(at)
    try:
        match action:
            case "seek" if value is not None:
                return await stream.seek(from_seconds(value))
            case "speed" if value is not None:
                return await stream.set_speed(value, moment)
            case "step" if value is not None:
                return await stream.step(1 if value > 0 else -1, moment)
            case "pause":
                stream.pause()
            case "resume":
                stream.resume()
            case "close":
                await shared(entry.runtime_data.hub.hass).desk.close(stream, Ending("closed"))
            case _:
                raise SessionError("invalid_format", RefusedError("no_such_value", action=action))
    except (RefusedError, NvrError) as err:
        raise _session_error(err, entry, stream.channel, live=stream.live) from err
    return None


async def end_streams_without_right(hass: HomeAssistant) -> None:
    """End the streams whose viewer has lost his right, or is gone."""
    for stream in shared(hass).desk.streams():
        entry: NvrConfigEntry | None = hass.config_entries.async_get_entry(stream.recorder_id)
        if entry is None or entry.state is not ConfigEntryState.LOADED:
            continue  # what is being unloaded ends its streams by itself
        if not await _may(hass, stream, entry):
            _revoke(hass, stream, entry)


async def let_watch(hass: HomeAssistant, stream: MediaStream) -> bool:
    """Tell whether the viewer still may see what the stream shows; else it ends, with a reason, and that is kept."""
    entry: NvrConfigEntry | None = hass.config_entries.async_get_entry(stream.recorder_id)
    if entry is None or entry.state is not ConfigEntryState.LOADED:
        return False  # what is being unloaded ends its streams by itself
    if await _may(hass, stream, entry):
        return True
    _revoke(hass, stream, entry)
    return False


async def _may(hass: HomeAssistant, stream: MediaStream, entry: NvrConfigEntry) -> bool:
    try:
        user = await user_of(hass, stream.owner)
    except UnknownUser:
        return False
    return authorize(hass, user, ACTIONS[stream.kind], entry, stream.channel)


@callback
def _revoke(hass: HomeAssistant, stream: MediaStream, entry: NvrConfigEntry) -> None:
    if stream.closed:
        return
    facts = {ATTR_USER_ID: stream.owner, "action": ACTIONS[stream.kind].value, "via": "stream"}
    shared(hass).audit.record(AuditKind.REVOKED, {**facts_of(entry, stream.channel), **facts})
    shared(hass).desk.close_soon(stream, _no_right(entry, stream))


def _no_right(entry: NvrConfigEntry, stream: MediaStream) -> Ending:
    key = "not_allowed_live" if stream.live else "not_allowed"
    refused = RefusedError(key, camera=_name_of(entry, stream.channel))
    return ending_of("unauthorized", refused.translate(HomeAssistantError))


def _not_allowed(hass: HomeAssistant, user: User, entry: NvrConfigEntry, wanted: Wanted) -> RefusedError:
    """Return why somebody gets no stream; who may see nothing of a camera does not learn what it is called."""
    if not any(authorize(hass, user, action, entry, wanted.channel) for action in ACTIONS.values()):
        return RefusedError("not_allowed_camera")
    key = "not_allowed_live" if wanted.kind == LIVE else "not_allowed"
    return RefusedError(key, camera=_name_of(entry, wanted.channel))


def _name_of(entry: NvrConfigEntry, number: int) -> str:
    channel = entry.runtime_data.hub.channel(number) if entry.state is ConfigEntryState.LOADED else None
    return channel.name if channel is not None else f"{entry.title} {number}"


def _make(hass: HomeAssistant, user: User, entry: NvrConfigEntry, wanted: Wanted) -> MediaStream:
    """Return a stream that is not open yet; raises RefusedError and NvrError."""
    hub = entry.runtime_data.hub
    desk = shared(hass).desk
    channel_of(hub, wanted.channel)
    if not hub.login_usable:
        raise NvrAuthError("the login was refused")
    if wanted.kind == LIVE:
        open_feed, slots = _live(hub, wanted.channel), (desk.live, _MANY)
    else:
        if to_datetime(wanted.start) >= dt_util.utcnow() - _LIVE_EDGE:
            raise RefusedError("in_the_future")
        open_feed, slots = _playback(hub, wanted, shared(hass).engine, entry.entry_id), (desk.slots, hub.playback_slots)

    def describe(err: NvrError) -> Ending:
        told = _session_error(err, entry, wanted.channel, live=wanted.kind == LIVE)
        return ending_of(told.code, told.told)

    return MediaStream(
        desk.next_id(user.id),
        entry.entry_id,
        user.id,
        wanted,
        open_feed=open_feed,
        slots=slots,
        pool=desk.pool,
        describe=describe,
    )


def _live(hub: NvrHub, number: int) -> OpenFeed:
    async def open_live(role: StreamRole, run: Run, options: FeedOptions) -> Feed:
        del run
        await hub.link.async_prove()
        if (live := hub.driver.live) is None:
            raise NvrUnsupportedError("the recorder has no live streams")
        feed = LiveFeed(live.address(number, role), hub.driver.guard, options, hub.meters[number, role])
        await feed.open()
        return feed

    return open_live


def _playback(hub: NvrHub, wanted: Wanted, engine: MediaEngine, entry_id: str) -> OpenFeed:
    number = wanted.channel

    def limit() -> int:
        edge = from_datetime(dt_util.utcnow() - _LIVE_EDGE)
        return edge if wanted.end is None else min(wanted.end, edge)

    async def open_playback(role: StreamRole, run: Run, options: FeedOptions) -> Feed:
        if hub.playback is None and hub.downloads is None:
            raise NvrUnsupportedError("the recorder offers no playback")
        spans = _Spans(hub, number, role, limit)
        footage = Footage(
            hub.playback,
            hub.driver.guard,
            number,
            role,
            spans.behind,
            spans.before,
            limit,
            engine.pool,
            engine.memory(entry_id),
            downloads=hub.downloads,
            files=spans.files,
            scales=hub.driver.capabilities.playback_speeds,
        )
        return await open_run(footage, run, options)

    return open_playback


class _Spans:
    """Where a track was recorded: asked for by the hour, as a rule, and not for whole days. All in ticks."""

    def __init__(self, hub: NvrHub, number: int, role: StreamRole, limit: Callable[[], int]) -> None:
        """Nothing is asked yet."""
        self._hub = hub
        self._number = number
        self._role = role
        self._limit = limit
        self._files: dict[datetime, RecordingSegment] = {}

    def files(self) -> Sequence[RecordingSegment]:
        """Return the files that were come across."""
        return tuple(self._files.values())

    async def behind(self, moment: int) -> tuple[int, int] | None:
        """Return the first recorded span that ends behind a moment."""
        start, last = to_datetime(moment), to_datetime(self._limit())
        for reach in (_WINDOW, _FAR):
            spans = await self._between(start, min(last, start + reach))
            if spans:
                return from_datetime(spans[0].start), from_datetime(spans[0].end)
        return None

    async def before(self, moment: int) -> tuple[int, int] | None:
        """Return the last recorded span that begins before a moment."""
        end = to_datetime(min(moment, self._limit()))
        for reach in (_WINDOW, _FAR):
            spans = await self._between(end - reach, end)
            if spans:
                return from_datetime(spans[-1].start), from_datetime(spans[-1].end)
        return None

    async def _between(self, start: datetime, end: datetime) -> list[TimeSpan]:
        if start >= end:
            return []
        window = TimeSpan(start, end)
        try:
            segments = await read_segments(self._hub, self._number, window, role=self._role)
        except RefusedError as err:
            raise NvrUnsupportedError("the recorder has no list of recordings") from err
        self._files |= {segment.span.start: segment for segment in segments}
        return recorded_spans(segments, window)


def roles_for(channel: Channel, asked: StreamRole, accept: frozenset[str]) -> tuple[StreamRole, ...]:
    """Return the streams to try, best first: what was asked for, unless the sub stream is known to fit better; pure."""
    others = tuple(role for role in (StreamRole.SUB,) if role is not asked and channel.profile(role) is not None)
    profile = channel.profile(asked)
    known = profile.video if profile is not None else VideoCodec.UNKNOWN
    if others and known in ENTRIES and ENTRIES[known] not in accept:
        return (*others, asked)
    return (asked, *others)


def _session_error(err: RefusedError | NvrError, entry: NvrConfigEntry, number: int, *, live: bool) -> SessionError:
    """Return what the viewer is told."""
    if isinstance(err, CodecRefusedError):
        err = RefusedError("codec_not_decoded", camera=_name_of(entry, number), codec=codec_name(err.codec))
    if isinstance(err, RefusedError):
        return SessionError(code_of(err), err)
    if isinstance(err, NvrNotFoundError):
        camera = _name_of(entry, number)
        return SessionError("not_found", RefusedError("no_live", name=camera) if live else _no_footage(camera))
    if isinstance(err, TooManyStreamsError):
        key = "too_many_streams" if err.of_all else "too_many_own_streams"
        return SessionError("busy", RefusedError(key, most=str(err.most)), err.retry_after)
    code = next((code for kind, code in _CODES if isinstance(err, kind)), "unavailable")
    retry_after = err.retry_after if isinstance(err, NvrBusyError) else None
    return SessionError(code, translate(err, entry.title), retry_after)


def _no_footage(camera: str) -> RefusedError:
    return RefusedError("no_footage", camera=camera)


def code_of(err: RefusedError) -> str:
    """Return what programs are told of a refusal."""
    return _REFUSALS.get(err.key, "not_found")


_REFUSALS: Final = {
    "not_allowed": "unauthorized",
    "not_allowed_live": "unauthorized",
    "codec_not_decoded": "unsupported",
    "codec_not_playable": "unsupported",
    "no_playback": "unsupported",
    "no_recordings": "unsupported",
    "not_loaded": "unavailable",
    "bad_camera_id": "invalid_format",
    "not_allowed_camera": "unauthorized",
}
_CODES: Final[tuple[tuple[type[NvrError], str], ...]] = (
    (NvrBusyError, "busy"),
    (NvrTimeoutError, "timeout"),
    (NvrUnsupportedError, "unsupported"),
)
