"""Links to clips, for notifications: who may follow them, to what, until when.

A link is a bearer, as those to footage are: its token stands in the path. It is made for one principal and one clip,
and outlives a restart; only what its token hashes to is kept. Whoever serves one asks `access` again, every time, for
the same principal.
"""

from collections.abc import Container, Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
import hashlib
import secrets
from typing import Any, Final

from .playback_links import ExpiredLinkError, UnknownLinkError
from .signals import Signal

_TOKEN_BYTES: Final = 24
MOST_LINKS: Final = 2000
"""How many there may be in all: whoever has none to give up is refused, and nobody loses his to somebody else."""
MOST_OF_ONE: Final = 200
"""How many one person may have; those of automations count as one person's."""
_MAX_REMEMBERED: Final = 2000


class TooManyLinksError(Exception):
    """There are as many links as there may be."""


@dataclass(slots=True)
class ClipLink:
    """One link. `id` names it to people, `digest` is all that is kept of its token; `user_id` None is Home Assistant.

    `download`: it gives a file to keep, and not only something to play.
    `spare`: it gives the version that plays everywhere.
    """

    id: str
    digest: str
    clip_id: str
    user_id: str | None
    made: datetime
    expires: datetime
    download: bool = False
    spare: bool = False
    announced: bool = False


class ClipLinks:
    """All links that are good, and what some hashed to that were. `ended` tells of one that was, in whatever way."""

    def __init__(self) -> None:
        self.ended: Signal[ClipLink] = Signal()
        self._links: dict[str, ClipLink] = {}
        self._over: dict[str, None] = {}

    def __len__(self) -> int:
        return len(self._links)

    def all(self) -> tuple[ClipLink, ...]:
        """Return the links that were not revoked."""
        return tuple(self._links.values())

    def count(self, clip_ids: Container[str]) -> int:
        """Return how many links there are to some clips."""
        return sum(link.clip_id in clip_ids for link in self._links.values())

    def mint(
        self,
        clip_id: str,
        user_id: str | None,
        now: datetime,
        expires: datetime,
        *,
        download: bool = False,
        spare: bool = False,
    ) -> tuple[str, ClipLink]:
        """Make a link and return its token, too; the oldest of the same principal goes when he has too many.

        Raises TooManyLinksError when there are too many in all.
        """
        token = secrets.token_urlsafe(_TOKEN_BYTES)
        link = ClipLink(secrets.token_hex(6), _digest(token), clip_id, user_id, now, expires, download, spare)
        self.drop_expired(now)
        mine = [old for old in self._links.values() if old.user_id == user_id]
        if len(mine) >= MOST_OF_ONE:
            self.revoke(mine[0])
        elif len(self._links) >= MOST_LINKS:
            raise TooManyLinksError
        self._links[link.digest] = link
        return token, link

    def follow(self, token: str, now: datetime) -> ClipLink:
        """Return the link; raises UnknownLinkError or ExpiredLinkError."""
        digest = _digest(token)
        if (link := self._links.get(digest)) is None:
            if digest in self._over:
                raise ExpiredLinkError
            raise UnknownLinkError
        if link.expires <= now:
            self.revoke(link)
            raise ExpiredLinkError
        return link

    def find(self, link_id: str) -> ClipLink | None:
        """Return the link of that name."""
        return next((link for link in self._links.values() if link.id == link_id), None)

    def revoke(self, link: ClipLink) -> None:
        """End a link."""
        if self._links.pop(link.digest, None) is not None:
            self._over[link.digest] = None
            self.ended.async_send(link)
        while len(self._over) > _MAX_REMEMBERED:
            del self._over[next(iter(self._over))]

    def revoke_clip(self, clip_id: str) -> None:
        """End all links to a clip."""
        for link in [link for link in self._links.values() if link.clip_id == clip_id]:
            self.revoke(link)

    def drop_expired(self, now: datetime) -> None:
        """End the links whose time is over."""
        for link in [link for link in self._links.values() if link.expires <= now]:
            self.revoke(link)

    def to_json(self) -> list[dict[str, Any]]:
        """Return what outlives a restart."""
        return [
            {**asdict(link), "made": link.made.isoformat(), "expires": link.expires.isoformat()}
            for link in self._links.values()
        ]

    def from_json(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Take what was left of an earlier run; a row that cannot be understood is no link."""
        for row in rows:
            try:
                moments = {name: datetime.fromisoformat(row[name]) for name in ("made", "expires")}
                link = ClipLink(**{**row, **moments})
            except KeyError, TypeError, ValueError:
                continue
            self._links[link.digest] = link


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
