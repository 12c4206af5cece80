"""Recordings in the media browser.

Home Assistant does not say who asks. Who is behind the websocket command or request is asked where there is one: what
he may not see is left out and not resolved. The gate itself stands where the bytes leave, in the views: the link made
here is his, and good only while he has the right.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, override

from homeassistant.auth.models import User
from homeassistant.components import media_source
from homeassistant.components.media_player import BrowseError, MediaClass, SearchMedia, SearchMediaQuery
from homeassistant.components.media_source import (
    BrowseMediaSource,
    MediaSource,
    MediaSourceItem,
    PlayMedia,
    Unresolvable,
)
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError

from .access import Action, asking_user, authorize, permit
from .clip_tree import ClipBranch
from .const import DOMAIN
from .core.errors import NvrError
from .core.models import Channel, TimeSpan
from .errors import error_key, error_placeholders
from .footage import RefusedError, channel_of, clock_of
from .fresh_footage import when_written
from .media_ids import (
    ChannelId,
    ClipId,
    ClipsId,
    HourId,
    MediaId,
    MediaIdError,
    MomentId,
    RecorderId,
    RootId,
    SpanId,
    WholeDayId,
    channel_id_of,
    day_of,
    parse,
)
from .media_search import search_media
from .media_tree import ChannelBranch, node
from .media_words import Words, load_words
from .picture_log import note_picture
from .pictures import picture_to_look_at
from .playback import HLS_MIME, start_playback
from .runtime import NvrConfigEntry

# Home Assistant 2026.10 asks for no pictures.
_IMAGE: Final = getattr(media_source, "MediaImage", None)


async def async_get_media_source(hass: HomeAssistant) -> NvrMediaSource:
    """Set up the media source."""
    return NvrMediaSource(hass)


class NvrMediaSource(MediaSource):
    """The recordings of all recorders."""

    name = "NVR"

    def __init__(self, hass: HomeAssistant) -> None:
        super().__init__(DOMAIN)
        self._hass = hass

    @override
    async def async_browse_media(self, item: MediaSourceItem) -> BrowseMediaSource:
        """Open a node."""
        asking = _Asking(self._hass, await asking_user(self._hass), await load_words(self._hass))
        with _told_as(BrowseError, self._name_of(item)):
            return await asking.browse(parse(_identifier(item)))

    @override
    async def async_resolve_media(self, item: MediaSourceItem) -> PlayMedia:
        """Make the link that plays an item."""
        user = await asking_user(self._hass)
        asking = _Asking(self._hass, user, await load_words(self._hass))
        with _told_as(Unresolvable, self._name_of(item)):
            media_id = parse(_identifier(item))
            match media_id:
                case ClipId():
                    return await asking.clips.play(media_id)
                case SpanId() | HourId():
                    channel, span = media_id.channel, media_id.span
                case MomentId():
                    return await asking.play_moment(media_id)
                case WholeDayId():
                    channel = media_id.day.channel
                    span = clock_of(asking.branch(channel).hub).day(media_id.day.day)
                case _:
                    raise RefusedError("not_playable")
            return await asking.play(channel, span)

    async def async_get_media_image(self, item: MediaSourceItem) -> Any | None:
        """Return one picture of an item, for whoever looks at pictures only (Home Assistant 2026.11)."""
        if _IMAGE is None:
            return None
        asking = _Asking(self._hass, await asking_user(self._hass), await load_words(self._hass))
        with _told_as(Unresolvable, self._name_of(item)):
            return _IMAGE(await asking.look(parse(_identifier(item))), "image/jpeg")

    @override
    async def async_search_media(self, item: MediaSourceItem, query: SearchMediaQuery) -> SearchMedia:
        """Find days, times, kinds and cameras by what was typed."""
        asking = _Asking(self._hass, await asking_user(self._hass), await load_words(self._hass))
        with _told_as(BrowseError, self._name_of(item)):
            media_id = parse(_identifier(item))
            branches = asking.branches_below(media_id)
            found = await search_media(branches, query.search_query, asking.words, day_of(media_id))
            clips = await asking.clips.search(media_id, query.search_query)
            return SearchMedia(result=[*clips, *found])

    def _name_of(self, item: MediaSourceItem) -> str:
        """Return the name of the recorder the item is of, for errors."""
        _, _, rest = _identifier(item).partition("/")
        entry = self._hass.config_entries.async_get_entry(rest.partition("/")[0])
        return entry.title if entry is not None and entry.domain == DOMAIN else str(self.name)


def _identifier(item: MediaSourceItem) -> str:
    # Typed as text, yet None for the root of a source.
    return item.identifier or ""


@dataclass(frozen=True, slots=True)
class _Asking:
    """One question to the media source: who asks, and in which words he is answered."""

    hass: HomeAssistant
    user: User | None
    words: Words

    async def browse(self, media_id: MediaId) -> BrowseMediaSource:
        if isinstance(media_id, RootId):
            return self._root()
        if isinstance(media_id, RecorderId):
            return self._recorder(media_id)
        if isinstance(media_id, ClipsId):
            return await self.clips.open(media_id)
        if isinstance(media_id, ClipId):
            raise RefusedError("not_a_folder")
        return await self.branch(channel_id_of(media_id)).open(media_id)

    @property
    def clips(self) -> ClipBranch:
        """The clips the user may see."""
        return ClipBranch(self.hass, self.user, self.words)

    async def play(self, channel: ChannelId, span: TimeSpan) -> PlayMedia:
        entry = self.branch(channel).hub.entry
        user_id = self.user.id if self.user else None
        link = await start_playback(self.hass, entry, channel.channel, span, user_id)
        return PlayMedia(link.path, HLS_MIME)

    async def play_moment(self, moment: MomentId) -> PlayMedia:
        """Play what is around a moment; one of just now is waited for until the recorder has it."""
        name = self.branch(moment.channel).channel.name
        return await when_written(moment.at, name, partial(self.play, moment.channel, moment.span))

    async def look(self, media_id: MediaId) -> bytes:
        """Return a JPEG of what an item shows."""
        if isinstance(media_id, ClipId):
            media_id = self.clips.shown(media_id)
        if isinstance(media_id, RootId | RecorderId | ClipsId):
            raise RefusedError("not_playable")
        channel = channel_id_of(media_id)
        entry = self.branch(channel).hub.entry
        user_id = self.user.id if self.user else None
        picture = await picture_to_look_at(self.hass, entry, media_id, user_id)
        note_picture(self.hass, entry, channel.channel, picture.recorded_at, user_id, via="media_source")
        return picture.jpeg

    def branch(self, channel: ChannelId) -> ChannelBranch:
        """Return the branch of a channel that the user may see; raises RefusedError."""
        entry = self._entry(channel.entry_id)
        hub = entry.runtime_data.hub
        found = channel_of(hub, channel.channel)
        if not permit(self.hass, self.user, Action.PLAYBACK, entry, channel.channel, via="media_source"):
            raise RefusedError("not_allowed", camera=found.name)
        return ChannelBranch(hub, channel, found, self.words)

    def branches_below(self, media_id: MediaId) -> list[ChannelBranch]:
        """Return the branches a search below that node looks into."""
        match media_id:
            case RootId():
                entries = [entry for entry in self._entries() if entry.state is ConfigEntryState.LOADED]
            case RecorderId():
                entries = [self._entry(media_id.entry_id)]
            case ClipsId() | ClipId():
                return []
            case _:
                return [self.branch(channel_id_of(media_id))]
        return [
            ChannelBranch(entry.runtime_data.hub, ChannelId(entry.entry_id, channel.number), channel, self.words)
            for entry in entries
            for channel in self._channels(entry)
        ]

    def _root(self) -> BrowseMediaSource:
        children = [
            node(RecorderId(entry.entry_id), entry.title)
            for entry in self._entries()
            if (entry.state is ConfigEntryState.LOADED and self._channels(entry))
            or (entry.state is not ConfigEntryState.LOADED and (self.user is None or self.user.is_admin))
        ]
        if (clips := self.clips).clips:
            children.append(clips.root())
        root = node(RootId(), self.words.text("media_root"), children=children, media_class=MediaClass.APP)
        root.children_media_class = MediaClass.DIRECTORY
        return root

    def _recorder(self, media_id: RecorderId) -> BrowseMediaSource:
        entry = self._entry(media_id.entry_id)
        children = [self._channel_node(entry, channel) for channel in self._channels(entry)]
        made = node(media_id, entry.title, children=children)
        made.children_media_class = MediaClass.CHANNEL
        return made

    def _channel_node(self, entry: NvrConfigEntry, channel: Channel) -> BrowseMediaSource:
        entity_id = entry.runtime_data.hub.camera_entity_id(channel.number)
        watches = authorize(self.hass, self.user, Action.LIVE, entry, channel.number)
        return node(
            ChannelId(entry.entry_id, channel.number),
            channel.name,
            media_class=MediaClass.CHANNEL,
            thumbnail=f"/api/camera_proxy/{entity_id}" if entity_id and watches else None,
        )

    def _entries(self) -> list[NvrConfigEntry]:
        entries: list[NvrConfigEntry] = self.hass.config_entries.async_entries(DOMAIN, include_disabled=False)
        return sorted(entries, key=lambda entry: entry.title.casefold())

    def _entry(self, entry_id: str) -> NvrConfigEntry:
        entry: NvrConfigEntry | None = self.hass.config_entries.async_get_entry(entry_id)
        if entry is None or entry.domain != DOMAIN:
            raise RefusedError("no_recorder")
        if entry.state is not ConfigEntryState.LOADED:
            raise RefusedError("not_loaded", name=entry.title)
        return entry

    def _channels(self, entry: NvrConfigEntry) -> list[Channel]:
        return [channel for channel in entry.runtime_data.hub.channels if self._may_see(entry, channel)]

    def _may_see(self, entry: NvrConfigEntry, channel: Channel) -> bool:
        return authorize(self.hass, self.user, Action.PLAYBACK, entry, channel.number)


@contextmanager
def _told_as(kind: type[HomeAssistantError], name: str) -> Iterator[None]:
    """Raise what goes wrong as the one error that the media browser shows to people."""
    try:
        yield
    except MediaIdError as err:
        raise kind(translation_domain=DOMAIN, translation_key="no_such_media") from err
    except RefusedError as err:
        raise err.translate(kind) from err
    except NvrError as err:
        raise kind(
            translation_domain=DOMAIN,
            translation_key=error_key(err),
            translation_placeholders=error_placeholders(err, name),
        ) from err
