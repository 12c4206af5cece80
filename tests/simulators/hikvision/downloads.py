"""ContentMgmt/download of the simulated recorder (hikvision-isapi 10; 19, item 14)."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from io import BytesIO
from random import Random
import re
import time
from typing import Any
from urllib.parse import parse_qs, urlsplit
from xml.etree import ElementTree as ET

import av

from tests.simulators.footage import RecordedFile
from tests.simulators.mpegps import program_stream
from tests.simulators.video.profile import VideoProfile
from tests.simulators.video.studio import Studio

from ..webserver import Request, Response, Sink
from .bulk import bulk_program_stream
from .device import Device
from .router import Code, Router, failure, unsupported, xml
from .rtsp_paths import video_profile
from .search import SearchPages, parse_digits
from .settings import child_text
from .xmlout import el, fields

# The private header that stands before the first pack: "IMKH", then 36 bytes nobody outside reads.
_PRIVATE_HEADER = b"IMKH\x01\x02\x00\x00\x04\x00\x00\x01\x00\x00\x00\x00".ljust(40, b"\x00")
_TRACK = re.compile(r"/Streaming/tracks/(\d+)/?\Z", re.IGNORECASE)
_SOON = 2.0
_TRICKLE = 1000


@dataclass(slots=True)
class Wanted:
    """What a playbackURI names: a file, or a span by time."""

    track: int
    start: datetime
    end: datetime
    file: RecordedFile | None
    size: int | None = None


class DownloadError(Exception):
    """A request the recorder refuses."""

    def __init__(self, sub: str, code: Code = Code.BAD_CONTENT, http: int = 400) -> None:
        super().__init__(sub)
        self.sub, self.code, self.http = sub, code, http


class Downloads:
    """Sends files as program streams, one at a time."""

    def __init__(self, device: Device, search: SearchPages, studio: Studio) -> None:
        self._device = device
        self._search = search
        self._studio = studio
        self._ended = 0.0
        self._rng = Random("downloads")

    def register(self, router: Router) -> None:
        """Add the paths."""
        path = "/ISAPI/ContentMgmt/download"
        router.add("GET|POST", path, self.download, right="playback", cost="download", free=True)
        router.add("GET", f"{path}/capabilities", self.capabilities, right="playback")

    def capabilities(self, _request: Request, _argument: str) -> Response:
        """Answer which forms of download there are."""
        faults = self._device.faults.download
        parts = fields(isSupportDownloadbyFileName=faults.by_name, isSupportDownloadbyTime=faults.by_time)
        return xml(self._device, el("DownloadAbility", parts))

    async def download(self, request: Request, _argument: str) -> Response:
        """Answer a file, or one of the many ways not to."""
        device, faults, counters = self._device, self._device.faults.download, self._device.counters
        if faults.status:
            return unsupported(device, request, faults.status)
        if faults.ok_status:
            faults.ok_status -= 1
            return failure(device, request, 200, Code.DEVICE_ERROR, "deviceError")
        if counters.downloads_active >= faults.concurrency:
            return failure(device, request, 503, Code.BUSY, "deviceBusy")
        if time.monotonic() - self._ended < _SOON and self._rng.random() < faults.fail_soon:
            return failure(device, request, 400, Code.BAD_CONTENT, "badParameters")
        try:
            wanted = self.wanted(self._uri(request))
        except DownloadError as refusal:
            return failure(device, request, refusal.http, refusal.code, refusal.sub)
        counters.downloads += 1
        if wanted.track % 100 == 3:
            return Response(200, await self._studio.jpeg(wanted.track // 100, wanted.start), "image/jpeg")
        return self._answer(wanted)

    def _uri(self, request: Request) -> str:
        """Return the playbackURI from where this firmware looks for it."""
        verbs = self._device.faults.download.verbs.split(",")
        if "query" in verbs and request.method == "GET" and "playbackuri" in {k.lower() for k in request.query}:
            uri = next(v for k, v in request.query.items() if k.lower() == "playbackuri")
        elif request.body and request.method.lower() in verbs:
            try:
                uri = child_text(ET.fromstring(request.body), "playbackURI") or ""
            except ET.ParseError:
                raise DownloadError("badXmlFormat", Code.BAD_FORMAT) from None
        else:
            raise DownloadError("methodNotAllowed", Code.INVALID_OPERATION, 403)
        return re.sub(r"\s", "", uri)

    def wanted(self, uri: str) -> Wanted:
        """Return what an address names. Raises DownloadError."""
        faults, split = self._device.faults.download, urlsplit(uri)
        match = _TRACK.search(split.path)
        query = {key.lower(): values[-1] for key, values in parse_qs(split.query).items()}
        if match is None or int(match[1]) // 100 not in self._device.channels:
            raise DownloadError("badParameters")
        wire = self._search.playback_wire
        try:
            start, end = wire.decode(parse_digits(query["starttime"])), wire.decode(parse_digits(query["endtime"]))
        except KeyError, ValueError:
            raise DownloadError("badParameters") from None
        track = int(match[1])
        if track % 100 == 3:
            return Wanted(track, start, end, None)
        if faults.by_name and query.get("name") and (query.get("size") or not faults.need_size):
            file = self._device.footage.file_named(query["name"])
            if file is None:
                raise DownloadError("badParameters")
            if faults.whole_file:
                return Wanted(track, file.start, file.end, file, file.size)
            return Wanted(track, max(start, file.start), min(end, file.end), file)
        if faults.by_time:
            spans = self._device.footage.recorded(track // 100, start, end)
            if not spans:
                raise DownloadError("badParameters")
            return Wanted(track, spans[0][0], spans[-1][1], None)
        raise DownloadError("badParameters")

    def _answer(self, wanted: Wanted) -> Response:
        faults = self._device.faults.download

        async def body(sink: Sink) -> None:
            await self._send(sink, wanted)

        wanted.size = self._device.options.bulk or wanted.size
        length = wanted.size if faults.length and faults.container != "mp4" else None
        kind = "video/mp4" if faults.container == "mp4" else "application/octet-stream"
        self._device.counters.downloads_active += 1
        return Response(
            200, content_type=kind, stream=body, length=length, raw=not faults.length, finished=self._finished
        )

    def _finished(self) -> None:
        self._device.counters.downloads_active -= 1
        self._ended = time.monotonic()

    def _profile(self, wanted: Wanted) -> VideoProfile:
        number, index = divmod(wanted.track, 100)
        return video_profile(self._device.channels[number].streams[2 if index == 2 else 1])

    def _chunks(self, wanted: Wanted) -> AsyncIterator[bytes]:
        header = _PRIVATE_HEADER if self._device.faults.download.container == "imkh" else b""
        if self._device.options.bulk is not None:
            return bulk_program_stream(self._device.options.bulk, header)
        return program_stream(
            self._studio,
            wanted.track // 100,
            self._profile(wanted),
            wanted.start,
            wanted.end,
            header=header,
            size=wanted.size,
        )

    async def _send(self, sink: Sink, wanted: Wanted) -> None:
        faults = self._device.faults.download
        sent = 0
        await asyncio.sleep(faults.first_byte)
        if faults.drops:
            faults.drops -= 1
            sink.abort()
            return
        if faults.container == "mp4":
            await sink.write(await self._mp4(wanted))
            return
        async for chunk in self._chunks(wanted):
            for piece in self._pieces(chunk):
                if faults.cut_after and sent >= faults.cut_after:
                    sink.abort()
                    return
                await sink.write(piece)
                sent += len(piece)
                if faults.trickle:
                    await asyncio.sleep(len(piece) / _TRICKLE)
                elif faults.rate:
                    await asyncio.sleep(len(piece) / faults.rate)

    def _pieces(self, chunk: bytes) -> list[bytes]:
        faults = self._device.faults.download
        if not (faults.trickle or faults.rate or faults.cut_after):
            return [chunk]
        size = 250 if faults.trickle else 64 * 1024
        return [chunk[at : at + size] for at in range(0, len(chunk), size)]

    async def _mp4(self, wanted: Wanted) -> bytes:
        """Return the footage as a real MP4, as newer cameras send it; at most two minutes."""
        wanted.size = None
        wanted.end = min(wanted.end, wanted.start + timedelta(minutes=2))
        data = b"".join([chunk async for chunk in self._chunks(wanted)])
        return await asyncio.to_thread(_remux, data)


def _remux(data: bytes) -> bytes:
    """Copy the video of a program stream into an MP4."""
    output = BytesIO()
    with av.open(BytesIO(data), "r", format="mpeg") as source, av.open(output, "w", format="mp4") as target:
        stream: Any = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                target.mux(packet)
    return output.getvalue()
