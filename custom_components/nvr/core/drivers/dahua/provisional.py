"""The count of refused logins as HTTP sees it: a 401 is held until an RPC login has said what it means.

A 401 of this family also means a full table of connections or a lock (dahua-cgi 2.4), so HTTP may count one refusal and
no more; whoever runs into it asks for a verdict. A wrong password goes out twice at most, once by each way.
"""

from datetime import datetime

from ...driver import CredentialGuard
from ...errors import NvrAuthError


class ProvisionalGuard:
    """Implements core.driver.CredentialGuard before the recorder's own guard, which every protocol shares."""

    def __init__(self, shared: CredentialGuard) -> None:
        """Hold the guard that counts for good."""
        self.shared = shared
        self._held = False

    @property
    def undecided(self) -> bool:
        """Whether a refusal stands that nobody has judged yet: nothing is to be sent by HTTP until then."""
        return self._held and self.shared.usable

    @property
    def usable(self) -> bool:
        """Whether the login may be sent now."""
        return self.shared.usable and not self._held

    @property
    def locked_until(self) -> datetime | None:
        """When the recorder's lock ends (UTC), while one is known."""
        return self.shared.locked_until

    @property
    def refusals(self) -> int:
        """How many refusals stand."""
        return self.shared.refusals

    def check(self, *, suspected: int = 0) -> None:
        """Raise NvrAuthError or NvrLockedError when the login must not be sent by HTTP.

        A suspected refusal counts like one: nonces that live for one answer make it, and it is judged the same way.
        """
        self.shared.check()
        if self._held:
            raise NvrAuthError("the login was refused; what that means is being found out")
        if suspected and self.shared.refusals:
            self.refused()
            self.check()

    def refused(self) -> None:
        """Count one refusal, and hold back every other until it is judged."""
        if not self._held:
            self._held = True
            self.shared.refused()

    def give_up(self) -> None:
        """Let nothing be sent until the user acts: the refusal is beyond doubt."""
        self._held = False
        self.shared.give_up()

    def accepted(self) -> None:
        """Forget earlier refusals: the recorder took the login."""
        self._held = False
        self.shared.accepted()

    def locked(self, until: datetime | None) -> None:
        """Note that the recorder told of a lock; a refusal before it was the lock's."""
        self._held = False
        if self.shared.usable:
            self.shared.accepted()
        self.shared.locked(until)

    def unjudged(self) -> None:
        """Let HTTP try for itself: this recorder has no other way to ask."""
        self._held = False
