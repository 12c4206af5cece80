"""Texts of recorders made anonymous: each value that tells of somebody becomes another one of the same shape.

Pure. The values are found where they are named (XML, JSON, key=value, headers, queries) and by what they look like, and
then wherever else they stand: one value becomes the same everywhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
import html
import json
import re
from typing import Final, NamedTuple
from urllib.parse import quote, unquote_plus

from .anonymous_keys import Kind, is_technical, kind_of
from .anonymous_values import EMAIL, MAC, RUN, UUID, MadeUp

_XML: Final = re.compile(r"<(?:[\w.-]+:)?([\w.-]+)(?:\s[^<>]*)?>([^<]*)<\\?/")
_ATTRIBUTE: Final = re.compile(r"""(?<![\w?&])([\w:-]+)=(?:"([^"\r\n]*)"|'([^'\r\n]*)')""")
_JSON: Final = re.compile(r'"((?:[^"\\\r\n]|\\.)*)"\s*:\s*(?:"((?:[^"\\\r\n]|\\.)*)"|(-?\d[\d.]*))')
_JSON_TEXT: Final = re.compile(r'"((?:[^"\\\r\n]|\\.)*)"')
_JSON_LIST: Final = re.compile(r'"(\w+)"\s*:\s*\[((?:\s*"(?:[^"\\\r\n]|\\.)*"\s*,?)+\s*)\]')
_LINE: Final = re.compile(r"^[ \t]*([\w.:\[\]-]+)[ \t]*=([^\r\n]*)\r?$", re.MULTILINE)
_HEADER: Final = re.compile(
    r"^(proxy-authorization|authorization|cookie|set-cookie|host)[ \t]*:[ \t]*([^\r\n]*)", re.IGNORECASE | re.MULTILINE
)
_QUERY: Final = re.compile(r"[?&]([\w.\[\]]+)=([^&\s\"'<>#;]*)")
_URL_HOST: Final = re.compile(r"\b([a-z][a-z0-9+.-]*://)([A-Za-z][\w-]*(?:\.[\w-]+)*)", re.IGNORECASE)
_USERINFO: Final = re.compile(r"\b([a-z][a-z0-9+.-]*://)[^\s\"'<>?]*@", re.IGNORECASE)
_IPV4: Final = re.compile(r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?![\w]|\.\d)")
_IPV6: Final = re.compile(r"(?<![\w:.])(?:[0-9A-Fa-f]{0,4}:){2,7}[0-9A-Fa-f]{0,4}(?![\w:.])")
_REALM_WORD: Final = re.compile(r"(?=\w*\d)\w{4,}")
_BASE64: Final = re.compile(r"(?<![A-Za-z0-9+/])[A-Za-z0-9+/]{240,}={0,2}")
_FQDN: Final = re.compile(
    r"(?<![\w@.\[-])(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+"
    r"(?:com|net|org|info|biz|io|eu|de|es|pt|br|fr|it|nl|pl|cn|uk|us|ru|at|ch|be|dk|se|fi|cz|lan|local|home|internal|arpa|cc|tv|me|xyz|online|site|cloud|app|dev)(?![\w=(\[-]|\.\w)",
    re.IGNORECASE,
)


class _Field(NamedTuple):
    start: int
    end: int
    kind: Kind | None
    style: str


def _fields(text: str) -> list[_Field]:
    """Return where the values of named fields stand, none within another, in their order."""
    found: list[_Field] = []

    for pattern, style, groups in (
        (_HEADER, "plain", (2,)),
        (_XML, "xml", (2,)),
        (_JSON, "json", (2, 3)),
        (_ATTRIBUTE, "xml", (2, 3)),
        (_LINE, "plain", (2,)),
        (_QUERY, "query", (2,)),
    ):
        for match in pattern.finditer(text):
            kind = kind_of(match.group(1))
            found += [_Field(*match.span(group), kind, style) for group in groups if match.group(group) is not None]
    for match in _JSON_LIST.finditer(text):
        kind, at = kind_of(match.group(1)), match.start(2)
        found += [
            _Field(at + item.start(1), at + item.end(1), kind, "json") for item in _JSON_TEXT.finditer(match.group(2))
        ]
    # A narrower value is told by a better key: `data={"Name": ...}` is a line whose value is JSON.
    kept: list[_Field] = []
    for field in sorted(found, key=lambda field: (field.start, field.end - field.start)):
        if field.end > field.start and (not kept or field.start >= kept[-1].end):
            wide = field.style == "plain" and field.kind is None
            if not wide:
                kept.append(field)
    return kept


def _plain(raw: str, style: str) -> str:
    if style == "xml":
        return html.unescape(raw)
    if style == "query":
        return unquote_plus(raw)
    if style == "json":
        try:
            return str(json.loads(f'"{raw}"', strict=False))
        except ValueError:
            return raw
    return raw


def _written(plain: str, raw: str, style: str) -> str:
    if style == "xml":
        return html.escape(plain, quote=False) if "&" in raw else plain
    if style == "query":
        return quote(plain, safe="") if "%" in raw or "+" in raw else plain
    if style == "json" and "\\" in raw:
        return json.dumps(plain, ensure_ascii=raw.isascii())[1:-1]
    return plain


class Disguise:
    """One capture in disguise. First `learn` every text, then `dress` each: what one tells stands in others too."""

    def __init__(self, secrets: Iterable[str] = (), key: bytes | None = None) -> None:
        """`secrets` are words that must go wherever they stand; `key` makes the result repeatable, for tests."""
        self.made = MadeUp(key)
        self._pattern: re.Pattern[str] | None = None
        self._words: re.Pattern[str] | None = None
        self.firmware: set[str] = set()
        for secret in secrets:
            if secret.strip():
                self.made.spread(secret, self.made.shape(secret, Kind.SECRET), Kind.SECRET)

    @property
    def models(self) -> list[str]:
        """What models the texts named."""
        return sorted(self.made.models)

    def learn(self, text: str) -> None:
        """Take what a text says of its own values."""
        for match in _MODEL.finditer(text):
            word = next(filter(None, match.groups()))
            self.made.models.add(word)
        for match in _FIRMWARE.finditer(text):
            self.firmware.add(next(filter(None, match.groups())))
        fields = _fields(text)
        for field in fields:
            plain = _plain(text[field.start : field.end], field.style)
            if field.kind is Kind.REALM:
                for word in _REALM_WORD.findall(plain):
                    self._word_of_realm(word)
            elif field.kind is not None and not self._is_kept(field.kind, plain):
                self.made.fake(field.kind, plain)
        named = [(field.start, field.end) for field in fields if field.kind is not None]
        for match in (*UUID.finditer(text), *RUN.finditer(text)):
            if not any(start <= match.start() < end for start, end in named):
                self.made.once(Kind.SERIAL, match.group())

    def dress(self, text: str) -> str:
        """Return the text with made-up values."""
        pieces, at = [], 0
        for field in _fields(text):
            pieces += [self._loose(text[at : field.start]), self._value(text[field.start : field.end], field)]
            at = field.end
        return "".join([*pieces, self._loose(text[at:])])

    def survivors(self, text: str) -> list[str]:
        """Return what was learned and still stands in a dressed text."""
        return sorted(
            real
            for real, fake in self.made.anywhere.items()
            if real not in self.made.taken
            and real.lower() != fake.lower()
            and any(not self._is_structure(match) for match in self._places(real, text))
        )

    def _is_kept(self, kind: Kind, plain: str) -> bool:
        if kind is Kind.KEEP or plain.strip() in self.made.models:
            return True
        if kind is Kind.PASSWORD:
            return not plain or plain in {"true", "false"} or set(plain) == {"*"}
        if kind is Kind.HOST:
            return is_technical(plain) or not re.fullmatch(r"[\w.-]+", plain) or not re.search(r"[A-Za-z]", plain)
        return is_technical(plain)

    def _value(self, raw: str, field: _Field) -> str:
        plain = _plain(raw, field.style)
        if field.kind is Kind.KEEP:
            return raw
        if field.kind is None or field.kind is Kind.REALM or self._is_kept(field.kind, plain):
            worded = self._loose(raw, value=True)
            if field.kind is Kind.REALM:
                return _REALM_WORD.sub(lambda match: self._word_of_realm(match.group()), worded)
            return worded
        if field.kind is Kind.HOST and (_IPV4.search(plain) or ":" in plain or "/" in plain):
            return self._loose(raw, value=True)
        return _written(self.made.fake(field.kind, plain), raw, field.style)

    def _word_of_realm(self, word: str) -> str:
        """Realms hold the serial or its end (hikvision-isapi 3.1, dahua-cgi 2.3)."""
        return word if word in self.made.taken or word in self.made.models else self.made.fake(Kind.SERIAL, word)

    def _loose(self, text: str, *, value: bool = False) -> str:
        """Replace what stands where no field names it; `value`: as the value of a field that is not told."""
        if not text:
            return text
        text = _BASE64.sub(lambda match: "A" * len(match.group()), text)
        text = _USERINFO.sub(r"\1", text)
        if self.made.changed or self._pattern is None:
            self._compile()
        for pattern in (self._pattern, self._words):
            if pattern is not None:
                text = pattern.sub(lambda match: self._again(match, value=value), text)
        text = EMAIL.sub(lambda match: self.made.numbered(match.group(), "user{}@example.org"), text)
        text = UUID.sub(lambda match: self.made.once(Kind.SERIAL, match.group()), text)
        text = MAC.sub(lambda match: self.made.mac(match.group()), text)
        text = _IPV6.sub(lambda match: self.made.ipv6(match.group()), text)
        text = _IPV4.sub(lambda match: self.made.ipv4(match.group()), text)
        text = _URL_HOST.sub(lambda match: match.group(1) + self.made.host(match.group(2)), text)
        text = _FQDN.sub(lambda match: self.made.host(match.group()), text)
        return RUN.sub(lambda match: self.made.once(Kind.SERIAL, match.group()), text)

    def _compile(self) -> None:
        """Build the patterns of what is replaced anywhere, longest first: one may be part of another."""
        by_length = sorted(self.made.anywhere, key=len, reverse=True)
        loose = [re.escape(real) for real in by_length if real not in self.made.whole]
        whole = [re.escape(real) for real in by_length if real in self.made.whole]
        nothing = r"(?!)"
        self.made.changed = False
        self._pattern = re.compile("|".join(loose) or nothing)
        self._words = re.compile(rf"(?<![^\W_])(?:{'|'.join(whole) or nothing})(?![^\W_])")

    def _places(self, real: str, text: str) -> Iterator[re.Match[str]]:
        pattern = rf"(?<![^\W_]){re.escape(real)}(?![^\W_])" if real in self.made.whole else re.escape(real)
        return re.finditer(pattern, text)

    def _is_structure(self, match: re.Match[str]) -> bool:
        """Say whether a word that is somebody's name, too, is a tag or a key here."""
        word, text = match.group(), match.string
        if word not in self.made.whole or not word.isidentifier():
            return False
        before, after = text[: match.start()][-2:], text[match.end() :][:2]
        tag = (before.endswith("<") or before == "</") and after[:1] in {">", " ", "/"}
        return tag or (before.endswith('"') and after == '":') or (before[-1:] in {"", "\n", "."} and after[:1] == "=")

    def _again(self, match: re.Match[str], *, value: bool) -> str:
        """Return what stands for a value that was learned."""
        return match.group() if not value and self._is_structure(match) else self.made.anywhere[match.group()]


_MODEL: Final = re.compile(
    r'<(?:model|deviceType)>([^<]{4,60})</|"(?:model|DeviceType|deviceType)"\s*:\s*"([^"]{4,60})"'
    r"|^(?:updateSerial|type|.*\.DeviceType)=([^\r\n]{4,60})\r?$",
    re.MULTILINE,
)
_FIRMWARE: Final = re.compile(
    r'<firmwareVersion>([^<]{3,60})</|"(?:firmware|firmwareVersion)"\s*:\s*"([^"]{3,60})"|^version=([^\r\n]{3,60})\r?$',
    re.MULTILINE,
)
