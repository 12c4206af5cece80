"""One login shared by all requests to a recorder: one challenge per nonce life, and a wrong password goes out once.

A nonce that was accepted once is used by everybody at the same time. A fresh one is tried by one request alone
while the others wait, so that a refusal of it is evidence against the password and not against the nonce.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final, Protocol

from ..driver import CredentialGuard
from ..errors import (
    NvrAuthError,
    NvrBusyError,
    NvrError,
    NvrInsecureLoginError,
    NvrLockedError,
    NvrPermissionError,
    NvrTimeoutError,
    NvrUnsupportedError,
)
from .digest import (
    AuthScheme,
    BasicChallenge,
    DigestChallenge,
    LoginSession,
    choose,
    describe,
    next_nonce,
    parse_challenges,
)

UNAUTHORIZED: Final = 401
# Rounds with a nonce that others proved before a request insists on one of its own.
_SHARED_ROUNDS: Final = 2
_OWN_ROUNDS: Final = 6
# A challenge older than this (s) may have died while we waited: its refusal would prove nothing.
_FRESH: Final = 5.0


class Answer(Protocol):
    """What came back, at least as far as the headers; the body of a 401 has been read to its end."""

    @property
    def status(self) -> int:
        """HTTP status."""

    @property
    def headers(self) -> Mapping[str, str]:
        """Headers, names in any case."""

    @property
    def refusal(self) -> bytes:
        """The body of a 401."""

    @property
    def challenges(self) -> Sequence[str]:
        """All values of `WWW-Authenticate`."""


@dataclass(frozen=True, slots=True)
class Target:
    """What is signed: method, exact request target and the body where it can be sent twice."""

    method: str
    uri: str
    body: bytes = b""


type Send[A: Answer] = Callable[[str | None], Awaitable[A]]
type ClassifyRefusal = Callable[[Answer], NvrError | None]


class Authenticator:
    """Sign requests; shared by all lanes of one recorder.

    `refusal` reads a 401 and says whether it means a lock or a missing right; None is a wrong login.
    """

    def __init__(
        self,
        login: tuple[str, str],
        guard: CredentialGuard,
        refusal: ClassifyRefusal,
        *,
        basic_allowed: bool = True,
        patience: float = 30.0,
    ) -> None:
        """Know the login; nothing is sent yet. `patience` (s) is the longest wait for another request's login."""
        self._login = login
        self._guard = guard
        self._refusal = refusal
        self._basic_allowed = basic_allowed
        self._patience = patience
        self._turn = asyncio.Lock()
        self._session: LoginSession | None = None
        self._last: LoginSession | None = None
        self._latest: DigestChallenge | BasicChallenge | None = None
        self._latest_at = 0.0
        self._challenges = 0
        self._refusals = 0
        self._suspected = 0
        self._flying = 0
        # Set for recorders whose nonce serves for one answer: each request then begins from a challenge of its own.
        self.single_use = False

    @property
    def scheme(self) -> AuthScheme | None:
        """How the recorder lets us in, once it did."""
        return None if self._session is None else self._session.scheme

    @property
    def proven(self) -> bool:
        """Whether requests go out signed at once."""
        return self._session is not None

    @property
    def refusals(self) -> int:
        """How often the login was refused; a request that began before shares the refusal instead of repeating it."""
        return self._refusals

    def forget(self) -> bool:
        """Give up the nonce in use, which is not a refusal of the login; False when there is none."""
        had = self._session is not None
        self._session = self._latest = None
        return had

    async def perform[A: Answer](
        self, target: Target, send: Send[A], *, replayable: bool = True, known_refusals: int | None = None
    ) -> A:
        """Return the answer to a request that was let in; `send` is called once per try with the header to add.

        Raises NvrAuthError (the recorder refused our answer to a fresh challenge, or the guard says nothing may be
        sent), NvrLockedError, NvrPermissionError, NvrInsecureLoginError, NvrUnsupportedError (no scheme we know),
        NvrTimeoutError. A body that cannot be sent twice needs a proven login; when its nonce dies, NvrBusyError.
        """
        self._guard.check()
        refusals = self._refusals if known_refusals is None else known_refusals
        if refusals != self._refusals:
            raise NvrAuthError("the login was refused to another request")
        used: LoginSession | None = None
        for _ in range(_SHARED_ROUNDS):
            session = self._shared()
            if session is None or session is used:
                break
            used, standing = session, self._guard.refusals
            answer = await self._signed(session, target, send)
            if answer.status != UNAUTHORIZED:
                if standing and standing == self._guard.refusals:
                    self._guard.accepted()  # sent after the refusal it makes good
                return answer
            self._doubt(session, answer)
            if not replayable:
                self._session = None
                break
        if not replayable:
            if used is None and (answer := await send(None)).status != UNAUTHORIZED:
                return answer
            raise NvrBusyError("the login expired while a body was on its way; it was not sent again")
        async with self._alone():
            self._guard.check()
            if self._refusals != refusals:
                raise NvrAuthError("the login was refused to another request")
            session = self._shared()
            if session is None or session is used:
                return await self._prove(target, send)
        # Somebody proved a newer nonce while this one waited.
        return await self.perform(target, send, replayable=replayable, known_refusals=refusals)

    def _shared(self) -> LoginSession | None:
        """Return whose nonce may be used again."""
        if self.single_use:
            self.forget()
        return self._session

    @asynccontextmanager
    async def _alone(self) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(self._patience):
                await self._turn.acquire()
        except TimeoutError:
            raise NvrTimeoutError("another request's login took too long") from None
        try:
            yield
        finally:
            self._turn.release()

    async def _prove[A: Answer](self, target: Target, send: Send[A]) -> A:
        """Answer a fresh challenge while nobody else does; the only place where a refusal is believed."""
        doubted = False
        for _ in range(_OWN_ROUNDS):
            challenge = self._fresh()
            if challenge is None:
                answer = await send(None)
                if answer.status != UNAUTHORIZED:
                    return answer
                self._read_challenge(answer)
                continue
            if isinstance(challenge, BasicChallenge) and not self._basic_allowed:
                raise NvrInsecureLoginError("the recorder wants the password readable over plain HTTP")
            self._guard.check(suspected=0 if doubted else self._suspected)
            seen, crowd = self._challenges, self._flying
            session = self._session_for(challenge)
            answer = await self._signed(session, target, send)
            if answer.status != UNAUTHORIZED:
                self._session, self._suspected = session, 0
                self._guard.accepted()
                return answer
            self._learn(answer)
            if doubted or not self._doubtful(challenge, disturbed=crowd > 0 or self._challenges != seen + 1):
                raise self._refused(answer)
            doubted = True
            # It may be the password all the same, so it counts until an answer is accepted.
            self._guard.refused()
            self._guard.check()
            await self._silence()
        raise NvrBusyError("the recorder changed its login challenge faster than it could be answered")

    def _doubt(self, session: LoginSession, answer: Answer) -> None:
        """Take the refusal of an answer with a proven nonce: the nonce died, or the password was changed.

        Nobody else uses that nonce any more. The recorder may have counted the answer as a wrong password, and says
        `stale` if it did not; so it counts, if the next one is refused as well. Raises NvrLockedError.
        """
        self._learn(answer)
        error = self._refusal(answer)
        if isinstance(error, NvrLockedError):
            self._session = None
            raise self._locked(error)
        if self._session is session and not isinstance(error, NvrPermissionError):
            self._session = None
            latest = self._latest
            self._suspected = int(not (isinstance(latest, DigestChallenge) and latest.stale))

    def _session_for(self, challenge: DigestChallenge | BasicChallenge) -> LoginSession:
        """Return who answers the challenge: a nonce that comes back goes on counting where it was."""
        if self._last is None or self._last.challenge != challenge:
            self._last = LoginSession(challenge, *self._login)
        return self._last

    def _doubtful(self, used: DigestChallenge | BasicChallenge, *, disturbed: bool) -> bool:
        """Tell whether the refusal just learned may be about the nonce, not the login.

        It may when the recorder says stale, or when other requests were answered meanwhile: one may have been given
        another nonce, which ended the life of ours, or have overtaken our count.
        """
        latest = self._latest
        if isinstance(used, BasicChallenge) or not isinstance(latest, DigestChallenge):
            return False
        return latest.stale or disturbed

    async def _silence(self) -> None:
        """Let signed requests under way end and begin anew from a bare request, so that the next refusal is clear."""
        self._session = None
        loop = asyncio.get_running_loop()
        end = loop.time() + _FRESH
        while self._flying and loop.time() < end:  # noqa: ASYNC110 - rare, short, and many may end in any order
            await asyncio.sleep(0.01)
        self._latest = None

    def _fresh(self) -> DigestChallenge | BasicChallenge | None:
        old = asyncio.get_running_loop().time() - self._latest_at > _FRESH
        return None if old else self._latest

    async def _signed[A: Answer](self, session: LoginSession, target: Target, send: Send[A]) -> A:
        self._flying += 1
        try:
            answer = await send(session.header(target.method, target.uri, target.body))
        finally:
            self._flying -= 1
        renewed = answer.headers.get("Authentication-Info")
        if renewed is not None and (nonce := next_nonce(renewed)) is not None:
            session.renew(nonce)
        return answer

    def _learn(self, answer: Answer) -> None:
        """Keep the newest challenge of a refusal, if it holds one."""
        self._challenges += 1
        self._latest = choose(parse_challenges(answer.challenges))
        self._latest_at = asyncio.get_running_loop().time()

    def _read_challenge(self, answer: Answer) -> None:
        """Take the challenge of a request that was sent bare; a lock shows already here."""
        error = self._refusal(answer)
        if isinstance(error, NvrLockedError):
            raise self._locked(error)
        self._learn(answer)
        if self._latest is None:
            offer = describe(parse_challenges(answer.challenges))
            raise NvrUnsupportedError(f"the recorder offers no login we know: {offer}")

    def _locked(self, error: NvrLockedError, *, tried: bool = False) -> NvrLockedError:
        self._guard.locked(error.until, tried=tried)
        return NvrLockedError(str(error), until=self._guard.locked_until)

    def _refused(self, answer: Answer) -> NvrError:
        error = self._refusal(answer)
        suspected, self._suspected = self._suspected, 0
        if isinstance(error, NvrPermissionError):
            return error
        self._session = None
        self._latest = None
        self._refusals += 1
        if isinstance(error, NvrLockedError):
            return self._locked(error, tried=True)
        for _ in range(1 + suspected):
            self._guard.refused()
        return NvrAuthError("the recorder refused user or password")
