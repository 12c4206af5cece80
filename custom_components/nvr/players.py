"""What a media player is given so that it plays a recording: an address that is whole, and how it is to be taken."""

from dataclasses import dataclass, field
from typing import Any, Final

from homeassistant.components.media_player import (
    ATTR_MEDIA_CONTENT_ID,
    ATTR_MEDIA_CONTENT_TYPE,
    ATTR_MEDIA_EXTRA,
    MediaPlayerEntityFeature,
)
from homeassistant.const import ATTR_SUPPORTED_FEATURES, STATE_UNAVAILABLE
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import entity_registry as er

from .footage import RefusedError

# By this name Home Assistant gives its own streams to players, and players know it for a playlist by that.
HLS_TYPE: Final = "application/vnd.apple.mpegurl"
# The segments are fragmented MP4: a cast device takes them for MPEG-TS when nobody says so.
_CAST_EXTRA: Final = {"stream_type": "BUFFERED", "media_info": {"hlsVideoSegmentFormat": "fmp4"}}


@dataclass(frozen=True, slots=True)
class Player:
    """A media player that can be told to play something. `platform` is the integration it belongs to."""

    entity_id: str
    platform: str | None
    extra: dict[str, Any] = field(default_factory=dict)

    def play_data(self, url: str, title: str) -> dict[str, Any]:
        """Return what `media_player.play_media` takes, less the player; `url` is of an HLS playlist.

        Every player that is known here takes those; one that takes only whole files is to be told by its platform.
        """
        return {
            ATTR_MEDIA_CONTENT_ID: url,
            ATTR_MEDIA_CONTENT_TYPE: HLS_TYPE,
            ATTR_MEDIA_EXTRA: {"title": title, **self.extra},
        }


@callback
def player_of(hass: HomeAssistant, entity_id: str) -> Player:
    """Return a player that can play now; raises RefusedError in words.

    Home Assistant itself does nothing, and says nothing, for a player that does not exist.
    """
    state = hass.states.get(entity_id)
    if state is None or not entity_id.startswith("media_player."):
        raise RefusedError("no_player", player=entity_id)
    if state.state == STATE_UNAVAILABLE:
        raise RefusedError("player_away", player=state.name)
    if not MediaPlayerEntityFeature.PLAY_MEDIA & state.attributes.get(ATTR_SUPPORTED_FEATURES, 0):
        raise RefusedError("player_plays_nothing", player=state.name)
    known = er.async_get(hass).async_get(entity_id)
    platform = known.platform if known is not None else None
    return Player(entity_id, platform, dict(_CAST_EXTRA) if platform == "cast" else {})
