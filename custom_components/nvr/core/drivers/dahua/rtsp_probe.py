"""Whether an RTSP address is known to the recorder: one DESCRIBE, answered or refused (dahua-cgi 10).

Nothing but RTSP tells which form of playback address a firmware takes; the answer is remembered.
"""

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from enum import StrEnum
from typing import Final, NamedTuple

from ...driver import CredentialGuard
from ...errors import NvrAuthError, NvrResponseError, NvrTimeoutError, NvrUnreachableError, NvrUnsupportedError
from ...models import RtspAddress
from ...transport.digest import DigestChallenge, LoginSession, choose, parse_challenges

_PATIENCE: Final = 10.0
_FAREWELL: Final = 1.0
_MOST: Final = 64 * 1024


class Verdict(StrEnum):
    """What the recorder says of an address."""

    KNOWN = "known"
    UNKNOWN = "unknown"
    BUSY = "busy"


class _Answer(NamedTuple):
    status: int
    challenges: tuple[str, ...]
    body: str


def _status(code: int) -> Verdict | None:
    if code == 200:
        return Verdict.KNOWN
    if code in {453, 503, 486}:
        return Verdict.BUSY
    # 401 has been answered already; 400, 404, 415, 454, 501 and 551 all refuse the form.
    return Verdict.UNKNOWN if code >= 400 else None


async def describe(
    host: str, port: int, address: RtspAddress, guard: CredentialGuard, *, patience: float = _PATIENCE
) -> Verdict:
    """Ask once; at most two requests and one login, counted at the guard.

    Raises NvrAuthError, NvrLockedError, NvrUnreachableError, NvrTimeoutError, NvrResponseError. Leaves no session.
    """
    guard.check()
    writer: asyncio.StreamWriter | None = None
    try:
        async with asyncio.timeout(patience):
            reader, writer = await asyncio.open_connection(host, port, limit=_MOST)
            return await _exchange(reader, writer, address, guard)
    except TimeoutError:
        raise NvrTimeoutError("no answer over RTSP in time") from None
    except OSError, EOFError, asyncio.LimitOverrunError:
        raise NvrUnreachableError("the recorder cannot be reached over RTSP") from None
    finally:
        if writer is not None:
            writer.close()
            with suppress(OSError, TimeoutError):
                async with asyncio.timeout(_FAREWELL):
                    await writer.wait_closed()


async def _exchange(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, address: RtspAddress, guard: CredentialGuard
) -> Verdict:
    login: LoginSession | None = None
    for number in (1, 2, 3):
        header = "" if login is None else f"Authorization: {login.header('DESCRIBE', address.url)}\r\n"
        writer.write(
            f"DESCRIBE {address.url} RTSP/1.0\r\nCSeq: {number}\r\nAccept: application/sdp\r\n{header}\r\n".encode()
        )
        await writer.drain()
        answer = await _read(reader)
        if answer.status != 401:
            if login is not None:
                guard.accepted()
            verdict = _status(answer.status)
            if verdict is None:
                raise NvrResponseError(f"an RTSP answer we do not expect ({answer.status})")
            return Verdict.UNKNOWN if verdict is Verdict.KNOWN and "m=video" not in answer.body else verdict
        login = _login(answer.challenges, login, address, guard)
    raise NvrAuthError("the recorder refused user or password over RTSP")


def _login(
    values: Iterable[str], before: LoginSession | None, address: RtspAddress, guard: CredentialGuard
) -> LoginSession:
    """Return how to answer a challenge; raises where the last answer was refused for good."""
    challenge = choose(parse_challenges(values))
    if before is not None and not (isinstance(challenge, DigestChallenge) and challenge.stale):
        guard.refused()
        raise NvrAuthError("the recorder refused user or password over RTSP")
    if challenge is None:
        raise NvrUnsupportedError("the recorder's RTSP port asks for a login we cannot give")
    guard.check()
    return LoginSession(challenge, address.username, address.password)


async def _read(reader: asyncio.StreamReader) -> _Answer:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head.split("\r\n")
    version, _, rest = first.partition(" ")
    if not version.startswith("RTSP/") or not rest[:3].isdecimal():
        raise NvrResponseError("this is no RTSP")
    fields = [(name.strip().lower(), value.strip()) for name, _, value in (line.partition(":") for line in lines)]
    length = next((value for name, value in fields if name == "content-length"), "0")
    size = int(length) if length.isdecimal() else 0
    body = await reader.readexactly(min(size, _MOST)) if size else b""
    challenges = tuple(value for name, value in fields if name == "www-authenticate")
    return _Answer(int(rest[:3]), challenges, body.decode("utf-8", "replace"))
