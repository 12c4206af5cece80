"""The JSON of RPC2: requests, answers, the login's arithmetic and the error codes (dahua-cgi 15). Pure."""

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
import hashlib
import json
from typing import Final

from ...errors import NvrResponseError

LOGIN_PATH: Final = "/RPC2_Login"
CALL_PATH: Final = "/RPC2"

CHALLENGE: Final = frozenset({268632079, 401})
BAD_LOGIN: Final = frozenset({268632085, 268632070, 268632071})
LOCKED: Final = frozenset({268632081})
BLACK_LISTED: Final = frozenset({268632073})
BUSY: Final = frozenset({268632074, 268632075})
SESSION_LOST: Final = frozenset({287637504, 287637505})
METHOD_MISSING: Final = frozenset({268894210, 268632064})
UNKNOWN_NAME: Final = frozenset({268959743})
NO_RIGHT: Final = frozenset({285278249})
OBJECT_MISSING: Final = frozenset({4026990593, -267976703})
# No lock and no session lasts longer than a day (s).
_LONGEST: Final = 86400
_OTHERS: Final = BAD_LOGIN | LOCKED | BLACK_LISTED | BUSY | METHOD_MISSING | UNKNOWN_NAME | NO_RIGHT | OBJECT_MISSING


@dataclass(frozen=True, slots=True)
class RpcReply:
    """One answer as it came. `result` is a truth value, a handle or nothing; `code` None where no error is told."""

    result: object
    params: Mapping[str, object]
    code: int | None = None
    message: str = ""
    session: str | int | None = None

    @property
    def ok(self) -> bool:
        """Whether it is an answer and no refusal."""
        return self.code is None and self.result is not False


@dataclass(frozen=True, slots=True)
class Challenge:
    """What the first step of a login brings."""

    realm: str = field(repr=False)
    random: str = field(repr=False)
    encryption: str
    session: str | int = field(repr=False)


def parse_reply(body: bytes) -> RpcReply:
    """Read an answer; raises NvrResponseError for what is none."""
    try:
        data = json.loads(body)
    except ValueError, RecursionError:
        raise NvrResponseError("the recorder answered an RPC call with something that is no JSON") from None
    if not isinstance(data, dict):
        raise NvrResponseError("the recorder answered an RPC call with something that is no object")
    error, params, session = data.get("error"), data.get("params"), data.get("session")
    code: int | None = None
    message = ""
    if isinstance(error, Mapping):
        told = error.get("code")
        code = told if isinstance(told, int) and not isinstance(told, bool) else 0
        message = str(error.get("message", ""))[:120]
    if isinstance(session, bool) or not isinstance(session, str | int):
        session = None
    return RpcReply(data.get("result"), params if isinstance(params, Mapping) else {}, code, message, session)


def request_body(
    method: str,
    params: Mapping[str, object] | None,
    number: int,
    session: str | int | None = None,
    handle: int | None = None,
) -> bytes:
    """Return a call; the session is echoed as it was given, text or number (dahua-cgi 15.1)."""
    call: dict[str, object] = {"method": method, "params": None if params is None else dict(params), "id": number}
    if session is not None:
        call["session"] = session
    if handle is not None:
        call["object"] = handle
    return json.dumps(call).encode()


def challenge_of(reply: RpcReply) -> Challenge | None:
    """Return the challenge of a login's first answer, None when it is something else."""
    realm, random = reply.params.get("realm"), reply.params.get("random")
    if not isinstance(realm, str) or not isinstance(random, str) or reply.session is None:
        return None
    return Challenge(realm, random, str(reply.params.get("encryption", "Default")), reply.session)


def _upper(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest().upper()


def answer_to(challenge: Challenge, username: str, password: str) -> str | None:
    """Return what proves the password, None for a form nobody has described (dahua-cgi 15.1)."""
    if challenge.encryption == "Default":
        secret = _upper(f"{username}:{challenge.realm}:{password}")
        return _upper(f"{username}:{challenge.random}:{secret}")
    if challenge.encryption == "Basic":
        return b64encode(f"{username}:{password}".encode()).decode()
    return None


def first_login(username: str, number: int) -> bytes:
    """Return the call that asks for a challenge; it holds no proof of the password."""
    params = {"userName": username, "password": "", "clientType": "Web3.0", "loginType": "Direct"}
    return request_body("global.login", params, number)


def second_login(username: str, proof: str, challenge: Challenge, number: int) -> bytes:
    """Return the call that answers the challenge."""
    params = {
        "userName": username,
        "password": proof,
        "clientType": "Web3.0",
        "loginType": "Direct",
        "authorityType": challenge.encryption,
        "passwordType": challenge.encryption,
    }
    return request_body("global.login", params, number, challenge.session)


def session_headers(key: str | int) -> dict[str, str]:
    """Return what proves a session beside the body; newer firmware wants header and cookie (dahua-cgi 15.1)."""
    names = ("WebClientHttpSessionID", "WebClientSessionID", "DWebClientSessionID", "DhWebClientSessionID")
    return {"X-Api-Session": str(key), "Cookie": "; ".join(f"{name}={key}" for name in names)}


def keep_alive_seconds(reply: RpcReply) -> float | None:
    """Return how long the session that a login's answer grants lives when idle, None where that is not told."""
    granted = reply.params.get("keepAliveInterval")
    return float(granted) if isinstance(granted, int) and 0 < granted < _LONGEST else None


def is_session_error(reply: RpcReply) -> bool:
    """Tell whether the session is over: by code, else by the word in a message without a known code (15.2)."""
    if reply.code is None or reply.code in _OTHERS:
        return False
    return reply.code in SESSION_LOST or "session" in reply.message.lower()


def lock_seconds(reply: RpcReply) -> int | None:
    """Return how long the lock still lasts, None where no lock is told of."""
    seconds = reply.params.get("remainLockSecond")
    if isinstance(seconds, int) and not isinstance(seconds, bool) and seconds > 0:
        return min(seconds, _LONGEST)
    return None
