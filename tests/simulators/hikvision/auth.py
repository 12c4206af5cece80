"""Login of the simulated recorder: digest and basic challenges, nonce life, and the lock over HTTP and RTSP together.

hikvision-isapi 3.1-3.3 and 19, items 2 and 3.
"""

import base64
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
import secrets
import time

from ..digest import digest_answer, parse_credentials
from .counters import Counters


class DigestProfile(StrEnum):
    """Which challenges a 401 carries."""

    MD5 = "a"
    OLD = "b"
    MD5_AND_SHA256 = "c"
    SHA256 = "d"
    DIGEST_THEN_BASIC = "e"
    BASIC = "f"
    BASIC_THEN_DIGEST = "g"
    SHA256_THEN_MD5 = "h"


class Verdict(StrEnum):
    """What became of a request's credentials."""

    OK = "ok"
    MISSING = "missing"
    STALE = "stale"
    REPLAYED = "replayed"
    WRONG = "wrong"
    LOCKED = "locked"


@dataclass(slots=True)
class AuthPolicy:
    """Run-time switches of the login."""

    digest: DigestProfile = DigestProfile.MD5
    qop: str = "auth"
    session_variant: bool = False
    nonce_life: float = 60.0
    nonce_uses: int = 0
    reject_replay: bool = True
    lock_enabled: bool = True
    lock_tries: int = 7
    lock_seconds: float = 1800.0
    lock_extends: bool = False
    lock_body: str = "long"
    body_401: str = "xml"


@dataclass(slots=True)
class User:
    """A login and what it may do: live, playback, parameters, log."""

    password: str
    rights: frozenset[str] = frozenset({"live", "playback", "parameters", "log"})


@dataclass(slots=True)
class _Nonce:
    made: float
    uses: int = 0
    counts: set[str] = field(default_factory=set)


@dataclass(slots=True)
class _Attempts:
    failed: int = 0
    locked_at: float | None = None


_NONCE_LIMIT = 4096


class Authenticator:
    """Checks credentials and counts failures per (address, user), whatever the protocol."""

    def __init__(
        self,
        users: dict[str, User],
        counters: Counters,
        *,
        policy: AuthPolicy,
        realm: str,
        model: str,
        now: Callable[[], float] | None = None,
    ) -> None:
        self.policy = policy
        self.users = users
        self._counters = counters
        self._realm = realm
        self._model = model
        self.now = now or time.monotonic
        self._nonces: dict[str, _Nonce] = {}
        self._attempts: dict[tuple[str, str], _Attempts] = {}

    @property
    def realm(self) -> str:
        """Realm of the challenges: hex on recorders, the model on old cameras."""
        return self._model if self.policy.digest is DigestProfile.OLD else self._realm

    def forget_nonces(self) -> None:
        """Make every nonce stale, as a reboot does."""
        self._nonces.clear()

    def unlock(self) -> None:
        """Forget failures and locks."""
        self._attempts.clear()

    def lock(self, peer: str, user: str) -> None:
        """Lock a login, as somebody else's wrong answers do."""
        self._attempts[peer, user] = _Attempts(failed=self.policy.lock_tries, locked_at=self.now())
        self._counters.lockouts += 1

    def challenges(self, *, stale: bool = False) -> list[tuple[str, str]]:
        """Return the WWW-Authenticate headers of a fresh 401."""
        profile = self.policy.digest
        basic = ("WWW-Authenticate", f'Basic realm="{self.realm}"')
        if profile is DigestProfile.BASIC:
            return [basic]
        nonce = self._fresh_nonce()
        mark = "TRUE" if stale else "FALSE"
        if profile is DigestProfile.OLD:
            return [("WWW-Authenticate", f'Digest realm="{self.realm}", nonce="{nonce}", stale="{mark}"')]
        suffix = "-sess" if self.policy.session_variant else ""
        algorithms = {
            DigestProfile.MD5_AND_SHA256: ("MD5", "SHA-256"),
            DigestProfile.SHA256_THEN_MD5: ("SHA-256", "MD5"),
            DigestProfile.SHA256: ("SHA-256",),
        }.get(profile, ("MD5",))
        common = f'Digest realm="{self.realm}", domain="::", qop="{self.policy.qop}", nonce="{nonce}", opaque=""'
        digests = [
            ("WWW-Authenticate", f'{common}, algorithm="{algorithm}{suffix}", stale="{mark}"')
            for algorithm in algorithms
        ]
        if profile is DigestProfile.DIGEST_THEN_BASIC:
            return [*digests, basic]
        return [basic, *digests] if profile is DigestProfile.BASIC_THEN_DIGEST else digests

    def check(self, method: str, target: str, header: str | None, peer: str, body: bytes = b"") -> tuple[Verdict, str]:
        """Judge a request's Authorization header; returns the verdict and the user named."""
        if not header:
            return Verdict.MISSING, ""
        scheme, pairs = parse_credentials(header)
        if scheme == "basic":
            return self._check_basic(pairs[""], peer)
        if scheme != "digest" or self.policy.digest is DigestProfile.BASIC:
            return Verdict.MISSING, ""
        user = pairs.get("username", "")
        if self.locked_for(peer, user) > 0:
            return self._still_locked(peer, user), user
        verdict = self._check_nonce(pairs)
        if verdict is not Verdict.OK:
            return verdict, user
        return self.judge(peer, user, right=self._matches(method, target, pairs, body)), user

    def judge(self, peer: str, user: str, *, right: bool) -> Verdict:
        """Count one answer to a challenge, from HTTP or RTSP alike."""
        if self.locked_for(peer, user) > 0:
            return self._still_locked(peer, user)
        key = (peer, user)
        if right:
            self._attempts.pop(key, None)
            return Verdict.OK
        self._counters.auth_failures += 1
        attempts = self._attempts.setdefault(key, _Attempts())
        attempts.failed += 1
        if self.policy.lock_enabled and attempts.failed >= self.policy.lock_tries:
            attempts.locked_at = self.now()
            self._counters.lockouts += 1
            return Verdict.LOCKED
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
        return max(0, self.policy.lock_tries - (attempts.failed if attempts else 0))

    def _still_locked(self, peer: str, user: str) -> Verdict:
        if self.policy.lock_extends:
            self._attempts[peer, user].locked_at = self.now()
        return Verdict.LOCKED

    def _check_basic(self, token: str, peer: str) -> tuple[Verdict, str]:
        if self.policy.digest not in {
            DigestProfile.BASIC,
            DigestProfile.DIGEST_THEN_BASIC,
            DigestProfile.BASIC_THEN_DIGEST,
        }:
            # A recorder that is set to digest does not look at the password.
            return Verdict.MISSING, ""
        try:
            user, _, password = base64.b64decode(token).decode().partition(":")
        except ValueError:
            return Verdict.MISSING, ""
        known = self.users.get(user)
        return self.judge(peer, user, right=known is not None and known.password == password), user

    def _check_nonce(self, pairs: dict[str, str]) -> Verdict:
        nonce = self._nonces.get(pairs.get("nonce", ""))
        if nonce is None or self.now() - nonce.made > self.policy.nonce_life:
            self._counters.stale_nonces += 1
            return Verdict.STALE
        if self.policy.nonce_uses and nonce.uses >= self.policy.nonce_uses:
            self._counters.stale_nonces += 1
            return Verdict.STALE
        count = pairs.get("nc")
        if count is not None:
            if self.policy.reject_replay and count in nonce.counts:
                return Verdict.REPLAYED
            nonce.counts.add(count)
        nonce.uses += 1
        return Verdict.OK

    def _matches(self, method: str, target: str, pairs: dict[str, str], body: bytes) -> bool:
        known = self.users.get(pairs.get("username", ""))
        algorithm = pairs.get("algorithm", "MD5")
        offered = {
            DigestProfile.SHA256: {"sha-256"},
            DigestProfile.MD5_AND_SHA256: {"md5", "sha-256"},
            DigestProfile.SHA256_THEN_MD5: {"md5", "sha-256"},
        }.get(self.policy.digest, {"md5"})
        if known is None or pairs.get("realm") != self.realm or pairs.get("uri") != target:
            return False
        if algorithm.lower().removesuffix("-sess") not in offered:
            return False
        if self.policy.digest is not DigestProfile.OLD and pairs.get("qop", "") not in self.policy.qop.split(","):
            return False
        login = (pairs["username"], self.realm, known.password)
        right = digest_answer(algorithm, login, method, pairs, body)
        return secrets.compare_digest(right, pairs.get("response", ""))

    def _fresh_nonce(self) -> str:
        if len(self._nonces) >= _NONCE_LIMIT:
            del self._nonces[next(iter(self._nonces))]
        if self.policy.digest is DigestProfile.OLD:
            nonce = secrets.token_hex(24)
        else:
            nonce = f"{secrets.token_hex(16)}:{int(time.time() * 1000)}"
        self._nonces[nonce] = _Nonce(self.now())
        return nonce
