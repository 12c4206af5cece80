"""When something counts as offline or online again: a pure grace clock, one edge each way.

Offline is announced only when the failing has lasted for the grace time, and then dates from its first sign.
What was announced last outlives a restart; what was never announced (the first set-up) makes no edge.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class Announced:
    """What was told last: `since` is the moment the state began (aware, UTC)."""

    online: bool
    since: datetime


@dataclass(frozen=True, slots=True)
class Edge:
    """One change to tell of. For online `since` is when it had gone offline; `reason` says why it went."""

    online: bool
    at: datetime
    since: datetime
    reason: str

    @property
    def downtime(self) -> timedelta:
        """How long it has been away by now."""
        return self.at - self.since


class GraceClock:
    """The edges of one recorder or channel; the caller brings the time and asks again at `deadline`."""

    def __init__(self, grace: timedelta, announced: Announced | None = None, reason: str = "") -> None:
        """Go on from what was announced last; `reason` is why it was offline then."""
        self._grace = grace
        self._reason = reason
        self.announced = announced
        self.failing_since: datetime | None = None

    @property
    def online(self) -> bool | None:
        """What was announced last; None before the first observation."""
        return None if self.announced is None else self.announced.online

    @property
    def reason(self) -> str:
        """Why it is failing or offline; empty while it is not."""
        return self._reason

    @property
    def deadline(self) -> datetime | None:
        """When offline will be announced if nothing comes between."""
        if self.failing_since is None or self.online is False:
            return None
        return self.failing_since + self._grace

    def up(self, now: datetime) -> Edge | None:
        """Take a sign of life."""
        self.failing_since = None
        reason, self._reason = self._reason, ""
        before = self.announced
        if before is not None and before.online:
            return None
        self.announced = Announced(online=True, since=now)
        if before is None:
            return None
        return Edge(online=True, at=now, since=before.since, reason=reason)

    def down(self, now: datetime, reason: str) -> None:
        """Take a sign of failing; the first one counts, and the very first observation is no edge."""
        if self.announced is None:
            self.announced = Announced(online=False, since=now)
            self._reason = reason
        elif self.announced.online and self.failing_since is None:
            self.failing_since = now
            self._reason = reason

    def expire(self, now: datetime) -> Edge | None:
        """Return the edge when the grace time is over."""
        deadline = self.deadline
        if deadline is None or self.failing_since is None or now < deadline:
            return None
        since, self.failing_since = self.failing_since, None
        self.announced = Announced(online=False, since=since)
        return Edge(online=False, at=now, since=since, reason=self._reason)
