"""One RTSP connection: sends requests, matches answers, keeps the session alive and ends it.

Nothing runs in the background: bytes are read only while somebody waits for an answer or for media, so that a full
consumer holds the recorder back through TCP (hls-vod 3, rule 14).
"""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
import logging
from urllib.parse import urlsplit

from ...core.errors import (
    NvrAuthError,
    NvrBusyError,
    NvrError,
    NvrNoSessionError,
    NvrNotFoundError,
    NvrPermissionError,
    NvrResponseError,
    NvrTimeoutError,
    NvrUnreachableError,
    NvrUnsupportedError,
)
from .login import Login
from .messages import Incoming, InterleavedFrame, MessageParser, Response, ServerRequest, build_answer, build_request

_LOGGER = logging.getLogger(__name__)
_CHUNK = 65_536
_DEFAULT_PORT = 554
_KEEP_ALIVE = 30.0
_MAX_EARLY_FRAMES = 20_000


@dataclass(frozen=True, slots=True)
class SessionLimits:
    """How long each wait may last, in seconds. `silence` is the longest wait for media."""

    connect: float = 5.0
    answer: float = 8.0
    silence: float = 8.0
    teardown: float = 1.0


def refusal(status: int, method: str) -> NvrError:
    """Return the error for a status that is neither success nor 401; 453, 454, 503: full (hikvision-isapi 9.3)."""
    text = f"the recorder answered {method} with {status}"
    match status:
        case 454 if method not in {"DESCRIBE", "SETUP"}:
            return NvrBusyError(f"{text}: it forgot the session", retry_after=2.0)
        case 453 | 454 | 503:
            return NvrNoSessionError(f"{text}: no playback session is free", retry_after=2.0)
        case 403:
            return NvrPermissionError(f"{text}: the user may not play recordings")
        case 404 | 457:
            return NvrNotFoundError(f"{text}: there is no such footage")
        case 405 | 415 | 461 | 501 | 551:
            return NvrUnsupportedError(f"{text}: it does not offer this kind of playback")
        case _:
            return NvrResponseError(text)


class RtspConnection:
    """Connect, `call`, then `fill` and take `frames`; `close` always."""

    def __init__(self, login: Login, limits: SessionLimits, monotonic: Callable[[], float]) -> None:
        """Prepare; no I/O."""
        self.limits = limits
        self.control = ""
        self.received = 0
        self.frames: list[InterleavedFrame] = []
        self.ended = False
        self.session_id: str | None = None
        self._login = login
        self._monotonic = monotonic
        self._parser = MessageParser()
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._cseq = 0
        self._setting_up = False
        self._keep_alive_every = _KEEP_ALIVE
        self._keep_alive_at = 0.0
        self._keep_alive_method = "GET_PARAMETER"
        self._answers: dict[int, Response] = {}
        self._awaited: int | None = None
        self._closing: asyncio.Task[None] | None = None

    async def connect(self, url: str) -> None:
        """Open the connection; raises NvrUnreachableError, NvrTimeoutError, NvrResponseError or what the guard says."""
        self._login.check()
        parts = urlsplit(url)
        if parts.scheme != "rtsp" or parts.hostname is None:
            raise NvrUnsupportedError("playback needs a plain RTSP address")
        try:
            port = parts.port or _DEFAULT_PORT
        except ValueError:
            raise NvrResponseError("the recorder names an RTSP port that is none") from None
        self.control = url
        try:
            async with asyncio.timeout(self.limits.connect):
                self._reader, self._writer = await asyncio.open_connection(parts.hostname, port)
        except TimeoutError as err:
            raise NvrTimeoutError("the recorder's RTSP port does not answer") from err
        except OSError as err:
            raise NvrUnreachableError("the recorder's RTSP port cannot be reached") from err

    async def call(self, method: str, uri: str, headers: dict[str, str]) -> Response:
        """Return the successful answer; raises NvrAuthError for a refused login and what `refusal` says otherwise."""
        for _ in range(3):
            answer = await self._exchange(method, uri, headers)
            if answer.status == 401:
                # Raises when the recorder refused an answer of ours: that is a wrong password, and counted.
                self._login.challenged(answer)
                continue
            if answer.status >= 300:
                raise refusal(answer.status, method)
            self._login.accepted()
            return answer
        raise NvrResponseError("the recorder does not stop asking for the login")

    async def set_up(self, uri: str, transport: str, more: Mapping[str, str] | None = None) -> Response:
        """Open the recorder's session; its name and time limit are kept here."""
        self._setting_up = True
        answer = await self.call("SETUP", uri, {"Transport": transport, **(more or {})})
        if self.session_id is None:
            raise NvrResponseError("the recorder opened a session without a name")
        return answer

    def playing(self) -> None:
        """Keep the session alive from now on, at half its time limit."""
        self._keep_alive_at = self._monotonic() + self._keep_alive_every

    async def fill(self, deadline: float) -> None:
        """Read once from the socket and sort what came; may return early. Raises NvrTimeoutError at the deadline."""
        if self._reader is None:
            raise NvrUnreachableError("not connected")
        if self._keep_alive_at and self._monotonic() >= self._keep_alive_at:
            self._login.check()
            self.playing()
            self._send(self._keep_alive_method, self.control, {})
        until = min(deadline, self._keep_alive_at) if self._keep_alive_at else deadline
        try:
            async with asyncio.timeout(max(0.0, until - self._monotonic())):
                data = await self._reader.read(_CHUNK)
        except TimeoutError as err:
            if self._monotonic() < deadline:
                return
            raise NvrTimeoutError("the recorder's playback sends nothing") from err
        except OSError as err:
            raise NvrUnreachableError("the connection to the recorder broke") from err
        if not data:
            raise NvrUnreachableError("the recorder closed the connection")
        self.received += len(data)
        for item in self._parser.feed(data):
            self._sort(item)

    async def send_frame(self, channel: int, packet: bytes, patience: float) -> None:
        """Send a packet inside the connection, once the recorder has taken enough of those before.

        Raises NvrUnreachableError, and NvrTimeoutError when it takes nothing for `patience` seconds.
        """
        if self._writer is None or self._writer.is_closing():
            raise NvrUnreachableError("the recorder closed the connection")
        self._writer.write(bytes((0x24, channel)) + len(packet).to_bytes(2) + packet)
        try:
            async with asyncio.timeout(patience):
                await self._writer.drain()
        except TimeoutError as err:
            raise NvrTimeoutError("the recorder does not take what is said") from err
        except OSError as err:
            raise NvrUnreachableError("the connection to the recorder broke") from err

    async def rest(self) -> None:
        """Keep a session alive that does not play, until cancelled; raises when the connection breaks."""
        while True:
            with suppress(NvrTimeoutError):
                await self.fill(self._monotonic() + self._keep_alive_every)

    async def listen(self) -> None:
        """Keep a session alive in which we send, until the recorder ends it; what it sends is not kept."""
        while not self.ended:
            with suppress(NvrTimeoutError):
                await self.fill(self._monotonic() + self._keep_alive_every)
            self.frames.clear()

    async def close(self) -> None:
        """End the session with TEARDOWN, within the limit even when the recorder hangs; safe to call twice."""
        if self._closing is None:
            self._closing = asyncio.ensure_future(self._tear_down())
        await asyncio.shield(self._closing)

    async def _exchange(self, method: str, uri: str, headers: dict[str, str]) -> Response:
        cseq = self._awaited = self._send(method, uri, headers)
        deadline = self._monotonic() + self.limits.answer
        try:
            while cseq not in self._answers:
                await self.fill(deadline)
        except NvrTimeoutError as err:
            raise NvrTimeoutError(f"the recorder does not answer {method}") from err
        finally:
            self._awaited = None
        return self._answers.pop(cseq)

    def _send(self, method: str, uri: str, headers: dict[str, str]) -> int:
        if self._writer is None:
            raise NvrUnreachableError("not connected")
        self._cseq += 1
        full = {"User-Agent": "nvr", **headers}
        if self.session_id is not None:
            full["Session"] = self.session_id
        authorization = self._login.header(method, uri)
        if authorization is not None:
            full["Authorization"] = authorization
        self._writer.write(build_request(method, uri, self._cseq, full))
        return self._cseq

    def _sort(self, item: Incoming) -> None:
        match item:
            case InterleavedFrame():
                self.frames.append(item)
                if len(self.frames) > _MAX_EARLY_FRAMES:
                    raise NvrResponseError("the recorder sends media and no answer")
            case Response():
                self._take_answer(item)
            case ServerRequest():
                if self._writer is not None:
                    self._writer.write(build_answer(item))
                if item.method in {"ANNOUNCE", "TEARDOWN"}:
                    self.ended = True

    def _take_answer(self, answer: Response) -> None:
        if self._setting_up and answer.status < 300:
            self._note_session(answer)
        if not self._keep_alive_at or (self._awaited is not None and answer.number("cseq") == self._awaited):
            # Old firmware forgets CSeq in errors; there is one request at a time, so its answer is clear.
            cseq = answer.number("cseq")
            self._answers[self._cseq if cseq is None else cseq] = answer
        elif answer.status == 454:
            raise NvrUnreachableError("the recorder forgot the session")
        elif answer.status == 401:
            with suppress(NvrAuthError):
                self._login.challenged(answer)
        elif answer.status >= 400:
            self._keep_alive_method = "OPTIONS"

    def _note_session(self, answer: Response) -> None:
        name, *options = (answer.get("session") or "").split(";")
        self.session_id = name.strip() or self.session_id
        for option in options:
            key, _, value = option.strip().partition("=")
            if key.lower() == "timeout" and value.strip().isdecimal():
                self._keep_alive_every = max(1.0, int(value) / 2)

    async def _tear_down(self) -> None:
        writer = self._writer
        if writer is None:
            return
        try:
            async with asyncio.timeout(self.limits.teardown):
                await self._say_goodbye()
        except TimeoutError, OSError, NvrError, ValueError:
            _LOGGER.debug("The recorder did not confirm the end of a playback session")
        finally:
            self.ended = True
            self.frames.clear()
            writer.transport.abort()

    async def _say_goodbye(self) -> None:
        self._keep_alive_at = 0.0
        # Cancelled while SETUP was under way: the recorder may hold a session whose name has not arrived yet.
        while self._setting_up and self.session_id is None:
            await self._swallow()
        if self.session_id is None:
            return
        cseq = self._send("TEARDOWN", self.control, {})
        while cseq not in self._answers:
            await self._swallow()
        if self._answers[cseq].status == 401:
            # Nobody waits for this answer, but the recorder may have counted it.
            self._login.challenged(self._answers[cseq])

    async def _swallow(self) -> None:
        await self.fill(self._monotonic() + self.limits.teardown)
        self.frames.clear()
