"""What stands for a name, a serial, an address: of the same shape, always the same, and made with a key thrown away.

Pure but for the key, which comes from the system.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from hashlib import blake2b
import html
import ipaddress
import os
import re
from typing import Final
from urllib.parse import quote

from .anonymous_keys import Kind, is_technical

UUID: Final = re.compile(r"(?<![0-9A-Za-z])[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}(?![0-9A-Za-z])")
MAC: Final = re.compile(r"(?<![0-9A-Fa-f:-])[0-9A-Fa-f]{2}([:-])(?:[0-9A-Fa-f]{2}\1){4}[0-9A-Fa-f]{2}(?![0-9A-Fa-f:-])")
# Serials: long runs of capitals and digits (hikvision-isapi 4.1).
RUN: Final = re.compile(r"(?<![A-Za-z0-9])(?=[A-Z0-9]*[0-9])(?=[A-Z0-9]*[A-Z])[A-Z0-9]{12,}(?![A-Za-z0-9])")
EMAIL: Final = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_PUBLIC_HOSTS: Final = re.compile(
    r"(?:.*\.)?(?:hikvision\.com|isapi\.org|isapi\.com|psialliance\.org|std-cgi\.(?:com|org)|w3\.org|onvif\.org"
    r"|xmlsoap\.org|dahuasecurity\.com|dahuatech\.com|example\.(?:com|net|org))",
    re.IGNORECASE,
)
_PRIVATE: Final = (("10.", 1), ("192.168.", 2), ("169.254.", 2), *((f"172.{second}.", 2) for second in range(16, 32)))
# From how many characters on a value is replaced wherever it stands: below, a chance likeness would spoil the rest.
_ANYWHERE: Final = {
    Kind.NAME: 4,
    Kind.PLATE: 4,
    Kind.SERIAL: 6,
    Kind.SECRET: 6,
    Kind.PASSWORD: 4,
    Kind.HOST: 4,
    Kind.MAC: 12,
}
_WHOLE_WORDS: Final = frozenset({Kind.NAME, Kind.PLATE, Kind.HOST, Kind.PASSWORD})
_FOREIGN: Final = {2: "éèêüöäñçøåžš", 3: "中大小上下左右東西南北", 4: "𠀀𠀁𠀂𠀃𠀄"}


def slug(name: str) -> str:
    """Return a name as Home Assistant writes it in an entity id."""
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")


class MadeUp:
    """The made-up values of one capture: `anywhere` are those to be replaced wherever they stand, `whole` as words."""

    def __init__(self, key: bytes | None = None) -> None:
        """A key of one's own makes the result repeatable, for tests."""
        self._key = os.urandom(16) if key is None else key
        self._known: dict[tuple[Kind, str], str] = {}
        self._texts: dict[str, str] = {}
        self.taken: set[str] = set()
        self.anywhere: dict[str, str] = {}
        self.whole: set[str] = set()
        self.models: set[str] = set()
        self.changed = False

    @property
    def counts(self) -> Counter[str]:
        """How many values were made up, by what they are."""
        return Counter(kind.value for kind, _ in self._known)

    def fake(self, kind: Kind, plain: str) -> str:
        """Return what stands for a value, and make it known everywhere."""
        kind = Kind.SECRET if kind is Kind.REALM else kind
        known = self._known.get((kind, plain))
        if known is None:
            known = self._known[kind, plain] = self._texts[plain] = self._made(kind, plain)
            self.spread(plain, known, kind)
        return known

    def once(self, kind: Kind, real: str) -> str:
        """Return what stands for a value that was told by its looks alone, which a made-up one may have too."""
        return real if real in self.taken or real in self.models else self.fake(kind, real)

    def _made(self, kind: Kind, plain: str) -> str:
        if plain in self.taken:
            return plain
        if (known := self._texts.get(plain)) is not None:
            return known
        if kind is Kind.PASSWORD:
            return "anonymised"
        if kind is Kind.PLACE:
            return "0.0" if re.fullmatch(r"-?[\d.]+", plain) else re.sub(r"\w", "0", plain)
        if kind is Kind.HOST and not _PUBLIC_HOSTS.fullmatch(plain):
            return self.numbered(plain, "host{}.example.org" if "." in plain else "host{}")
        if kind is Kind.MAC and re.fullmatch(r"[0-9A-Fa-f]{12}", plain.replace(":", "").replace("-", "")):
            return self.mac(plain)
        if kind is Kind.NAME and EMAIL.fullmatch(plain):
            return self.numbered(plain, "user{}@example.org")
        return self.shape(plain, kind)

    def spread(self, real: str, fake: str, kind: Kind) -> None:
        """Have a value replaced wherever it stands, in the ways it may be written."""
        pairs = {real: fake, quote(real, safe=""): quote(fake, safe=""), html.escape(real): html.escape(fake)}
        if kind is Kind.NAME:
            pairs |= {slug(real): slug(fake)}
        if kind is Kind.SERIAL and len(real) > 18:
            # Hikvision's short serial, in host names and realms, is the end of the long one (hikvision-isapi 4.1).
            pairs |= {tail: fake[-len(tail) :] for tail in (real[-9:], re.sub(r"WCVU$", "", real)[-9:])}
        if kind is Kind.MAC:
            bare, made = re.sub(r"[:-]", "", real), re.sub(r"[:-]", "", fake)
            for mark in (":", "-", ""):
                spelt = [mark.join(text[place : place + 2] for place in range(0, 12, 2)) for text in (bare, made)]
                pairs |= {spelt[0].lower(): spelt[1].lower(), spelt[0].upper(): spelt[1].upper()}
        for text, other in pairs.items():
            if len(text) >= _ANYWHERE.get(kind, 4) and text != other and not is_technical(text):
                self.anywhere.setdefault(text, other)
                self.taken |= {other, *RUN.findall(other), *UUID.findall(other)}
                if kind in _WHOLE_WORDS:
                    self.whole.add(text)
        self.changed = True

    def shape(self, plain: str, kind: Kind) -> str:
        """Return a text of the same shape: each letter another letter, each digit another digit, all else as it was."""
        keep = 0
        if kind is Kind.SERIAL:
            keep = max((_alike(plain, model) for model in self.models), default=0)
            keep = keep if "-" in plain[:keep] and keep < len(plain) - 6 else 0
        hexadecimal = kind is Kind.SERIAL and UUID.fullmatch(plain) is not None
        for turn in range(1000):
            noise = self._noise(f"{turn} {plain}", len(plain))
            fake = plain[:keep] + "".join(
                _other(character, value, hexadecimal=hexadecimal)
                for character, value in zip(plain[keep:], noise, strict=False)
            )
            if fake not in self.taken or fake == plain:
                break
        self.taken.add(fake)
        return fake

    def _noise(self, text: str, length: int) -> Iterator[int]:
        for block in range(length // 32 + 1):
            yield from blake2b(f"{block} {text}".encode(), key=self._key, digest_size=32).digest()

    def numbered(self, real: str, form: str) -> str:
        """Return a form with a number of its own."""
        if real in self.taken:
            return real
        known = self._known.get((Kind.HOST, real.lower()))
        if known is None:
            known = self._known[Kind.HOST, real.lower()] = form.format(len(self._known) + 1)
            self.taken.add(known)
        return known

    def mac(self, real: str) -> str:
        """Return what stands for a hardware address, written as it was."""
        bare = re.sub(r"[:-]", "", real).lower()
        if set(bare) <= {"0"} or set(bare) <= {"f"} or real in self.taken:
            return real
        made = self._known.get((Kind.MAC, bare))
        if made is None:
            made = self._known[Kind.MAC, bare] = (
                f"0200{blake2b(bare.encode(), key=self._key, digest_size=4).hexdigest()}"
            )
            self.spread(bare, made, Kind.MAC)
        mark = re.sub(r"[0-9A-Fa-f]", "", real)[:1]
        text = mark.join(made[place : place + 2] for place in range(0, 12, 2))
        return text.upper() if real.upper() == real else text

    def ipv4(self, real: str) -> str:
        """Return what stands for an address; what belongs to nobody stays, and a private one stays as private."""
        try:
            address = ipaddress.IPv4Address(real)
        except ValueError:
            return real
        kept = address.is_unspecified or address.is_loopback or address.is_multicast or real.startswith("255.")
        if kept or real in self.taken:
            return real
        known = self._known.get((Kind.HOST, real))
        if known is None:
            known = self._known[Kind.HOST, real] = self._other_ipv4(real)
            self.taken.add(known)
        return known

    def _other_ipv4(self, real: str) -> str:
        fixed = next((count for begin, count in _PRIVATE if real.startswith(begin)), 0)
        parts = real.split(".")
        for turn in range(1000):
            noise = list(self._noise(f"{turn} {real}", 4))
            if fixed:
                made = [
                    *parts[:fixed],
                    *(_octet(part, value) for part, value in zip(parts[fixed:], noise, strict=False)),
                ]
            else:
                made = (
                    ["203", "0", "113", str(1 + noise[0] % 254)] if turn < 100 else ["198", "18", *map(str, noise[:2])]
                )
            text = ".".join(made)
            if text not in self.taken and text != real:
                break
        return text

    def ipv6(self, real: str) -> str:
        """Return what stands for an address; what is no address stays."""
        try:
            address = ipaddress.IPv6Address(real)
        except ValueError:
            return real
        if address.is_unspecified or address.is_loopback or address.is_multicast or not re.search(r"\d", real):
            return real
        return self.numbered(real, "fe80::{}" if address.is_link_local else "2001:db8::{}")

    def host(self, real: str) -> str:
        """Return what stands for a name of the network; those of vendors and standards stay."""
        if _PUBLIC_HOSTS.fullmatch(real) or real.lower() in {"localhost", "***"}:
            return real
        return self.numbered(real, "host{}.example.org")


def _alike(first: str, second: str) -> int:
    """Return how many characters two texts begin with together."""
    return next(
        (place for place, pair in enumerate(zip(first, second, strict=False)) if pair[0] != pair[1]),
        min(len(first), len(second)),
    )


def _other(character: str, value: int, *, hexadecimal: bool = False) -> str:
    """Return another character of the same sort, never the same; no zero, which must not lead a number of JSON."""
    if character.isdecimal() and character.isascii():
        choice = "123456789"
    elif hexadecimal and character in "abcdefABCDEF":
        choice = "abcdef" if character.islower() else "ABCDEF"
    elif character.isascii() and character.isalpha():
        choice = "abcdefghijklmnopqrstuvwxyz" if character.islower() else "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    elif character.isalnum():
        choice = _FOREIGN.get(len(character.encode()), _FOREIGN[3])
    else:
        return character
    choice = choice.replace(character, "")
    return choice[value % len(choice)]


def _octet(part: str, value: int) -> str:
    """Return another number of as many digits, below 255."""
    low, high = {1: (1, 9), 2: (10, 99)}.get(len(part), (100, 254))
    choice = [number for number in range(low, high + 1) if str(number) != part]
    return str(choice[value % len(choice)])
