"""What a refusal of ISAPI means: HTTP status and body to one error of the core (hikvision-isapi 2.4, 3.3).

Pure. A 403 is four different things and never the password; a 200 may hold a failure. Only a 401 speaks of credentials.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
import json

from ...errors import (
    NvrAuthError,
    NvrBusyError,
    NvrConflictError,
    NvrError,
    NvrLockedError,
    NvrNotFoundError,
    NvrPermissionError,
    NvrResponseError,
    NvrUnsupportedError,
)
from ...transport.xml import integer, local, parse, text

_OK_CODES = frozenset({0, 1, 7})
_BUSY, _DEVICE_ERROR, _INVALID_OPERATION, _BAD_FORMAT, _BAD_CONTENT = 2, 3, 4, 5, 6
_BUSY_WORDS = frozenset(
    {
        "nomemory",
        "serviceunavailable",
        "upgrading",
        "devicebusy",
        "reconnectipc",
        "audioisplayingpleasewait",
        "oversessionlimit",
        "nosearchidresource",
    }
)
_RIGHTS_WORDS = frozenset(
    {
        "lowprivilege",
        "badauthorization",
        "nopermission",
        "notactivated",
        "needdoubleverification",
        "nodoubleverificationuser",
    }
)
_CONFLICT = "mutexfunction"
_MISSING_WORDS = frozenset({"notsupport", "methodnotallowed", "invalidoperation"})
# Locks last half an hour at most; what tells of more than a day (s) is not believed.
_LONGEST_LOCK = 86400
_SEARCH_HANDLES = "nosearchidresource"


class HikvisionRefusalError(NvrResponseError):
    """A refusal that says the request, not the login, is the matter; `code` and `sub` are the recorder's own words."""

    def __init__(self, message: str, *, status: int, code: int | None = None, sub: str = "", detail: str = "") -> None:
        """Keep what the recorder said for those who can try another dialect."""
        super().__init__(message)
        self.status = status
        self.code = code
        self.sub = sub
        self.detail = detail

    @property
    def is_bad_request(self) -> bool:
        """Whether the recorder did not like the form of the request: another dialect may be understood."""
        return self.status == HTTPStatus.BAD_REQUEST or self.code in (_BAD_FORMAT, _BAD_CONTENT)

    @property
    def is_device_error(self) -> bool:
        """Whether the recorder failed on its own side and may succeed at the next try."""
        return self.code == _DEVICE_ERROR or (self.code is None and self.status >= HTTPStatus.INTERNAL_SERVER_ERROR)


@dataclass(frozen=True, slots=True)
class ResponseStatus:
    """The body of an answer that only says how it went (hikvision-isapi 2.3, 2.4)."""

    code: int | None
    status: str
    sub: str
    detail: str

    @property
    def ok(self) -> bool:
        """Whether it says that all is well; 7 means so too, after a restart."""
        return self.code in _OK_CODES


@dataclass(frozen=True, slots=True)
class UserCheck:
    """The body of a 401 or of `Security/userCheck` (hikvision-isapi 3.2, 3.3); `unlock` in seconds."""

    locked: bool
    unlock: int | None
    tries_left: int | None


def parse_response_status(body: bytes) -> ResponseStatus | None:
    """Return the ResponseStatus a body holds, XML or JSON, or None when it holds something else."""
    head = body[:400].lstrip(b"\xef\xbb\xbf \t\r\n")
    if head.startswith(b"{"):
        return _json_status(body)
    if b"ResponseStatus" not in head:
        return None
    try:
        root = parse(body)
    except NvrResponseError:
        return None
    if local(root.tag) != "ResponseStatus":
        return None
    detail = text(root, "description", "") or text(root, "errorMsg", "")
    return ResponseStatus(
        integer(root, "statusCode"), text(root, "statusString", ""), text(root, "subStatusCode", ""), detail
    )


def _json_status(body: bytes) -> ResponseStatus | None:
    try:
        data = json.loads(body)
    except ValueError:
        return None
    if not isinstance(data, dict) or "statusCode" not in data:
        return None
    code = data["statusCode"]
    return ResponseStatus(
        code if isinstance(code, int) else None,
        str(data.get("statusString", "")),
        str(data.get("subStatusCode", "")),
        str(data.get("errorMsg", "")),
    )


def parse_user_check(body: bytes) -> UserCheck | None:
    """Return the userCheck a body holds, or None when it holds something else (a page of the web server)."""
    if b"userCheck" not in body[:400]:
        return None
    try:
        root = parse(body)
    except NvrResponseError:
        return None
    tries = integer(root, "retryLoginTime")
    return UserCheck(
        locked=text(root, "lockStatus", "").lower() in {"lock", "locked"},
        unlock=integer(root, "unlockTime"),
        tries_left=integer(root, "retryTimes") if tries is None else tries,
    )


def _unauthorized(body: bytes, now: datetime) -> NvrError:
    check = parse_user_check(body)
    if check is not None and check.locked:
        left = None if check.unlock is None else min(max(check.unlock, 0), _LONGEST_LOCK)
        until = None if left is None else now + timedelta(seconds=left)
        return NvrLockedError("the recorder has locked this login", until=until)
    status = parse_response_status(body)
    if status is not None and status.sub.lower() == "notactivated":
        return NvrPermissionError("the recorder has not been activated yet")
    return NvrAuthError("the recorder refused user or password")


def _said(status: ResponseStatus, http: int) -> NvrError:
    """Return the error for a body that names its reason."""
    sub = status.sub.lower()
    words = f"status {status.code} {status.status[:40]} {status.sub[:40]}".strip()
    if sub == _SEARCH_HANDLES:
        return NvrBusyError("the recorder has no search handle left", retry_after=3.0)
    if sub == _CONFLICT:
        return NvrConflictError("another function that is on forbids this")
    if sub in _RIGHTS_WORDS:
        return NvrPermissionError(f"the account lacks a right: {words}")
    if sub in _BUSY_WORDS or status.code == _BUSY or http == HTTPStatus.SERVICE_UNAVAILABLE:
        return NvrBusyError(f"the recorder is busy: {words}")
    if sub in _MISSING_WORDS or status.code == _INVALID_OPERATION:
        return NvrUnsupportedError(f"the recorder does not offer this: {words}")
    return HikvisionRefusalError(
        f"the recorder refused: {words}", status=http, code=status.code, sub=status.sub, detail=status.detail[:120]
    )


def _unsaid(http: int) -> NvrError:
    """Return the error for an HTTP status whose body gives no reason."""
    if http == HTTPStatus.FORBIDDEN:
        return NvrPermissionError("the recorder forbids this (403)")
    if http in (HTTPStatus.NOT_FOUND, HTTPStatus.GONE):
        return NvrNotFoundError("the recorder does not know this (404)")
    if http in (HTTPStatus.METHOD_NOT_ALLOWED, HTTPStatus.NOT_IMPLEMENTED):
        return NvrUnsupportedError(f"the recorder does not offer this ({http})")
    if http in (HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.TOO_MANY_REQUESTS):
        return NvrBusyError(f"the recorder is busy ({http})")
    return HikvisionRefusalError(f"the recorder answered with HTTP status {http}", status=http)


def classify(status: int, headers: Mapping[str, str], body: bytes, now: datetime) -> NvrError | None:
    """Return the error an answer stands for, or None when it is a good one; `now` dates the end of a lock."""
    if status == HTTPStatus.UNAUTHORIZED:
        return _unauthorized(body, now)
    said = parse_response_status(body)
    if said is not None and not said.ok:
        error = _said(said, status)
        if isinstance(error, NvrBusyError) and error.retry_after is None:
            return NvrBusyError(str(error), retry_after=_retry_after(headers))
        return error
    if status < HTTPStatus.BAD_REQUEST:
        return None
    error = _unsaid(status)
    if isinstance(error, NvrBusyError):
        return NvrBusyError(str(error), retry_after=_retry_after(headers))
    return error


def _retry_after(headers: Mapping[str, str]) -> float | None:
    value = headers.get("Retry-After", "")
    return float(value) if value.isdecimal() else None


def is_optional_refusal(error: NvrError) -> bool:
    """Tell whether the error means that an optional document is not to be had and need not be asked for again."""
    return isinstance(error, NvrUnsupportedError | NvrPermissionError | NvrNotFoundError)


def is_track_unknown(error: NvrError) -> bool:
    """Tell whether a search was refused for its track alone: "Invalid track id." (hikvision-isapi 8.2)."""
    if not isinstance(error, HikvisionRefusalError):
        return False
    words = f"{error.sub} {error.detail} {error}".lower().replace(" ", "")
    return "trackid" in words
