"""loadfile.cgi of the simulated unit: a cut by time, with every defect seen (dahua-cgi 11.2, 11.3; 19, item 11)."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

from tests.simulators.footage import Span
from tests.simulators.video.profile import VideoProfile, from_ticks, gop_bounds, to_ticks

from ..webserver import Request, Response
from .bulk import BulkDhav
from .cameras import video_profile
from .catalogue import STREAMS, Catalogue, StreamName
from .conditions import ConditionError, window
from .device import DahuaDevice
from .dhav import dhav_stream
from .router import Router, bad_request, text
from .transfers import Transfer, bulk_of

_PREAMBLE = 8_000, 13_000
_EARLY, _DRIFT = -36.0, 47.0


@dataclass(frozen=True, slots=True)
class Cut:
    """What is sent: spans of footage, and the moment before which frames are left out."""

    channel: int
    stream: StreamName
    profile: VideoProfile
    spans: tuple[Span, ...]
    since: datetime | None
    size: int
    bulk: BulkDhav | None = None


def preamble(rng: Random, kind: str) -> bytes:
    """Return the bytes that stand before the first frame, without its magic unless `kind` is false."""
    if kind == "none":
        return b""
    data = rng.randbytes(rng.randint(*_PREAMBLE)).replace(b"DHAV", b"dHaV").replace(b"D", b"d")
    if kind != "false":
        return data
    middle = len(data) // 2
    lie = b"DHAV\xfd\x00\x00\x00" + rng.randbytes(4) + (90_000).to_bytes(4, "little") + rng.randbytes(7) + b"\x00"
    return data[:middle] + lie + data[middle + len(lie) :]


class LoadfilePages:
    """startLoad."""

    def __init__(self, device: DahuaDevice, catalogue: Catalogue) -> None:
        self._device = device
        self._catalogue = catalogue
        self._aborted = 0
        self._rng = Random("loadfile")

    def register(self, router: Router) -> None:
        """Add the call."""
        router.cgi("loadfile.cgi", "startLoad", self.load, right="playback")
        self._device.on_boot.append(self._recover)

    def _recover(self) -> None:
        self._aborted = 0

    def _ended(self, whole: bool) -> None:
        self._aborted += not whole

    def load(self, request: Request) -> Response:
        """Answer footage of [startTime, endTime), or one of the many ways not to."""
        faults = self._device.faults.loadfile
        if faults.status or (faults.wedge_after and self._aborted >= faults.wedge_after):
            return text(["Error", "Bad Request!"], faults.status or 400)
        number, subtype = request.query.get("channel", ""), request.query.get("subtype", "0")
        found = self._device.stream(int(number), int(subtype)) if (number + subtype).isdecimal() else None
        if found is None or not number or found[0].number not in self._device.footage.plans:
            return bad_request()
        try:
            start, end = window(self._device, request.query.get("startTime"), request.query.get("endTime"))
        except ConditionError:
            return bad_request()
        cut = self.cut(found[0].number, STREAMS[int(subtype)], video_profile(found[1]), (start, end))
        if cut is None:
            return text(["Error", "Bad Request!"])  # 200, and no footage (dahua-cgi 11.2)
        head = preamble(self._rng, faults.preamble)
        nothing = faults.empty > 0 or (faults.empty_on_five and self._on_five(start))
        faults.empty = max(0, faults.empty - 1)
        transfer = Transfer(self._device, faults, lambda: self._chunks(cut, head, nothing=nothing), self._ended)
        length = len(head) + cut.size if faults.length else None
        return transfer.response(length=length, content_type="application/http")

    def _on_five(self, start: datetime) -> bool:
        wall = self._device.wall(start)
        return wall.minute % 5 == 0 and wall.second == 0

    def cut(self, channel: int, stream: StreamName, profile: VideoProfile, asked: Span) -> Cut | None:
        """Return what a request gets; None when nothing is recorded there."""
        faults, catalogue = self._device.faults.loadfile, self._catalogue
        off = timedelta(seconds=self._drift(asked[0]) if faults.seek == "drift" else float(faults.seek))
        start, end = asked[0] + off, asked[1] + off
        if faults.truncate:
            files = catalogue.files(channel, stream, start, end)
            end = min(end, files[0].end) if files else end
        spans = catalogue.playable(channel, start, end)
        if not spans:
            return None
        first = spans[0][0]
        border = from_ticks(gop_bounds(profile, channel, to_ticks(first))[0])
        before = catalogue.playable(channel, border, first + timedelta(milliseconds=1))
        begin = before[-1][0] if before else first
        spans = [(begin, spans[0][1]), *spans[1:]]
        since = first if self._device.faults.dhav.mid_group else None
        seconds = sum((b - a).total_seconds() for a, b in spans)
        bulk = bulk_of(self._device, channel, (begin, spans[-1][1]))
        size = max(64, int(seconds * catalogue.rate(channel, stream))) if bulk is None else bulk.size
        return Cut(channel, stream, profile, tuple(spans), since, size, bulk)

    @staticmethod
    def _drift(start: datetime) -> float:
        """Return how far off a cut by byte position is: another value for each place in the hour."""
        return round(_EARLY + _DRIFT * (start.timestamp() % 3600) / 3600)

    async def _chunks(self, cut: Cut, head: bytes, *, nothing: bool) -> AsyncIterator[bytes]:
        if nothing:
            return
        yield head
        async for chunk in cut.bulk or dhav_stream(
            self._device.studio,
            cut.channel,
            cut.profile,
            cut.spans,
            size=cut.size,
            since=cut.since,
            damage_every=self._device.faults.dhav.damage_every,
        ):
            yield chunk


def register(router: Router, device: DahuaDevice) -> None:
    """Plug loadfile.cgi into the unit, with the defects of its firmware."""
    faults = device.faults.loadfile
    if device.firmware.key == "quirk200":
        faults.seek, faults.empty_on_five, faults.truncate = "drift", True, True
    if device.firmware.key == "nv4116":
        faults.wedge_after = 3
    LoadfilePages(device, Catalogue(device.footage, device.firmware)).register(router)
