"""How many sessions a recorder really lets us open, learned from its refusals. Pure.

A recorder that refuses a session while some are open has no more of them now: for want of sessions at all, or because
its monitor or another client holds the rest. Which of the two it is shows later. So what was learned is tried again,
one session more at a time, ever more rarely where the recorder goes on refusing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

FIRST_TRIAL: Final = timedelta(minutes=5)
LONGEST_WAIT: Final = timedelta(hours=12)


@dataclass(slots=True)
class LearnedLimit:
    """What one recorder taught; `most` None is nothing. Moments are aware and in UTC."""

    most: int | None = None
    refusals: int = 0
    again_at: datetime | None = None

    def of(self, ceiling: int) -> int:
        """Return how many sessions the recorder has, as far as is known; never less than one."""
        return max(1, ceiling if self.most is None else min(ceiling, self.most))

    def allowed(self, ceiling: int, now: datetime) -> int:
        """Return how many may be open now: one more than is known, where it is time to try that."""
        known = self.of(ceiling)
        trial = self.again_at is not None and now >= self.again_at
        return known + 1 if trial and known < ceiling else known

    def refused(self, beside: int, now: datetime) -> None:
        """Learn that the recorder refused a session while `beside` others were open."""
        most = max(1, beside)
        again = self.most is not None and most >= self.most
        self.refusals = self.refusals + 1 if again else 1
        self.most = most if self.most is None else min(self.most, most)
        self.again_at = now + min(LONGEST_WAIT, FIRST_TRIAL * 2 ** min(self.refusals - 1, 12))

    def opened(self, count: int, ceiling: int, now: datetime) -> bool:
        """Learn that `count` sessions are open together; return whether that is news."""
        if self.most is None or count <= self.most:
            return False
        if count >= ceiling:
            self.most, self.again_at = None, None
        else:
            self.most, self.again_at = count, now
        self.refusals = 0
        return True

    def to_json(self) -> dict[str, object]:
        """Return it as plain JSON; empty when nothing was learned."""
        if self.most is None:
            return {}
        again_at = None if self.again_at is None else self.again_at.isoformat()
        return {"most": self.most, "refusals": self.refusals, "again_at": again_at}

    @classmethod
    def from_json(cls, raw: Mapping[str, object]) -> LearnedLimit:
        """Read it back; anything odd is forgotten, not trusted."""
        match raw:
            case {"most": int(most), "refusals": int(refusals), "again_at": str(text)} if most > 0 <= refusals:
                try:
                    again_at = datetime.fromisoformat(text)
                except ValueError:
                    return cls()
                return cls(most, refusals, again_at) if again_at.tzinfo is not None else cls()
        return cls()
