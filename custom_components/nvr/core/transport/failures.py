"""What a failed exchange means, where the driver knows nothing better."""

from collections.abc import Mapping

import aiohttp

from ..driver import ConnectionConfig
from ..errors import (
    NvrBusyError,
    NvrCertificateError,
    NvrError,
    NvrNotFoundError,
    NvrPermissionError,
    NvrResponseError,
    NvrUnreachableError,
    NvrUnsupportedError,
)
from .redact import excerpt
from .tls import PinMismatchError, peer_fingerprint


def usual_error(status: int, headers: Mapping[str, str], body: bytes) -> NvrError:
    """Return the usual meaning of an HTTP status that was not accepted."""
    match status:
        case 403:
            return NvrPermissionError("the recorder forbids it (HTTP 403)")
        case 404:
            return NvrNotFoundError("the recorder does not know it (HTTP 404)")
        case 405 | 501:
            return NvrUnsupportedError(f"the recorder cannot do it (HTTP {status})")
        case 429 | 503:
            wait = headers.get("Retry-After", "")
            seconds = float(wait) if wait.isdecimal() else None
            return NvrBusyError(f"the recorder is busy (HTTP {status})", retry_after=seconds)
        case _:
            return NvrResponseError(f"an answer we do not expect (HTTP {status})", excerpt=excerpt(body))


async def connection_error(error: Exception, config: ConnectionConfig, patience: float) -> NvrError:
    """Return what it means that no answer came; `patience` (s) limits the look at a certificate that was refused."""
    name = type(error).__name__
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        cause = error.certificate_error
        if isinstance(cause, PinMismatchError):
            return NvrCertificateError("the certificate is not the pinned one", fingerprint=cause.fingerprint)
        shown = await _shown(config, patience)
        return NvrCertificateError("the certificate cannot be verified", fingerprint=shown)
    if isinstance(error, aiohttp.ClientConnectorError):
        return NvrUnreachableError(f"no connection ({name})")
    if isinstance(error, aiohttp.ClientResponseError):
        return NvrResponseError(f"this is not HTTP ({name})")
    return NvrUnreachableError(f"no answer ({name})")


async def _shown(config: ConnectionConfig, patience: float) -> str | None:
    try:
        return await peer_fingerprint(config.dial or config.host, config.http_port, patience=patience)
    except NvrUnreachableError:
        return None
