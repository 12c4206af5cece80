"""The login of one RTSP connection: answers challenges and counts what the recorder refuses at the shared guard."""

from ...core.driver import CredentialGuard
from ...core.errors import NvrAuthError, NvrInsecureLoginError, NvrUnsupportedError
from ...core.transport.digest import BasicChallenge, DigestChallenge, LoginSession, choose, describe, parse_challenges
from .messages import Response


class Login:
    """No I/O. A refusal is a 401 to an answer of ours whose nonce the recorder does not call stale."""

    def __init__(self, username: str, password: str, guard: CredentialGuard, *, basic_allowed: bool) -> None:
        """Begin without a challenge: the first request goes out bare.

        `basic_allowed`: nobody can read along, or the user agreed that the password goes out readable.
        """
        self._username = username
        self._password = password
        self._guard = guard
        self._basic_allowed = basic_allowed
        self._session: LoginSession | None = None
        self._proven = False

    def check(self) -> None:
        """Raise NvrAuthError or NvrLockedError when the login must not be sent."""
        self._guard.check()

    def header(self, method: str, uri: str) -> str | None:
        """Return the Authorization value; None before the first challenge and once the login may not be sent."""
        if self._session is None or not self._guard.usable:
            return None
        return self._session.header(method, uri)

    def challenged(self, answer: Response) -> None:
        """Take a 401. Raises NvrAuthError when it refuses the login, NvrUnsupportedError when it cannot be answered.

        And NvrInsecureLoginError, with nothing sent, when only a readable password would do and may not be sent.
        """
        self._guard.check()
        offered = parse_challenges(answer.all("www-authenticate"))
        challenge = choose(offered)
        if self._session is not None:
            if not (isinstance(challenge, DigestChallenge) and challenge.stale):
                self._guard.refused()
                # With a nonce that was proven it may be its age that was refused; the recorder counts it all the same.
            if not (isinstance(challenge, DigestChallenge) and (challenge.stale or self._proven)):
                raise NvrAuthError("the recorder refused user or password over RTSP")
        if challenge is None:
            raise NvrUnsupportedError(f"the recorder's RTSP port asks for a login we cannot give: {describe(offered)}")
        if not self._username:
            raise NvrAuthError("the recorder asks for a login over RTSP and none is set")
        if isinstance(challenge, BasicChallenge) and not self._basic_allowed:
            raise NvrInsecureLoginError("the recorder wants the password readable over plain RTSP")
        self._guard.check()
        self._session = LoginSession(challenge, self._username, self._password)
        self._proven = False

    def accepted(self) -> None:
        """Note that the recorder took a request; the guard hears of it once per nonce."""
        if self._session is not None and not self._proven:
            self._proven = True
            self._guard.accepted()
