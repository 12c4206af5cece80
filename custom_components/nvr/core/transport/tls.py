"""How a recorder's certificate is judged: verify, pin or not at all; recorders mostly sign their own."""

import asyncio
from contextlib import suppress
from hashlib import sha256
import ssl
from typing import override

from ..driver import TlsMode
from ..errors import NvrTimeoutError, NvrUnreachableError


class PinMismatchError(ssl.SSLCertVerificationError):
    """The recorder showed another certificate; `fingerprint` is the SHA-256 of that one."""

    fingerprint: str = ""


class _PinnedObject(ssl.SSLObject):
    """Compare the certificate of this very connection before any byte of ours goes out."""

    @override
    def do_handshake(self) -> None:
        super().do_handshake()
        shown = sha256(self.getpeercert(binary_form=True) or b"").hexdigest()
        if isinstance(self.context, PinnedContext) and shown != self.context.fingerprint:
            error = PinMismatchError("another certificate than the pinned one")
            error.fingerprint = shown
            raise error


class PinnedContext(ssl.SSLContext):
    """Accept exactly one certificate, by its SHA-256, whatever it says."""

    fingerprint: str = ""
    sslobject_class = _PinnedObject


def _accept_anything(context: ssl.SSLContext) -> None:
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    # Old firmware knows TLS 1.0 and weak ciphers only (hikvision-isapi 2.1).
    with suppress(ValueError, ssl.SSLError):
        context.set_ciphers("DEFAULT:@SECLEVEL=0")
    context.options |= ssl.OP_LEGACY_SERVER_CONNECT


def normal_fingerprint(text: str | None) -> str:
    """Return a SHA-256 fingerprint as lower-case hex without separators."""
    return (text or "").replace(":", "").replace(" ", "").lower()


def build_context(mode: TlsMode, fingerprint: str | None = None) -> ssl.SSLContext:
    """Return the TLS context of a mode; reads files, so call it in a thread.

    Raises ValueError for a pin without a fingerprint.
    """
    if mode is TlsMode.VERIFY:
        return ssl.create_default_context()
    if mode is not TlsMode.PIN:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        _accept_anything(context)
        return context
    pinned = PinnedContext(ssl.PROTOCOL_TLS_CLIENT)
    pinned.fingerprint = normal_fingerprint(fingerprint)
    if not pinned.fingerprint:
        raise ValueError("a pinned certificate without a fingerprint")
    _accept_anything(pinned)
    return pinned


async def peer_fingerprint(host: str, port: int, *, patience: float = 10.0) -> str:
    """Return the SHA-256 (lower-case hex) of the certificate shown there; sends nothing but the handshake.

    `patience` in seconds. Raises NvrUnreachableError when there is no TLS to be had.
    """
    context = await asyncio.to_thread(build_context, TlsMode.NO_VERIFY)
    try:
        async with asyncio.timeout(patience):
            _, writer = await asyncio.open_connection(host, port, ssl=context)
    except TimeoutError:
        raise NvrTimeoutError("no TLS handshake in time") from None
    except OSError as error:
        raise NvrUnreachableError(f"no TLS connection ({type(error).__name__})") from None
    try:
        shown = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    finally:
        # Only looked at: no goodbye is owed, and waiting for one could take for ever.
        writer.transport.abort()
    return sha256(shown or b"").hexdigest()
