"""What a refusal means: status and body of the CGI, code of RPC2, to one error of the core (dahua-cgi 2.5, 15.2). Pure.

The body is the contract and not the status: a 200 may refuse, a 400 may mean that nothing was found. A 401 alone proves
nothing against the password (dahua-cgi 2.4).
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Final

from ...errors import (
    NvrBusyError,
    NvrError,
    NvrLockedError,
    NvrNotFoundError,
    NvrPermissionError,
    NvrResponseError,
    NvrUnsupportedError,
)
from ...transport.redact import excerpt
from .wire import is_error_body
from .wire_rpc import (
    BLACK_LISTED,
    BUSY,
    LOCKED,
    METHOD_MISSING,
    NO_RIGHT,
    OBJECT_MISSING,
    UNKNOWN_NAME,
    RpcReply,
    is_session_error,
    lock_seconds,
)

# How long a full table of connections is left alone (s): the owner's app has to give one back.
FULL_TABLE_WAIT: Final = 30.0
_NO_TABLE: Final = "getting param"


class DahuaRefusalError(NvrResponseError):
    """A refusal that speaks of the request, not of the login: nothing found, no such channel, not known, malformed.

    `status` is the HTTP status, `code` that of RPC2 (None by CGI), `detail` the recorder's own words, redacted.
    """

    def __init__(self, message: str, *, status: int = 200, code: int | None = None, detail: str = "") -> None:
        """Keep what the recorder said for those who know what the request was."""
        super().__init__(message, excerpt=detail)
        self.status = status
        self.code = code
        self.detail = detail


class SessionLostError(NvrBusyError):
    """The RPC session ended while one of its handles was in use: whoever holds handles begins anew."""


class HandleLostError(NvrBusyError):
    """The recorder does not know the handle (any more): whoever holds it begins anew."""


def classify(status: int, headers: Mapping[str, str], body: bytes) -> NvrError | None:
    """Return the error an answer of the CGI stands for, None for a good one and for a 401."""
    if status == HTTPStatus.UNAUTHORIZED:
        return None
    if status == HTTPStatus.FORBIDDEN:
        return NvrPermissionError("the account lacks the right for this (403)")
    if status == HTTPStatus.NOT_FOUND:
        return NvrNotFoundError("the recorder does not know this (404)")
    if status in (HTTPStatus.NOT_IMPLEMENTED, HTTPStatus.METHOD_NOT_ALLOWED):
        return NvrUnsupportedError(f"the recorder does not offer this ({status})")
    if status in (HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.TOO_MANY_REQUESTS):
        wait = headers.get("Retry-After", "")
        seconds = float(wait) if wait.isdecimal() else None
        return NvrBusyError(f"the recorder is busy ({status})", retry_after=seconds)
    if status >= HTTPStatus.BAD_REQUEST or is_error_body(body):
        words = excerpt(body, 120)
        return DahuaRefusalError(f"the recorder refused ({status}): {words}", status=status, detail=words)
    return None


def is_lacking(error: NvrError) -> bool:
    """Tell whether a refusal says that there is no such thing: 400, 404, 405, 501, no such table (dahua-cgi 2.5).

    Anything else, a 500 or a code, may be otherwise the next time.
    """
    if isinstance(error, DahuaRefusalError):
        return error.status == HTTPStatus.BAD_REQUEST or (error.status == HTTPStatus.OK and _NO_TABLE in error.detail)
    return isinstance(error, NvrUnsupportedError | NvrNotFoundError)


def is_failing(error: NvrError) -> bool:
    """Tell whether a refusal speaks of the recorder (5xx), not of the request: it says nothing of what there is."""
    return isinstance(error, DahuaRefusalError) and error.status >= HTTPStatus.INTERNAL_SERVER_ERROR


def lock_error(reply: RpcReply, now: datetime) -> NvrLockedError | None:
    """Return the lock a login's answer tells of, with its end if it is told."""
    seconds = lock_seconds(reply)
    if seconds is not None:
        return NvrLockedError("the recorder has locked this login", until=now + timedelta(seconds=seconds))
    if reply.code in LOCKED:
        return NvrLockedError("the recorder has locked this login")
    return None


def rpc_error(reply: RpcReply, method: str) -> NvrError:
    """Return the error for a refused call; what the login means is not decided here."""
    code, words = reply.code, excerpt(reply.message, 80)
    said = f"{method}: {code} {words}".strip()
    if is_session_error(reply):
        return SessionLostError(f"the session is over ({said})")
    if code in METHOD_MISSING:
        return NvrUnsupportedError(f"the recorder does not offer {said}")
    if code in NO_RIGHT:
        return NvrPermissionError(f"the account lacks the right for {said}")
    if code in BLACK_LISTED:
        return NvrPermissionError("the recorder has our address on its black list")
    if code in BUSY:
        return NvrBusyError(f"the recorder is busy ({said})", retry_after=FULL_TABLE_WAIT)
    if code in OBJECT_MISSING:
        return HandleLostError(f"the recorder does not know the handle ({said})")
    if code in UNKNOWN_NAME:
        return NvrNotFoundError(f"the recorder does not know what was asked for ({said})")
    return DahuaRefusalError(f"the recorder refused {said}", code=code, detail=words)
