"""Digest and Basic credentials as a server reads and checks them (RFC 7616, 2069, 7617)."""

import hashlib
import re

_PAIR = re.compile(r'(\w+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,]+))')


def parse_credentials(header: str) -> tuple[str, dict[str, str]]:
    """Split an Authorization header into its scheme (lower-case) and pairs; Basic's token is the pair ''."""
    scheme, _, rest = header.strip().partition(" ")
    if scheme.lower() == "basic":
        return "basic", {"": rest.strip()}
    return scheme.lower(), {m[1].lower(): m[2] if m[2] is not None else m[3] for m in _PAIR.finditer(rest)}


def digest_answer(
    algorithm: str, login: tuple[str, str, str], method: str, pairs: dict[str, str], body: bytes = b""
) -> str:
    """Return the response a right client computes (RFC 7616; RFC 2069 without qop); login: user, realm, password."""
    base = algorithm.lower().removesuffix("-sess")

    def digest(text: str | bytes) -> str:
        data = text.encode() if isinstance(text, str) else text
        return (hashlib.sha256(data) if base == "sha-256" else hashlib.md5(data, usedforsecurity=False)).hexdigest()

    secret = digest(":".join(login))
    nonce, cnonce, qop = pairs.get("nonce", ""), pairs.get("cnonce", ""), pairs.get("qop", "")
    if algorithm.lower().endswith("-sess"):
        secret = digest(f"{secret}:{nonce}:{cnonce}")
    target = f"{method}:{pairs.get('uri', '')}"
    if qop == "auth-int":
        target += f":{digest(body)}"
    if not qop:
        return digest(f"{secret}:{nonce}:{digest(target)}")
    return digest(f"{secret}:{nonce}:{pairs.get('nc', '')}:{cnonce}:{qop}:{digest(target)}")
