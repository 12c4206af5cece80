"""I/O with one recorder: documents in and out, refusals told apart, optional documents asked for once a day at most."""

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Final

from ...errors import NvrError, NvrNotFoundError, NvrPermissionError
from ...transport.gate import Lane, Priority
from ...transport.http import HttpTransport, Response, StreamResponse
from ...transport.upstream import Upstream, open_upstream
from .quirks import Memory
from .refusals import classify, is_optional_refusal

PREFIX: Final = "/ISAPI"
XML: Final = "application/xml"
# Most answer before the body; one that does not is spoken to all the same (s).
_ANSWER_WITHIN: Final = 2.0
CHALLENGE_PATH: Final = "/ISAPI/Security/userCheck"


class HikvisionClient:
    """Requests of one recorder; raises errors of the core only, a 200 may be one (hikvision-isapi 2.4)."""

    def __init__(self, transport: HttpTransport, memory: Memory, utcnow: Callable[[], datetime]) -> None:
        """Take over the transport: its reading of refusals is ours from now on."""
        self.transport = transport
        self._memory = memory
        self._utcnow = utcnow
        transport.classify = self._classify

    def _classify(self, status: int, headers: Mapping[str, str], body: bytes) -> NvrError | None:
        return classify(status, headers, body, self._utcnow())

    def path(self, path: str) -> str:
        """Return the path as this firmware knows it (hikvision-isapi 2.1)."""
        return path.removeprefix(PREFIX) if self._memory.quirks.legacy_paths else path

    def _checked(self, response: Response) -> bytes:
        error = self._classify(response.status, response.headers, response.body)
        if error is not None:
            raise error
        return response.body

    async def after_you(self, lane: Lane) -> None:
        """Let other requests of the lane leave before a long answer is read: that then costs no time."""
        await self.transport.gate.after_you(lane)

    async def get(
        self,
        path: str,
        *,
        lane: Lane = "control",
        priority: Priority = Priority.NORMAL,
        timeout: float = 15.0,  # noqa: ASYNC109 - a limit for each of several waits
    ) -> bytes:
        """Return a document; raises what its refusal means."""
        return self._checked(
            await self.transport.request("GET", self.path(path), lane=lane, priority=priority, timeout=timeout)
        )

    async def post(
        self,
        path: str,
        body: bytes,
        *,
        lane: Lane = "control",
        timeout: float = 15.0,  # noqa: ASYNC109 - a limit for each of several waits
    ) -> bytes:
        """Return the answer to a question that changes nothing: it may be asked again when a socket was closed."""
        return self._checked(
            await self.transport.request(
                "POST", self.path(path), lane=lane, data=body, content_type=XML, timeout=timeout, idempotent=True
            )
        )

    async def put(
        self,
        path: str,
        body: bytes = b"",
        *,
        lane: Lane = "control",
        timeout: float = 15.0,  # noqa: ASYNC109 - a limit for each of several waits
        again: bool = False,
        content_type: str = XML,
    ) -> bytes:
        """Tell the recorder something and return its answer; raises what its refusal means.

        `again`: it does no harm to be told it twice.
        """
        return self._checked(
            await self.transport.request(
                "PUT",
                self.path(path),
                lane=lane,
                priority=Priority.PERSON,
                data=body,
                content_type=content_type if body else None,
                timeout=timeout,
                idempotent=again,
            )
        )

    async def optional(self, path: str, *, lane: Lane = "control") -> bytes | None:
        """Return a document the recorder may lack, None when it does; a refusal is remembered for a day (17, 3)."""
        now = self._utcnow()
        if self._memory.is_refused(path, now):
            return None
        try:
            return await self.get(path, lane=lane)
        except NvrError as error:
            if not is_optional_refusal(error):
                raise
            # A right may be given at any time; what firmware lacks comes with new firmware only.
            if not isinstance(error, NvrPermissionError):
                self._memory.note_refused(path, now)
            return None

    async def first(self, path: str) -> bytes:
        """Return the first document; firmware up to 5.0 knows it only without the prefix (hikvision-isapi 2.1)."""
        try:
            return await self.get(path)
        except NvrNotFoundError:
            quirks = self._memory.quirks
            quirks.legacy_paths = not quirks.legacy_paths
            try:
                return await self.get(path)
            except NvrError:
                quirks.legacy_paths = False
                raise

    def upstream(self, path: str) -> AbstractAsyncContextManager[Upstream]:
        """Open a body that is sent as it is made, behind an announced length of 0 (hikvision-isapi 12.5)."""
        return open_upstream(
            self.transport,
            "PUT",
            self.path(path),
            content_type="application/octet-stream",
            length=0,
            answer_within=_ANSWER_WITHIN,
        )

    def stream(
        self,
        method: str,
        path: str,
        *,
        lane: Lane,
        data: bytes | None = None,
        idle_timeout: float = 30.0,
    ) -> AbstractAsyncContextManager[StreamResponse]:
        """Open an answer that is read as it comes."""
        return self.transport.stream(
            method,
            self.path(path),
            lane=lane,
            data=data,
            content_type=None if data is None else XML,
            idle_timeout=idle_timeout,
        )
