"""The error tree of the protocol core: the class decides the retry.

Nothing in the core or in the drivers raises anything else across a role boundary. Texts are for logs and
diagnostics and never hold a credential, a serial or an RTSP address; what people read is made from the class.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Final

_LONGEST_WAIT: Final = 300.0


class NvrError(Exception):
    """Anything that went wrong while talking to a recorder; `about` names the page or call it came from, if known."""

    about = ""


@contextmanager
def about(page: str) -> Iterator[None]:
    """Name the page or call that errors come from, where nobody nearer did."""
    try:
        yield
    except NvrError as error:
        error.about = error.about or page
        raise


class NvrUnreachableError(NvrError):
    """The recorder cannot be reached; retry with a growing delay."""


class NvrTimeoutError(NvrUnreachableError):
    """The recorder was reached but did not answer in time; retry with a growing delay."""


class NvrCertificateError(NvrUnreachableError):
    """The TLS certificate was refused; `fingerprint` is the SHA-256 of what the recorder showed, if seen."""

    def __init__(self, message: str, *, fingerprint: str | None = None) -> None:
        """Keep the fingerprint so that the user can compare and pin it."""
        super().__init__(message)
        self.fingerprint = fingerprint


class NvrOtherRecorderError(NvrError):
    """Another recorder answers at the address; nothing of it may be mixed with ours."""


class NvrAuthError(NvrError):
    """The recorder refused user or password, with evidence; never retry before the user acts."""


class NvrLockedError(NvrError):
    """The account or our address is locked; send nothing before `until` (aware, UTC), if it is known."""

    def __init__(self, message: str, *, until: datetime | None = None) -> None:
        """Keep the moment from which on a request may be sent again."""
        super().__init__(message)
        self.until = until


class NvrPermissionError(NvrError):
    """The account is right but lacks the right for this; tell the user, do not ask for another password."""


class NvrInsecureLoginError(NvrPermissionError):
    """The recorder takes the password only readable, without TLS; the user must consent or switch TLS or digest on."""


class NvrBusyError(NvrError):
    """No free session, stream or connection on the recorder; wait, at least `retry_after` seconds if given."""

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        """Keep the wait the recorder asked for, in seconds, but not more than five minutes."""
        super().__init__(message)
        # Whatever a header says, one page must not silence the rest of a recorder for long.
        self.retry_after = None if retry_after is None else min(max(retry_after, 0.0), _LONGEST_WAIT)


class NvrNoSessionError(NvrBusyError):
    """The recorder refused another playback session: it has no more of them, or none for us now."""


class NvrConflictError(NvrError):
    """Something that is on now forbids it: another function of the recorder has to be switched off first."""


class NvrUnsupportedError(NvrError):
    """This recorder or firmware does not offer the function; do not ask again before its firmware changes."""


class NvrNotFoundError(NvrError):
    """The channel, segment or resource does not exist (any more)."""


class NvrResponseError(NvrError):
    """The answer was malformed, truncated or a refusal we do not know; `excerpt` is redacted."""

    def __init__(self, message: str, *, excerpt: str = "") -> None:
        """Keep a short redacted piece of the answer for diagnostics."""
        super().__init__(message)
        self.excerpt = excerpt
