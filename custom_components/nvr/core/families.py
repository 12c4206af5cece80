"""The families of recorders: how each is told without a login, and how its driver is made.

OEM brands are rows of a family, never drivers of their own.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
import ssl
from typing import Final, Protocol

import aiohttp
from yarl import URL

from .credentials import LoginGuard
from .driver import ConnectionConfig, CredentialGuard, Driver, TlsMode
from .drivers.dahua import DahuaDriver
from .drivers.dahua.brands import BRANDS as DAHUA_BRANDS
from .drivers.dahua.fingerprint import PROBES as DAHUA_PROBES, fingerprint as dahua_fingerprint
from .drivers.hikvision import HikvisionDriver
from .drivers.hikvision.brands import BRANDS as HIKVISION_BRANDS
from .drivers.hikvision.fingerprint import PROBES as HIKVISION_PROBES, fingerprint as hikvision_fingerprint
from .errors import (
    NvrCertificateError,
    NvrResponseError,
    NvrTimeoutError,
    NvrUnreachableError,
    NvrUnsupportedError,
)
from .transport.tls import PinMismatchError, build_context, peer_fingerprint

type SessionSource = aiohttp.ClientSession | Callable[[], aiohttp.ClientSession] | None
type Fingerprint = Callable[[int, Mapping[str, str], bytes], int]

_SURE: Final = 80
_LEAST_BESIDE_SURE: Final = 50
_PROBE_TIMEOUT: Final = 10.0
_PROBE_BYTES: Final = 64 * 1024
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})


def _utcnow() -> datetime:
    return datetime.now(UTC)


class Brand(Protocol):
    """A name a recorder is sold under, and what tells it."""

    @property
    def key(self) -> str:
        """What rows are told apart by."""

    @property
    def title(self) -> str:
        """The name to show."""

    def owns(self, manufacturer: str, model: str) -> bool:
        """Tell whether the identity a recorder states is of this brand."""


class MakeDriver(Protocol):
    """The class of a driver, as far as it is made here."""

    def __call__(
        self,
        config: ConnectionConfig,
        session: SessionSource = None,
        *,
        memory: Mapping[str, object] | None = None,
        utcnow: Callable[[], datetime] = ...,
        guard: CredentialGuard | None = None,
    ) -> Driver:
        """Return a driver that has sent nothing yet."""


class DriverFactory:
    """Makes drivers of one family."""

    def __init__(self, make: MakeDriver) -> None:
        """Take the driver's class."""
        self._make = make

    def __call__(
        self,
        config: ConnectionConfig,
        session: SessionSource,
        memory: Mapping[str, object] | None = None,
        *,
        utcnow: Callable[[], datetime] = _utcnow,
        guard: CredentialGuard | None = None,
    ) -> Driver:
        """Return a driver that has sent nothing yet."""
        return self._make(config, session, memory=memory, utcnow=utcnow, guard=guard)


@dataclass(frozen=True, slots=True)
class Family:
    """One family: `fingerprint` scores the answer to an unauthenticated GET of a probe path from 0 to 100."""

    key: str
    title: str
    ports: tuple[int, ...]
    brands: Sequence[Brand]
    probes: tuple[str, ...]
    fingerprint: Fingerprint
    build: DriverFactory


FAMILIES: Final[tuple[Family, ...]] = (
    Family(
        key="hikvision",
        title="Hikvision",
        ports=(80, 443),
        brands=HIKVISION_BRANDS,
        probes=HIKVISION_PROBES,
        fingerprint=hikvision_fingerprint,
        build=DriverFactory(HikvisionDriver),
    ),
    Family(
        key="dahua",
        title="Dahua",
        ports=(80, 443),
        brands=DAHUA_BRANDS,
        probes=DAHUA_PROBES,
        fingerprint=dahua_fingerprint,
        build=DriverFactory(DahuaDriver),
    ),
)


@dataclass(frozen=True, slots=True)
class Detection:
    """What an address answers without a login: keys of the families it may be of, the likeliest first.

    `https_port` is set when plain HTTP sends us to HTTPS; `fingerprint` is the certificate's SHA-256 where TLS is used.
    """

    candidates: tuple[str, ...]
    https_port: int | None = None
    fingerprint: str | None = None


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes


def family_of(key: str) -> Family:
    """Return a family by its key; raises NvrUnsupportedError."""
    for family in FAMILIES:
        if family.key == key:
            return family
    raise NvrUnsupportedError(f"there is no family {key[:30]}")


def build_driver(
    family: str,
    config: ConnectionConfig,
    session: SessionSource,
    memory: Mapping[str, object] | None = None,
    *,
    utcnow: Callable[[], datetime] = _utcnow,
    guard: CredentialGuard | None = None,
) -> Driver:
    """Return a driver of the family that has sent nothing yet; raises NvrUnsupportedError for a family there is not."""
    return family_of(family).build(config, session, memory, utcnow=utcnow, guard=guard)


async def _context(config: ConnectionConfig) -> ssl.SSLContext | bool:
    if config.tls is TlsMode.OFF:
        return True
    return await asyncio.to_thread(build_context, config.tls, config.fingerprint)


async def _ask(config: ConnectionConfig, session: aiohttp.ClientSession, path: str) -> _Answer:
    """Ask without a login; raises NvrUnreachableError, NvrTimeoutError, NvrCertificateError or NvrResponseError."""
    secure = config.tls is not TlsMode.OFF
    url = URL.build(
        scheme="https" if secure else "http", host=config.dial or config.host, port=config.http_port, path=path
    )
    context = await _context(config)
    try:
        async with (
            asyncio.timeout(_PROBE_TIMEOUT),
            session.get(
                url,
                allow_redirects=False,
                ssl=context,
                headers={"Host": config.host} if config.dial else None,
                server_hostname=config.host if secure and config.dial else None,
            ) as answer,
        ):
            body = await answer.content.read(_PROBE_BYTES)
            return _Answer(answer.status, {name.title(): value for name, value in answer.headers.items()}, body)
    except TimeoutError:
        raise NvrTimeoutError("no answer in time") from None
    except aiohttp.ClientConnectorCertificateError as error:
        cause = error.certificate_error
        if isinstance(cause, PinMismatchError):
            message = "the certificate is not the pinned one"
            raise NvrCertificateError(message, fingerprint=cause.fingerprint) from None
        shown = await peer_fingerprint(config.dial or config.host, config.http_port)
        raise NvrCertificateError("the certificate cannot be verified", fingerprint=shown) from None
    except aiohttp.ClientResponseError as error:
        raise NvrResponseError(f"this is not HTTP ({type(error).__name__})") from None
    except (aiohttp.ClientError, OSError) as error:
        raise NvrUnreachableError(f"no answer ({type(error).__name__})") from None


def _https_port(answer: _Answer, config: ConnectionConfig) -> int | None:
    """Return the port of a redirect to HTTPS on the same host (hikvision-isapi 2.1)."""
    location = answer.headers.get("Location", "")
    if answer.status not in _REDIRECTS or config.tls is not TlsMode.OFF or not location.lower().startswith("https://"):
        return None
    try:
        target = URL(location)
    except ValueError:
        return None
    return target.port if target.host in {config.host, config.dial} else None


async def detect(config: ConnectionConfig, session: aiohttp.ClientSession) -> Detection:
    """Find out without a login which families an address may be of; raises when nothing answers there.

    No candidates means that something answers, but no recorder we know.
    """
    scores: dict[str, int] = {}
    https_port: int | None = None
    for family in FAMILIES:
        for path in family.probes:
            answer = await _ask(config, session, path)
            https_port = https_port or _https_port(answer, config)
            if https_port is not None:
                # Plain HTTP only points elsewhere: what stands there decides, and its certificate is not judged yet.
                secure = replace(config, port=https_port, tls=TlsMode.NO_VERIFY)
                answer = await _ask(secure, session, path)
            score = family.fingerprint(answer.status, answer.headers, answer.body)
            scores[family.key] = max(score, scores.get(family.key, 0))
            if answer.status != 404:
                break
    fingerprint = None
    if config.tls is not TlsMode.OFF or https_port is not None:
        fingerprint = await peer_fingerprint(config.dial or config.host, https_port or config.http_port)
    # A mere possibility beside a certainty is none: a login has no business there.
    least = _LEAST_BESIDE_SURE if max(scores.values(), default=0) >= _SURE else 1
    ordered = sorted((key for key, score in scores.items() if score >= least), key=lambda key: -scores[key])
    return Detection(tuple(ordered), https_port, fingerprint)


async def _candidates(config: ConnectionConfig, session: SessionSource) -> tuple[str, ...]:
    """Detect with the session given, or with one of our own that is closed again."""
    if isinstance(session, aiohttp.ClientSession):
        return (await detect(config, session)).candidates
    async with session() if session is not None else aiohttp.ClientSession() as own:
        return (await detect(config, own)).candidates


async def connect_any(
    config: ConnectionConfig,
    session: SessionSource,
    *,
    family: str | None = None,
    memory: Mapping[str, object] | None = None,
    utcnow: Callable[[], datetime] = _utcnow,
    guard: CredentialGuard | None = None,
) -> Driver:
    """Return a connected driver of the first family that fits; raises core errors only.

    NvrUnsupportedError means that something answers which is no NVR. One guard counts refusals over all candidates;
    where it lets nothing be sent, nothing is.
    """
    guard = guard if guard is not None else LoginGuard(utcnow=utcnow)
    guard.check()
    keys = (family,) if family is not None else await _candidates(config, session)
    refusal: NvrUnsupportedError | None = None
    for key in keys:
        driver = build_driver(key, config, session, memory, utcnow=utcnow, guard=guard)
        try:
            await driver.connect()
        except NvrUnsupportedError as error:
            refusal = refusal or error
        except BaseException:
            await driver.close()
            raise
        else:
            return driver
        await driver.close()
    raise refusal or NvrUnsupportedError("something answers at this address, but it is not an NVR we know")
