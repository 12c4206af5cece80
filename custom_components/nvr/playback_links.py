"""Links to footage: who may follow them, for what, and until when.

A link is a bearer: its token stands in the path, because players ask for segments without any header of ours. So it is
unguessable, made for one principal, one channel and one span, short-lived, and good for nothing once that principal,
his right, or the recorder's entry is gone. Whoever serves a link asks `access` again, every time, for the same
principal.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
import secrets
import time
from typing import Final

from .core.models import TimeSpan
from .media.engine import Playback

LIFETIME: Final = 6 * 3600.0
IDLE_LIFETIME: Final = 30 * 60.0
_TOKEN_BYTES: Final = 24
_MAX_LINKS: Final = 256
# Whoever opens one recording after another leaves them behind: nothing tells us that a player is gone.
_MAX_OF_ONE: Final = 32
_MAX_REMEMBERED: Final = 1024


class UnknownLinkError(Exception):
    """No such link was ever made, or it was so long ago that it is forgotten."""


class ExpiredLinkError(Exception):
    """The link was good once."""


@dataclass(slots=True, eq=False)
class PlaybackLink:
    """One playback, as one principal may follow it. `user_id` None is Home Assistant itself; times are monotonic."""

    token: str
    playback: Playback
    entry_id: str
    channel: int
    span: TimeSpan
    user_id: str | None
    made_at: float
    used_at: float
    announced: bool = False

    @property
    def path(self) -> str:
        """The path of the playlist."""
        return f"/api/nvr/vod/{self.token}/master.m3u8"


class PlaybackLinks:
    """All links that are good, and the tokens of some that were."""

    def __init__(self, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._links: dict[str, PlaybackLink] = {}
        self._ended: OrderedDict[str, None] = OrderedDict()

    def __len__(self) -> int:
        return len(self._links)

    def all(self) -> tuple[PlaybackLink, ...]:
        """Return the links that are good, or were when they were used last."""
        return tuple(self._links.values())

    async def mint(
        self, playback: Playback, *, entry_id: str, channel: int, span: TimeSpan, user_id: str | None
    ) -> PlaybackLink:
        """Make a link; links that are over are cleared away, and the one unused for longest when there are too many.

        There are too many of one principal, too.
        """
        now = self._monotonic()
        link = PlaybackLink(secrets.token_urlsafe(_TOKEN_BYTES), playback, entry_id, channel, span, user_id, now, now)
        over = [old for old in self._links.values() if self._is_over(old, now)]
        good = [old for old in self._links.values() if old not in over]
        mine = [old for old in good if old.user_id == user_id]
        if len(mine) >= _MAX_OF_ONE or len(good) >= _MAX_LINKS:
            crowd = mine if len(mine) >= _MAX_OF_ONE else good
            over.append(min(crowd, key=lambda old: old.used_at))
        self._links[link.token] = link
        await self._end(over)
        return link

    async def follow(self, token: str) -> PlaybackLink:
        """Return the link and count it as used; raises UnknownLinkError or ExpiredLinkError."""
        now = self._monotonic()
        if (link := self._links.get(token)) is None:
            if token in self._ended:
                raise ExpiredLinkError
            raise UnknownLinkError
        if self._is_over(link, now):
            await self._end([link])
            raise ExpiredLinkError
        link.used_at = now
        return link

    async def revoke(self, link: PlaybackLink) -> None:
        """End one link."""
        await self._end([link])

    async def revoke_entry(self, entry_id: str) -> None:
        """End all links to footage of a recorder."""
        await self._end([link for link in self._links.values() if link.entry_id == entry_id])

    async def revoke_all(self) -> None:
        """End all links."""
        await self._end(list(self._links.values()))

    def _is_over(self, link: PlaybackLink, now: float) -> bool:
        return now - link.made_at >= LIFETIME or now - link.used_at >= IDLE_LIFETIME

    async def _end(self, links: Iterable[PlaybackLink]) -> None:
        ended = [link for link in links if self._links.pop(link.token, None) is not None]
        for link in ended:
            self._ended[link.token] = None
        while len(self._ended) > _MAX_REMEMBERED:
            self._ended.popitem(last=False)
        await asyncio.gather(*(link.playback.close() for link in ended))
