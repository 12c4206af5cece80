"""Who may stream: challenges, answers to them, and the account lock shared with the recorder's other doors."""

from base64 import b64decode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
import hashlib
import hmac
import re
import secrets
import time
from typing import Literal, Protocol

type Scheme = Literal["none", "basic", "digest", "digest-qop", "digest-sha256", "digest-both", "digest-basic"]

_PAIR = re.compile(r'(\w+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,]+))')


class Accounts(Protocol):
    """The recorder's users; one object serves all its doors, so that failures are counted together."""

    def password(self, user: str) -> str | None:
        """Return the password of a user, None when there is no such user."""

    def locked(self, address: str, user: str) -> bool:
        """Tell whether this user is locked out from this address."""

    def failed(self, address: str, user: str) -> None:
        """Count a wrong password or user."""

    def succeeded(self, address: str, user: str) -> None:
        """Take note of a right password."""


class Secret(Protocol):
    """A user of the recorder."""

    @property
    def password(self) -> str: ...


class Doorman(Protocol):
    """Who judges the logins of a recorder's other doors."""

    @property
    def users(self) -> Mapping[str, Secret]: ...

    def locked_for(self, peer: str, user: str) -> float:
        """Return how many seconds of lock are left for this address and user."""

    def judge(self, peer: str, user: str, *, right: bool) -> object:
        """Count one answer to a challenge."""


class SharedAccounts:
    """The recorder's logins as its RTSP door sees them: one lock for all doors."""

    def __init__(self, doorman: Doorman) -> None:
        self._doorman = doorman

    def password(self, user: str) -> str | None:
        """Return the password of a user."""
        known = self._doorman.users.get(user)
        return known.password if known else None

    def locked(self, address: str, user: str) -> bool:
        """Tell whether the user is locked out from there."""
        return self._doorman.locked_for(address, user) > 0

    def failed(self, address: str, user: str) -> None:
        """Count a wrong answer."""
        self._doorman.judge(address, user, right=False)

    def succeeded(self, address: str, user: str) -> None:
        """Forget wrong answers."""
        self._doorman.judge(address, user, right=True)


@dataclass(slots=True)
class SimpleAccounts:
    """Users with passwords, locked after `max_failures` (0: never) until `unlock()`."""

    users: dict[str, str] = field(default_factory=lambda: {"admin": "nvr-test-pass"})
    max_failures: int = 0
    failures: dict[tuple[str, str], int] = field(default_factory=dict)

    def password(self, user: str) -> str | None:
        """Return the password of a user."""
        return self.users.get(user)

    def locked(self, address: str, user: str) -> bool:
        """Tell whether this user is locked out from this address."""
        return 0 < self.max_failures <= self.failures.get((address, user), 0)

    def failed(self, address: str, user: str) -> None:
        """Count a failure."""
        self.failures[address, user] = self.failures.get((address, user), 0) + 1

    def succeeded(self, address: str, user: str) -> None:
        """Forget the failures."""
        self.failures.pop((address, user), None)

    def unlock(self) -> None:
        """Forget all failures."""
        self.failures.clear()


@dataclass(frozen=True, slots=True)
class Login:
    """Outcome of checking a request: who, or why not. `attempt` is true when a credential was sent."""

    user: str | None
    attempt: bool
    stale: bool = False


class Gatekeeper:
    """Checks the requests of one server."""

    def __init__(
        self,
        accounts: Accounts,
        *,
        scheme: Scheme = "digest",
        realm: str = "RTSP Server",
        nonce_seconds: float = 300.0,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.accounts = accounts
        self.scheme: Scheme = scheme
        self.realm = realm
        self.nonce_seconds = nonce_seconds
        self._monotonic = monotonic
        self._nonces: dict[str, float] = {}

    def forget_nonces(self) -> None:
        """Make every nonce given out stale, as a restart does."""
        self._nonces.clear()

    def challenges(self, *, stale: bool = False) -> tuple[str, ...]:
        """Return the values of the WWW-Authenticate headers."""
        basic = f'Basic realm="{self.realm}"'
        if self.scheme == "basic":
            return (basic,)
        now = self._monotonic()
        self._nonces = {nonce: until for nonce, until in self._nonces.items() if until > now}
        nonce = secrets.token_hex(16)
        self._nonces[nonce] = now + self.nonce_seconds
        common = f'Digest realm="{self.realm}", nonce="{nonce}", stale="{"TRUE" if stale else "FALSE"}"'
        match self.scheme:
            case "digest-qop":
                return (f'{common}, qop="auth", algorithm="MD5"',)
            case "digest-sha256":
                return (f'{common}, qop="auth", algorithm="SHA-256"',)
            case "digest-both":
                return (f'{common}, qop="auth", algorithm="MD5"', f'{common}, qop="auth", algorithm="SHA-256"')
            case "digest-basic":
                return (common, basic)
        return (common,)

    def check(self, method: str, url: str, authorization: str | None, address: str) -> Login:
        """Check one request and tell the accounts about it."""
        if self.scheme == "none":
            return Login("", attempt=False)
        kind, _, rest = (authorization or "").partition(" ")
        if kind.lower() == "basic" and self.scheme in ("basic", "digest-basic"):
            user, right = self._basic(rest)
        elif kind.lower() == "digest" and self.scheme != "basic":
            values = {name.lower(): quoted or plain for name, quoted, plain in _PAIR.findall(rest)}
            if self._nonces.get(values.get("nonce", ""), 0.0) <= self._monotonic():
                return Login(None, attempt=False, stale=True)
            user, right = values.get("username", ""), self._digest(method, url, values)
        else:
            return Login(None, attempt=False)
        if self.accounts.locked(address, user):
            return Login(None, attempt=True)
        if not right:
            self.accounts.failed(address, user)
            return Login(None, attempt=True)
        self.accounts.succeeded(address, user)
        return Login(user, attempt=True)

    def _basic(self, text: str) -> tuple[str, bool]:
        try:
            user, _, password = b64decode(text, validate=True).decode().partition(":")
        except ValueError:
            return "", False
        known = self.accounts.password(user)
        return user, known is not None and hmac.compare_digest(known.encode(), password.encode())

    def _digest(self, method: str, url: str, values: dict[str, str]) -> bool:
        password = self.accounts.password(values.get("username", ""))
        algorithm = values.get("algorithm", "MD5").upper()
        sha = algorithm == "SHA-256"
        allowed = {"digest-sha256": (True,), "digest-both": (True, False)}.get(self.scheme, (False,))
        if password is None or values.get("uri") != url or values.get("realm") != self.realm or sha not in allowed:
            return False

        def digest(text: str) -> str:
            return (hashlib.sha256 if sha else hashlib.md5)(text.encode()).hexdigest()

        first = digest(f"{values['username']}:{self.realm}:{password}")
        second = digest(f"{method}:{url}")
        middle = values["nonce"]
        if "qop" in values:
            middle += f":{values.get('nc', '')}:{values.get('cnonce', '')}:{values['qop']}"
        return hmac.compare_digest(digest(f"{first}:{middle}:{second}"), values.get("response", ""))
