"""Core error -> Home Assistant error: one table, and the words a person can act on are in the translations."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.util import dt as dt_util

from .const import DOMAIN
from .core.errors import (
    NvrAuthError,
    NvrBusyError,
    NvrCertificateError,
    NvrConflictError,
    NvrError,
    NvrInsecureLoginError,
    NvrLockedError,
    NvrNotFoundError,
    NvrOtherRecorderError,
    NvrPermissionError,
    NvrResponseError,
    NvrTimeoutError,
    NvrUnreachableError,
    NvrUnsupportedError,
)
from .media.sessions import LossReason, SessionEndedError

# Subclasses stand before their parents: the first row that fits counts.
KEYS: Final[tuple[tuple[type[NvrError], str], ...]] = (
    (NvrCertificateError, "certificate"),
    (NvrTimeoutError, "timeout"),
    (NvrUnreachableError, "unreachable"),
    (NvrAuthError, "auth"),
    (NvrLockedError, "locked"),
    (NvrInsecureLoginError, "insecure_login"),
    (NvrPermissionError, "permission"),
    (NvrBusyError, "busy"),
    (NvrConflictError, "conflict"),
    (NvrUnsupportedError, "unsupported"),
    (NvrNotFoundError, "not_found"),
    (NvrOtherRecorderError, "other_recorder"),
    (NvrResponseError, "response"),
    (NvrError, "response"),
)

# Those of a set-up that name the page as well, by a key of their own that ends in `_to`.
WITH_PAGE: Final = frozenset({"response", "timeout"})
_LOSSES: Final = {LossReason.TAKEN_OVER: "session_taken_over", LossReason.REPLACED: "session_replaced"}


def error_key(err: NvrError) -> str:
    """Return the translation key of the error's class; a lock without a known end has a key of its own.

    So has each reason for which somebody's session was ended.
    """
    if isinstance(err, SessionEndedError):
        return _LOSSES.get(err.reason, "session_ended")
    if isinstance(err, NvrLockedError) and err.until is None:
        return "locked_unknown"
    return next(key for kind, key in KEYS if isinstance(err, kind))


def error_placeholders(err: NvrError, name: str) -> dict[str, str]:
    """Return what the message of the error's key needs; `until` is local time of day."""
    placeholders = {"name": name}
    if isinstance(err, NvrLockedError) and err.until is not None:
        placeholders["until"] = f"{dt_util.as_local(err.until):%H:%M}"
    return placeholders


def translate(err: NvrError, name: str) -> HomeAssistantError:
    """Return the Home Assistant error that tells the user of `err` at the recorder called `name`."""
    kind = ServiceValidationError if isinstance(err, NvrNotFoundError) else HomeAssistantError
    return kind(
        translation_domain=DOMAIN,
        translation_key=error_key(err),
        translation_placeholders=error_placeholders(err, name),
    )


@contextmanager
def translated_errors(name: str) -> Iterator[None]:
    """Raise core errors as Home Assistant errors that name the recorder."""
    try:
        yield
    except NvrError as err:
        raise translate(err, name) from err
