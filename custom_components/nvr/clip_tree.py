"""Clips in the media browser: all of them, newest first, and those of each camera."""

from datetime import datetime, timedelta
from typing import Final

from homeassistant.auth.models import User
from homeassistant.components.media_player import MediaClass
from homeassistant.components.media_source import BrowseMediaSource, PlayMedia
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.util import dt as dt_util

from .access import Action
from .clip_access import may, permit_clip
from .clip_view import mint_clip_link
from .exports import export_desk
from .footage import RefusedError
from .media.exports.library import is_there, vanished
from .media.exports.models import Clip
from .media_ids import ChannelId, ClipId, ClipsId, MediaId, RecorderId, RootId, SpanId
from .media_query import parse_query, plain_text
from .media_tree import node
from .media_words import Words
from .pictures import picture_path

_INSIDE: Final = timedelta(seconds=1)
# Few recorders keep less than a week: an older clip has an icon and no empty frame.
_PICTURED: Final = timedelta(days=7)

_MOST_FOUND: Final = 50
_H265: Final = ("hvc1", "hev1")


class ClipBranch:
    """What one user may see of the clips."""

    def __init__(self, hass: HomeAssistant, user: User | None, words: Words) -> None:
        self._hass = hass
        self._user = user
        self._words = words

    @property
    def clips(self) -> list[Clip]:
        """The clips he may see, newest footage first."""
        return [clip for clip in export_desk(self._hass).library.all() if self._may(clip)]

    def root(self) -> BrowseMediaSource:
        """Make the node that leads to all clips."""
        return node(ClipsId(), self._words.text("media_clips"))

    async def open(self, media_id: ClipsId) -> BrowseMediaSource:
        """Open all clips, or those of one camera."""
        clips = self.clips
        if (channel := media_id.channel) is not None:
            clips = [clip for clip in clips if (clip.recorder_id, clip.channel) == (channel.entry_id, channel.channel)]
        gone = await self._hass.async_add_executor_job(vanished, clips)
        children = [self._clip(clip, gone=clip.id in gone) for clip in clips]
        title = self._words.text("media_clips")
        if channel is None:
            cameras = {ChannelId(clip.recorder_id, clip.channel): clip.camera for clip in reversed(clips)}
            folders = [node(ClipsId(found), name) for found, name in cameras.items()]
            if len(folders) > 1:
                children = [*sorted(folders, key=lambda folder: folder.title.casefold()), *children]
        elif clips:
            title = f"{title}: {clips[0].camera}"
        return node(media_id, title, children=children)

    async def play(self, media_id: ClipId) -> PlayMedia:
        """Make the link that plays a clip; raises RefusedError."""
        clip = self._asked_for(media_id)
        if not await self._hass.async_add_executor_job(is_there, clip):
            raise RefusedError("clip_gone", title=clip.title)
        if not clip.codec:
            raise RefusedError("clip_not_playable", title=clip.title)
        # Nobody says what will play it: what plays everywhere is given where there is such a thing.
        spare = clip.needs_spare
        path, _ = mint_clip_link(self._hass, clip, self._user.id if self._user else None, spare=spare)
        return PlayMedia(path, "video/mp4" if spare else clip.mime)

    def shown(self, media_id: ClipId) -> SpanId:
        """Return the recording that a clip is of, which the NVR has a picture of; raises RefusedError."""
        clip = self._asked_for(media_id)
        return SpanId(ChannelId(clip.recorder_id, clip.channel), clip.span)

    def _asked_for(self, media_id: ClipId) -> Clip:
        clip = export_desk(self._hass).library.get(media_id.clip_id)
        if clip is None:
            raise RefusedError("no_clip")
        if not permit_clip(self._hass, self._user, Action.PLAYBACK, clip, via="media_source"):
            raise RefusedError("not_allowed", camera=clip.camera)
        return clip

    async def search(self, media_id: MediaId, text: str) -> list[BrowseMediaSource]:
        """Return the clips below a node that fit what was typed: words of title and camera, a day, a time."""
        clips = [clip for clip in self.clips if _is_below(clip, media_id) and _fits(clip, text)][:_MOST_FOUND]
        gone = await self._hass.async_add_executor_job(vanished, clips)
        return [self._clip(clip, gone=clip.id in gone) for clip in clips]

    def _may(self, clip: Clip) -> bool:
        return may(self._hass, self._user, Action.PLAYBACK, clip)

    def _tile(self, clip: Clip) -> str | None:
        """Return where its picture is: the NVR's, as long as it surely has the footage and is there to be asked."""
        entry = self._hass.config_entries.async_get_entry(clip.recorder_id)
        there = entry is not None and entry.state is ConfigEntryState.LOADED
        if not there or dt_util.utcnow() - clip.span.start > _PICTURED:
            return None
        return picture_path(clip.recorder_id, clip.channel, clip.span.start + min(_INSIDE, clip.span.duration / 2))

    def _clip(self, clip: Clip, *, gone: bool) -> BrowseMediaSource:
        title = clip.title
        if gone:
            title = self._words.text("media_clip_gone", title=title)
        elif not clip.codec:
            title = f"{title} ({self._words.text('media_clip_original')})"
        else:
            # Without a version that plays everywhere some players show nothing: it is said before it is clicked.
            codec = ", H.265" if clip.codec.startswith(_H265) and clip.spare is None else ""
            title = f"{title} ({self._words.duration(timedelta(seconds=clip.length))}{codec})"
        playable = bool(clip.codec) and not gone
        tile = None if gone else self._tile(clip)
        return node(ClipId(clip.id), title, play=playable, expand=False, media_class=MediaClass.VIDEO, thumbnail=tile)


def _is_below(clip: Clip, media_id: MediaId) -> bool:
    match media_id:
        case RootId() | ClipsId(channel=None):
            return True
        case RecorderId():
            return clip.recorder_id == media_id.entry_id
        case ChannelId():
            return (clip.recorder_id, clip.channel) == (media_id.entry_id, media_id.channel)
        case ClipsId(channel=ChannelId() as channel):
            return _is_below(clip, channel)
    return False


def _fits(clip: Clip, text: str) -> bool:
    words = plain_text(text).split()
    names = plain_text(f"{clip.title} {clip.camera}")
    if words and all(word in names for word in words):
        return True
    query = parse_query(text, dt_util.now())
    if query.day is None or query.kinds or not query.fits(clip.title, clip.camera):
        return False
    start, end = dt_util.as_local(clip.span.start), dt_util.as_local(clip.span.end)
    if query.since is None or query.until is None:
        return start.date() <= query.day <= end.date()
    since = datetime.combine(query.day, query.since, start.tzinfo)
    until = datetime.combine(query.day, query.until, start.tzinfo)
    return start < until and since < end
