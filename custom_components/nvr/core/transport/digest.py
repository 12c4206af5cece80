"""HTTP and RTSP authentication, without I/O: read challenges, choose one, sign (RFC 7616, 2617, 2069, 7617)."""

from base64 import b64encode
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
import hashlib
from secrets import token_hex
from types import MappingProxyType
from typing import Final


class AuthScheme(StrEnum):
    """How a login is proven."""

    DIGEST = "digest"
    BASIC = "basic"


@dataclass(frozen=True, slots=True)
class Challenge:
    """One challenge as it was sent; scheme and parameter names in lower case."""

    scheme: str
    params: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class DigestChallenge:
    """A digest challenge that can be answered; `algorithm` as the recorder wrote it, None in the old form."""

    realm: str
    nonce: str
    qop: str | None = None
    algorithm: str | None = None
    opaque: str | None = None
    stale: bool = False


@dataclass(frozen=True, slots=True)
class BasicChallenge:
    """A basic challenge: the password travels readable unless TLS hides it."""

    realm: str = ""


_WHITE: Final = " \t\r\n"
_HASHES: Final[Mapping[str, Callable[[bytes], str]]] = MappingProxyType(
    {
        "SHA-256": lambda data: hashlib.sha256(data).hexdigest(),
        "MD5": lambda data: hashlib.md5(data, usedforsecurity=False).hexdigest(),
    }
)
_PREFERENCE: Final = ("SHA-256", "SHA-256-SESS", "MD5", "MD5-SESS")


def _skip(text: str, at: int, chars: str) -> int:
    while at < len(text) and text[at] in chars:
        at += 1
    return at


def _word(text: str, at: int) -> tuple[str, int]:
    start = at
    while at < len(text) and text[at] not in ' \t\r\n,="':
        at += 1
    return text[start:at], at


def _quoted(text: str, at: int) -> tuple[str, int]:
    """Read a quoted string whose opening quote stands before `at`; a missing end is the end of the text."""
    out: list[str] = []
    while at < len(text) and text[at] != '"':
        if text[at] == "\\" and at + 1 < len(text):
            at += 1
        out.append(text[at])
        at += 1
    return "".join(out), at + 1


def _value(text: str, at: int) -> tuple[str, int]:
    if at < len(text) and text[at] == '"':
        return _quoted(text, at + 1)
    start = at
    while at < len(text) and text[at] not in " \t\r\n,":
        at += 1
    return text[start:at], at


def parse_challenges(values: Iterable[str]) -> tuple[Challenge, ...]:
    """Read all `WWW-Authenticate` values: one or several schemes in each, in any order."""
    found: list[tuple[str, dict[str, str]]] = []
    for text in values:
        at = _skip(text, 0, _WHITE + ",")
        while at < len(text):
            word, after = _word(text, at)
            if not word:
                # A value without a name belongs to nobody.
                _, at = _value(text, _skip(text, at, _WHITE + "="))
                at = _skip(text, at, _WHITE + ",")
                continue
            equals = _skip(text, after, _WHITE)
            if equals < len(text) and text[equals] == "=" and found:
                value, at = _value(text, _skip(text, equals + 1, _WHITE))
                found[-1][1].setdefault(word.lower(), value)
            else:
                found.append((word.lower(), {}))
                at = after
            at = _skip(text, at, _WHITE + ",")
    return tuple(Challenge(scheme, MappingProxyType(params)) for scheme, params in found)


def _digest(params: Mapping[str, str]) -> DigestChallenge | None:
    if "nonce" not in params:
        return None
    offered = [item.strip().lower() for item in params.get("qop", "").split(",") if item.strip()]
    # auth-int hashes the body; devices that advertise it often get it wrong (home-assistant 8.4).
    qop = "auth" if "auth" in offered else "auth-int" if "auth-int" in offered else None
    return DigestChallenge(
        realm=params.get("realm", ""),
        nonce=params["nonce"],
        qop=qop,
        algorithm=params.get("algorithm"),
        opaque=params.get("opaque"),
        stale=params.get("stale", "").strip().lower() == "true",
    )


def choose(challenges: Iterable[Challenge]) -> DigestChallenge | BasicChallenge | None:
    """Return the strongest challenge we can answer: SHA-256, MD5; Basic only when nothing else was offered.

    None means that nothing was offered that we can answer.
    """
    offered = tuple(challenges)
    best: DigestChallenge | None = None
    best_rank = len(_PREFERENCE)
    for challenge in offered:
        digest = _digest(challenge.params) if challenge.scheme == "digest" else None
        name = "" if digest is None else (digest.algorithm or "MD5").upper()
        if digest is not None and name in _PREFERENCE and _PREFERENCE.index(name) < best_rank:
            best, best_rank = digest, _PREFERENCE.index(name)
    if best is not None:
        return best
    if offered and all(challenge.scheme == "basic" for challenge in offered):
        return BasicChallenge(offered[0].params.get("realm", ""))
    return None


def describe(challenges: Iterable[Challenge]) -> str:
    """Return scheme and algorithm names of an offer, for an error text."""
    names = [
        f"{item.scheme} {item.params['algorithm']}" if "algorithm" in item.params else item.scheme
        for item in challenges
    ]
    return ", ".join(names) or "nothing"


def _quote(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


def authorization(
    challenge: DigestChallenge,
    login: tuple[str, str],
    request: tuple[str, str],
    *,
    nc: int,
    cnonce: str,
    body: bytes = b"",
) -> str:
    """Return the `Authorization` value. `login` is user and password, `request` method and exact request target.

    Without `qop` it is the RFC 2069 form of old firmware (hikvision-isapi 3.1). Raises ValueError for an algorithm
    `choose` would not have chosen.
    """
    name = (challenge.algorithm or "MD5").upper()
    hashed = _HASHES.get(name.removesuffix("-SESS"))
    if hashed is None:
        raise ValueError("a digest algorithm we do not know")
    username, password = login
    method, uri = request
    session = name.endswith("-SESS")
    secret = hashed(f"{username}:{challenge.realm}:{password}".encode())
    if session:
        secret = hashed(f"{secret}:{challenge.nonce}:{cnonce}".encode())
    target = f"{method}:{uri}"
    if challenge.qop == "auth-int":
        target = f"{target}:{hashed(body)}"
    count = f"{nc:08x}"
    middle = f"{challenge.nonce}:{count}:{cnonce}:{challenge.qop}" if challenge.qop else challenge.nonce
    answer = hashed(f"{secret}:{middle}:{hashed(target.encode())}".encode())
    fields = [
        f'username="{_quote(username)}"',
        f'realm="{_quote(challenge.realm)}"',
        f'nonce="{_quote(challenge.nonce)}"',
        f'uri="{uri}"',
        f'response="{answer}"',
    ]
    if challenge.algorithm is not None:
        fields.append(f"algorithm={challenge.algorithm}")
    if challenge.opaque is not None:
        fields.append(f'opaque="{_quote(challenge.opaque)}"')
    if challenge.qop:
        fields += [f"qop={challenge.qop}", f"nc={count}", f'cnonce="{cnonce}"']
    elif session:
        fields.append(f'cnonce="{cnonce}"')
    return "Digest " + ", ".join(fields)


def basic_authorization(username: str, password: str) -> str:
    """Return the `Authorization` value of the Basic scheme (RFC 7617, UTF-8)."""
    return "Basic " + b64encode(f"{username}:{password}".encode()).decode()


def next_nonce(value: str) -> str | None:
    """Return `nextnonce` of an `Authentication-Info` value, if it names one."""
    parsed = parse_challenges((f"info {value}",))
    return parsed[0].params.get("nextnonce") or None


class LoginSession:
    """One answered challenge: signs request after request with a growing count; no I/O."""

    def __init__(self, challenge: DigestChallenge | BasicChallenge, username: str, password: str) -> None:
        """Begin the life of one nonce."""
        self.challenge = challenge
        self._login = (username, password)
        self._count = 0
        self._cnonce = token_hex(8)

    @property
    def scheme(self) -> AuthScheme:
        """How the login is proven."""
        return AuthScheme.BASIC if isinstance(self.challenge, BasicChallenge) else AuthScheme.DIGEST

    def header(self, method: str, uri: str, body: bytes = b"") -> str:
        """Return the next `Authorization` value for that method and exact request target."""
        if isinstance(self.challenge, BasicChallenge):
            return basic_authorization(*self._login)
        self._count += 1
        return authorization(self.challenge, self._login, (method, uri), nc=self._count, cnonce=self._cnonce, body=body)

    def renew(self, nonce: str) -> None:
        """Go on with the nonce the recorder announced in `Authentication-Info`."""
        if isinstance(self.challenge, DigestChallenge) and nonce != self.challenge.nonce:
            self.challenge = replace(self.challenge, nonce=nonce, stale=False)
            self._count = 0
            self._cnonce = token_hex(8)
