"""The count of refused logins as HTTP sees it: a 401 is held until an RPC login has said what it means.

A 401 of this family also means a full table of connections or a lock (dahua-cgi 2.4), so HTTP may count one refusal and
no more; whoever runs into it asks for a verdict. A wrong password goes out twice at most, once by each way.
"""

from collections.abc import Callable
from datetime import datetime

from ...driver import CredentialGuard
from ...errors import NvrAuthError


class ProvisionalGuard:
    """Implements core.driver.CredentialGuard before the recorder's own guard, which every protocol shares."""

    def __init__(self, shared: CredentialGuard) -> None:
        """Hold the guard that counts for good; `can_ask` tells whether there is anybody to ask for a verdict."""
        self.shared = shared
        self.can_ask: Callable[[], bool] = lambda: True
        self._held = False
        self._vouched = False

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

        An answer with a nonce that served before may be refused for its age or for the password: that is judged too,
        before the password is sent with a fresh one.
        """
        if not self.can_ask():
            self.shared.check(suspected=suspected)
            return
        self.shared.check()
        if self._held:
            raise NvrAuthError("the login was refused; what that means is being found out")
        if suspected and not self._vouched:
            self.refused()
            self.shared.check()
            raise NvrAuthError("the login was refused; what that means is being found out")

    def refused(self) -> None:
        """Count one refusal, and hold back every other until it is judged."""
        if not self.can_ask():
            self.shared.refused()
        elif not self._held:
            self._held = True
            self.shared.refused()

    def give_up(self) -> None:
        """Let nothing be sent until the user acts: the refusal is beyond doubt."""
        self._held = False
        self.shared.give_up()

    def accepted(self) -> None:
        """Forget earlier refusals: the recorder took the login."""
        self._held = self._vouched = False
        self.shared.accepted()

    def locked(self, until: datetime | None, *, tried: bool = False) -> None:
        """Note that the recorder told of a lock; `tried` when it was the answer to the login."""
        self._held = False
        self.shared.locked(until, tried=tried)

    def vouched(self) -> None:
        """Let HTTP try again: the login was found right by another way after the refusal."""
        self.accepted()
        self._vouched = True

    def unjudged(self) -> None:
        """Let HTTP find out for itself: this recorder has no other way to ask."""
        self._held = False
