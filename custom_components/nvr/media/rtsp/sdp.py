"""Session descriptions (RFC 8866) as recorders write them: which media tracks there are and how to ask for them."""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urljoin, urlsplit

from ...core.errors import NvrResponseError

_STATIC_NAMES = {
    0: ("PCMU", 8000),
    8: ("PCMA", 8000),
    9: ("G722", 8000),
    10: ("L16", 44_100),
    11: ("L16", 44_100),
    26: ("JPEG", 90_000),
}
_MAX_LINES = 500


@dataclass(frozen=True, slots=True)
class MediaDescription:
    """One m-line. `encoding` is upper case ("H264", "H265", "PCMA"); `control` is absolute.

    `sends`: the recorder sends it; what it only takes is the way back to a loudspeaker.
    """

    kind: str
    payload_type: int
    encoding: str
    clock_rate: int
    control: str
    parameters: Mapping[str, str] = field(default_factory=dict)
    channels: int = 1
    sends: bool = True

    def parameter_sets(self) -> tuple[bytes, ...]:
        """Return the parameter sets the description carries, in order; broken ones are left out."""
        names = ("sprop-parameter-sets", "sprop-vps", "sprop-sps", "sprop-pps")
        texts = [part for name in names for part in self.parameters.get(name, "").split(",") if part.strip()]
        found: list[bytes] = []
        for text in texts:
            try:
                found.append(base64.b64decode(text.strip(), validate=True))
            except binascii.Error, ValueError:
                continue
        return tuple(nal for nal in found if nal)


@dataclass(frozen=True, slots=True)
class SessionDescription:
    """What DESCRIBE told. `control` is the address PLAY and TEARDOWN go to."""

    control: str
    media: tuple[MediaDescription, ...]

    def first(self, kind: str) -> MediaDescription | None:
        """Return the first media track of a kind such as "video"."""
        return next((media for media in self.media if media.kind == kind), None)


@dataclass(slots=True)
class _Draft:
    kind: str
    payload_type: int
    attributes: list[tuple[str, str]] = field(default_factory=list)


def resolve_control(base: str, control: str) -> str:
    """Return the absolute address of a control attribute; raises NvrResponseError when it is none.

    Recorders put the query of the asked address into their base ("…/tracks/101/?starttime=…/"), so a relative name
    is appended, as their own clients do, rather than resolved against the path alone.
    """
    if control in {"", "*"}:
        return base
    try:
        if urlsplit(control).scheme.lower() in {"rtsp", "rtsps"}:
            return control
        if control.startswith("/"):
            return urljoin(base.replace("rtsp", "http", 1), control).replace("http", "rtsp", 1)
    except ValueError:
        msg = "a session description that names something that is no address"
        raise NvrResponseError(msg) from None
    return base + control if base.endswith("/") else f"{base}/{control}"


def _split(text: str) -> tuple[list[tuple[str, str]], list[_Draft]]:
    lines = text.splitlines()
    if len(lines) > _MAX_LINES:
        msg = "a session description with too many lines"
        raise NvrResponseError(msg)
    general: list[tuple[str, str]] = []
    drafts: list[_Draft] = []
    for line in lines:
        key, _, value = line.strip().partition("=")
        if key == "m":
            words = value.split()
            payload = words[3] if len(words) > 3 else ""  # m=<kind> <port> <proto> <format>
            if payload.isascii() and payload.isdigit():
                drafts.append(_Draft(words[0].lower(), int(payload)))
            else:
                drafts.append(_Draft("unknown", -1))
        elif key == "a":
            name, _, rest = value.partition(":")
            (drafts[-1].attributes if drafts else general).append((name.strip().lower(), rest.strip()))
    return general, drafts


def _parse_format(value: str) -> tuple[int, str]:
    number, _, rest = value.partition(" ")
    return (int(number) if number.isascii() and number.isdigit() else -1), rest.strip()


def _number(text: str) -> int:
    text = text.strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0


def _parameters(text: str) -> dict[str, str]:
    pairs = (part.strip().partition("=") for part in text.split(";"))
    return {name.strip().lower(): value.strip() for name, _, value in pairs if name.strip()}


def _finish(draft: _Draft, base: str) -> MediaDescription:
    encoding, rate = _STATIC_NAMES.get(draft.payload_type, ("", 90_000))
    parameters: dict[str, str] = {}
    control, channels, sends = "", 1, True
    for name, value in draft.attributes:
        if name == "control":
            control = value
        elif name in {"sendonly", "inactive"}:
            sends = False  # directions are written from our side: it is we who would send
        elif name in {"rtpmap", "fmtp"}:
            number, rest = _parse_format(value)
            if number != draft.payload_type:
                continue
            if name == "fmtp":
                parameters |= _parameters(rest)
                continue
            encoding, _, tail = rest.partition("/")
            clock, _, count = tail.partition("/")
            rate = _number(clock) or rate
            channels = _number(count) or channels
    return MediaDescription(
        draft.kind, draft.payload_type, encoding.strip().upper(), rate, resolve_control(base, control), parameters,
        channels, sends,
    )  # fmt: skip


def parse_sdp(body: bytes, base: str) -> SessionDescription:
    """Return the description; `base` is Content-Base or the asked address. Raises NvrResponseError without media."""
    general, drafts = _split(body.decode("utf-8", "replace"))
    control = next((value for name, value in general if name == "control"), "")
    media = tuple(_finish(draft, base) for draft in drafts if draft.payload_type >= 0)
    if not media:
        msg = "the recorder described a stream without media"
        raise NvrResponseError(msg)
    return SessionDescription(resolve_control(base, control), media)
