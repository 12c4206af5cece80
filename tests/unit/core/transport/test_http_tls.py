"""HTTP to one recorder by TLS: certificates that are pinned, verified, or not looked at."""

import asyncio
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
import ssl

from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
import pytest

from custom_components.nvr.core.driver import TlsMode
from custom_components.nvr.core.errors import (
    NvrCertificateError,
    NvrTimeoutError,
    NvrUnreachableError,
)
from custom_components.nvr.core.transport.tls import build_context, peer_fingerprint

from .recorder import DigestServer, connected, serving, speaking

pytestmark = pytest.mark.usefixtures("socket_enabled")


async def _fine(_request: web.Request) -> web.StreamResponse:
    return web.Response(text="fine")


class Certificate:
    """A self-signed certificate for one name, made for this test."""

    def __init__(self, folder: Path, name: str) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        now = datetime.now(UTC)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            # Recorders' certificates ran out long ago.
            .not_valid_before(now - timedelta(days=10))
            .not_valid_after(now - timedelta(days=5))
            .sign(key, hashes.SHA256())
        )
        self.fingerprint = sha256(certificate.public_bytes(serialization.Encoding.DER)).hexdigest()
        file = folder / f"{name}.pem"
        file.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
            + certificate.public_bytes(serialization.Encoding.PEM)
        )
        self.context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self.context.load_cert_chain(file)


@pytest.fixture
def certificate(tmp_path: Path) -> Certificate:
    return Certificate(tmp_path, "recorder")


async def test_tls_pinned_certificate_is_checked_on_every_connection(certificate: Certificate) -> None:
    server = DigestServer(algorithm="SHA-256")
    shown = ":".join(certificate.fingerprint[at : at + 2] for at in range(0, 64, 2)).upper()
    async with (
        serving(server, certificate.context) as port,
        connected(port, tls=TlsMode.PIN, fingerprint=shown) as transport,
    ):
        await asyncio.gather(*(transport.request("GET", f"/{n}") for n in range(5)))
    assert server.refusals == 1


async def test_tls_another_certificate_gets_no_request(certificate: Certificate) -> None:
    server = DigestServer()
    async with (
        serving(server, certificate.context) as port,
        connected(port, tls=TlsMode.PIN, fingerprint="00" * 32) as transport,
    ):
        with pytest.raises(NvrCertificateError) as caught:
            await transport.request("GET", "/")
    assert caught.value.fingerprint == certificate.fingerprint
    assert server.requests == 0


async def test_tls_verification_refuses_and_shows_the_fingerprint(certificate: Certificate) -> None:
    server = DigestServer()
    async with serving(server, certificate.context) as port, connected(port, tls=TlsMode.VERIFY) as transport:
        with pytest.raises(NvrCertificateError) as caught:
            await transport.request("GET", "/")
    assert caught.value.fingerprint == certificate.fingerprint
    assert server.requests == 0


async def test_tls_without_verification_and_basic_inside_it(certificate: Certificate) -> None:
    async def basic(request: web.Request) -> web.StreamResponse:
        if request.headers.get("Authorization", "").startswith("Basic "):
            return web.Response(text="fine")
        return web.Response(status=401, headers={"WWW-Authenticate": "Basic"})

    async with (
        serving(basic, certificate.context) as port,
        connected(port, tls=TlsMode.NO_VERIFY, host="nvr.example", dial="127.0.0.1") as transport,
    ):
        assert (await transport.request("GET", "/")).body == b"fine"


async def test_tls_where_there_is_none() -> None:
    async def silent(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await reader.read(10)
        await asyncio.sleep(60)

    async with serving(_fine) as port, connected(port, tls=TlsMode.NO_VERIFY) as transport:
        with pytest.raises(NvrUnreachableError):
            await transport.request("GET", "/")
        with pytest.raises(NvrUnreachableError):
            await peer_fingerprint("127.0.0.1", port)
    async with speaking(silent) as port:
        with pytest.raises(NvrTimeoutError):
            await peer_fingerprint("127.0.0.1", port, patience=0.05)


async def test_tls_fingerprint_can_be_looked_at(certificate: Certificate) -> None:
    async with serving(_fine, certificate.context) as port:
        assert await peer_fingerprint("127.0.0.1", port) == certificate.fingerprint


def test_tls_pin_without_fingerprint_is_refused() -> None:
    with pytest.raises(ValueError, match="fingerprint"):
        build_context(TlsMode.PIN, None)
