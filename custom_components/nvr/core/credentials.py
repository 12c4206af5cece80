"""The count of refused logins of one recorder, shared by HTTP, RPC and RTSP."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

from .errors import NvrAuthError, NvrLockedError

REFUSALS_ALLOWED: Final = 2
# A recorder that was asked too early may begin its lock anew (hikvision-isapi 3.3).
LOCK_MARGIN: Final = timedelta(seconds=10)
# The longest lock that recorders were seen to impose (hikvision-isapi 3.3, dahua-cgi 2.4), where they do not say how
# long. With less, a question in the midst of it would be taken for another lock that the login has brought.
LOCK_ASSUMED: Final = timedelta(minutes=30)


def _utcnow() -> datetime:
    return datetime.now(UTC)


class LoginGuard:
    """Let a wrong password be sent twice at most, until the user acts; keep silent while the recorder is locked."""

    def __init__(self, *, utcnow: Callable[[], datetime] = _utcnow) -> None:
        """Start with a login nobody has refused."""
        self._utcnow = utcnow
        self._refusals = 0
        self._lost_to_locks = 0
        self._locked_until: datetime | None = None
        self._listeners: list[Callable[[], None]] = []

    def listen(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call `listener` after each refusal and each lock; returns what ends that."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    @property
    def usable(self) -> bool:
        """Whether the login may be sent now."""
        return self._refusals < REFUSALS_ALLOWED and self.locked_until is None

    @property
    def refusals(self) -> int:
        """How many refusals stand."""
        return self._refusals

    @property
    def locked_until(self) -> datetime | None:
        """When the silence ends that a lock imposes (UTC, margin of 10 s included), while one is known."""
        if self._locked_until is not None and self._utcnow() >= self._locked_until:
            self._locked_until = None
        return self._locked_until

    def check(self, *, suspected: int = 0) -> None:
        """Raise NvrAuthError or NvrLockedError when the login must not be sent.

        `suspected` refusals are counted where they make the limit full: another try would be one too many.
        """
        if suspected and self._refusals < REFUSALS_ALLOWED <= self._refusals + suspected:
            self.give_up()
        if self._refusals >= REFUSALS_ALLOWED:
            raise NvrAuthError("the login was refused; nothing is sent until it is entered anew")
        until = self.locked_until
        if until is not None:
            raise NvrLockedError("the recorder has locked this login or our address", until=until)

    def refused(self) -> None:
        """Count one refusal of the login by the recorder (not a stale nonce)."""
        self._refusals += 1
        self._tell()

    def give_up(self) -> None:
        """Let nothing be sent until the user acts."""
        if self._refusals < REFUSALS_ALLOWED:
            self._refusals = REFUSALS_ALLOWED
            self._tell()

    def accepted(self) -> None:
        """Forget an earlier refusal; once the limit is reached only `reset` helps."""
        if self._refusals < REFUSALS_ALLOWED:
            self._refusals = self._lost_to_locks = 0

    def locked(self, until: datetime | None, *, tried: bool = False) -> None:
        """Keep silent until 10 s after the end the recorder told of, `until` (aware).

        None: for as long as is assumed, 30 minutes. A lock that is already known is never shortened.

        `tried`: the lock was the answer to the login itself. Such a lock, or one with refusals just before it, counts
        as one refusal whatever was sent: they may have been the lock's, but some lock after a single wrong password.
        """
        if until is None:
            until = self._utcnow() + LOCK_ASSUMED
        if self._refusals < REFUSALS_ALLOWED:
            if self.locked_until is None and (tried or self._refusals > self._lost_to_locks):
                self._lost_to_locks += 1
            self._refusals = self._lost_to_locks
        self._keep_silent(until + LOCK_MARGIN)

    def keep_silent(self, until: datetime) -> None:
        """Go on with a lock that was known before: send nothing before `until` (aware), margin included."""
        if self._utcnow() < until:
            self._keep_silent(until)

    def reset(self) -> None:
        """Start anew: the user entered a login or asked to try again."""
        self._refusals = self._lost_to_locks = 0
        self._locked_until = None

    def _keep_silent(self, end: datetime) -> None:
        known = self.locked_until
        self._locked_until = end if known is None else max(end, known)
        self._tell()

    def _tell(self) -> None:
        for listener in tuple(self._listeners):
            listener()
