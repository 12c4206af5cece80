"""Login of the simulated Dahua unit: challenges, nonces, and one lock over CGI, RPC2 and RTSP (dahua-cgi 2.2-2.4)."""

import base64
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
import secrets
import time

from ..digest import digest_answer, parse_credentials
from .counters import Counters

RIGHTS = frozenset({"live", "playback", "config", "system", "control"})


class Verdict(StrEnum):
    """What became of a request's credentials."""

    OK = "ok"
    MISSING = "missing"
    STALE = "stale"
    WRONG = "wrong"
    LOCKED = "locked"


@dataclass(slots=True)
class AuthPolicy:
    """Run-time switches of the login.

    `mode`: md5 | md5sess | sha256 | sha256sess | authint | commas (spaced qop list, commas in the realm) | noqop |
    basic | both. `rotate`: a nonce is good for one answer. `stale_403`: an old nonce is answered 403.
    `locked_status`: what CGI says while locked, 401 or 403. `lock_told`: RPC2 says for how long. `basic_users` may
    use Basic whatever the mode.
    `strict_uri`: the signed address must be the one on the wire, byte by byte; without it any address may be signed.
    """

    mode: str = "md5"
    rotate: bool = False
    nonce_life: float = 300.0
    stale_mark: bool = True
    stale_403: bool = False
    lock_enabled: bool = True
    lock_times: int = 5
    lock_seconds: float = 300.0
    locked_status: int = 401
    lock_told: bool = True
    opaque: bool = True
    quote_algorithm: bool = False
    strict_uri: bool = True
    basic_users: frozenset[str] = frozenset()


@dataclass(slots=True)
class User:
    """A login and what it may do."""

    password: str
    rights: frozenset[str] = RIGHTS


@dataclass(slots=True)
class _Nonce:
    made: float
    counts: set[str] = field(default_factory=set)
    used: bool = False


@dataclass(slots=True)
class _Attempts:
    failed: int = 0
    locked_at: float | None = None


_NONCE_LIMIT = 1024
_ALGORITHMS = {"md5sess": "MD5-sess", "sha256": "SHA-256", "sha256sess": "SHA-256-sess"}
_QOPS = {"authint": "auth,auth-int", "commas": "auth, auth-int", "noqop": ""}


class Authenticator:
    """Checks credentials and counts failures per (address, user), whatever the protocol."""

    def __init__(
        self,
        users: dict[str, User],
        counters: Counters,
        policy: AuthPolicy,
        realm: str,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self.users = users
        self.policy = policy
        self._realm = realm
        self._counters = counters
        self.now = now
        self._nonces: dict[str, _Nonce] = {}
        self._attempts: dict[tuple[str, str], _Attempts] = {}
        self._opaque = secrets.token_hex(20)

    @property
    def realm(self) -> str:
        """The realm of challenges."""
        return f"{self._realm}, HTTP, CGI" if self.policy.mode == "commas" else self._realm

    def forget_nonces(self) -> None:
        """Make every nonce stale, as a boot does."""
        self._nonces.clear()
        self._opaque = secrets.token_hex(20)

    def unlock(self) -> None:
        """Forget all wrong answers."""
        self._attempts.clear()

    def lock(self, peer: str, user: str) -> None:
        """Lock a login, as somebody else's wrong answers do."""
        self._attempts[peer, user] = _Attempts(failed=self.policy.lock_times, locked_at=self.now())
        self._counters.lockouts += 1

    def challenges(self, *, stale: bool = False) -> list[tuple[str, str]]:
        """Return the WWW-Authenticate headers of a 401."""
        mode = self.policy.mode
        basic = ("WWW-Authenticate", 'Basic realm="Device_CGI"')
        if mode == "basic":
            return [basic]
        parts = [f'Digest realm="{self.realm}"']
        qop = _QOPS.get(mode, "auth")
        if qop:
            parts.append(f'qop="{qop}"')
        parts.append(f'nonce="{self._fresh_nonce()}"')
        if self.policy.opaque and mode != "noqop":
            parts.append(f'opaque="{self._opaque}"')
        if mode in _ALGORITHMS:
            name = _ALGORITHMS[mode]
            parts.append(f'algorithm="{name}"' if self.policy.quote_algorithm else f"algorithm={name}")
        if stale and self.policy.stale_mark:
            parts.append("stale=TRUE")
        digest = ("WWW-Authenticate", ", ".join(parts))
        return [digest, basic] if mode == "both" else [digest]

    def check(self, method: str, target: str, header: str | None, peer: str, body: bytes = b"") -> tuple[Verdict, str]:
        """Judge a request's Authorization header; returns the verdict and the user named."""
        if not header:
            return Verdict.MISSING, ""
        scheme, pairs = parse_credentials(header)
        if scheme == "basic":
            return self._check_basic(pairs[""], peer)
        if scheme != "digest" or self.policy.mode == "basic":
            return Verdict.MISSING, ""
        user = pairs.get("username", "")
        if self.locked_for(peer, user) > 0:
            return Verdict.LOCKED, user
        if not self._nonce_good(pairs):
            self._counters.stale_nonces += 1
            return Verdict.STALE, user
        return self.judge(peer, user, right=self._matches(method, target, pairs, body)), user

    def judge(self, peer: str, user: str, *, right: bool) -> Verdict:
        """Count one answer to a challenge, from CGI, RPC2 or RTSP alike."""
        if self.locked_for(peer, user) > 0:
            return Verdict.LOCKED
        key = (peer, user)
        if right:
            self._attempts.pop(key, None)
            return Verdict.OK
        self._counters.auth_failures += 1
        attempts = self._attempts.setdefault(key, _Attempts())
        attempts.failed += 1
        if self.policy.lock_enabled and attempts.failed >= self.policy.lock_times:
            attempts.locked_at = self.now()
            self._counters.lockouts += 1
        return Verdict.WRONG

    def locked_for(self, peer: str, user: str) -> float:
        """Return how many seconds of lock are left for this address and user."""
        attempts = self._attempts.get((peer, user))
        if attempts is None or attempts.locked_at is None:
            return 0.0
        left = attempts.locked_at + self.policy.lock_seconds - self.now()
        if left <= 0:
            del self._attempts[peer, user]
            return 0.0
        return left

    def tries_left(self, peer: str, user: str) -> int:
        """Return how many wrong answers remain before the lock."""
        attempts = self._attempts.get((peer, user))
        return max(0, self.policy.lock_times - (attempts.failed if attempts else 0))

    def rights(self, user: str) -> frozenset[str]:
        """Return what a user may do."""
        known = self.users.get(user)
        return known.rights if known else frozenset()

    def _check_basic(self, token: str, peer: str) -> tuple[Verdict, str]:
        try:
            user, _, password = base64.b64decode(token).decode().partition(":")
        except ValueError:
            return Verdict.MISSING, ""
        if self.policy.mode not in {"basic", "both"} and user not in self.policy.basic_users:
            return Verdict.MISSING, ""
        known = self.users.get(user)
        return self.judge(peer, user, right=known is not None and known.password == password), user

    def _nonce_good(self, pairs: dict[str, str]) -> bool:
        nonce = self._nonces.get(pairs.get("nonce", ""))
        if nonce is None or self.now() - nonce.made > self.policy.nonce_life:
            return False
        count = pairs.get("nc", "")
        if (self.policy.rotate and nonce.used) or (count and count in nonce.counts):
            return False
        nonce.used = True
        nonce.counts.add(count)
        return True

    def _matches(self, method: str, target: str, pairs: dict[str, str], body: bytes) -> bool:
        mode = self.policy.mode
        known = self.users.get(pairs.get("username", ""))
        algorithm = pairs.get("algorithm", "MD5")
        if known is None or pairs.get("realm") != self.realm:
            return False
        if self.policy.strict_uri and pairs.get("uri") != target:
            return False
        if algorithm.lower() != _ALGORITHMS.get(mode, "MD5").lower():
            return False
        offered = {one.strip() for one in _QOPS.get(mode, "auth").split(",")}
        if pairs.get("qop", "") not in offered:
            return False
        if self.policy.opaque and mode != "noqop" and pairs.get("opaque") != self._opaque:
            return False
        login = (pairs["username"], self.realm, known.password)
        right = digest_answer(algorithm, login, method, pairs, body)
        return secrets.compare_digest(right, pairs.get("response", ""))

    def _fresh_nonce(self) -> str:
        """Return a nonce as these units make them: a decimal number."""
        if len(self._nonces) >= _NONCE_LIMIT:
            del self._nonces[next(iter(self._nonces))]
        nonce = str(secrets.randbelow(2**31))
        self._nonces[nonce] = _Nonce(self.now())
        return nonce
