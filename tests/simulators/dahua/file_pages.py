"""RPC_Loadfile and RPC3_Loadfile: whole files, stored stills and single key frames (dahua-cgi 11.1, 11.4)."""

import base64
from collections.abc import AsyncIterator
import json
import re
from typing import Any

from tests.simulators.video.bitstream import join_annexb
from tests.simulators.video.profile import from_ticks, gop_bounds, to_ticks

from ..webserver import Request, Response
from .cameras import video_profile
from .catalogue import STREAMS, Catalogue, DahuaFile
from .conditions import ConditionError, parse_time
from .device import DahuaDevice
from .dhav import DhavWriter, dhav_stream
from .router import Code, Router, RpcError, bad_request, missing
from .transfers import Transfer, bulk_of

_FOLDER = "/RPC_Loadfile"
_INDEX = b"DHII" + bytes(1020)
_BOUNDARY = "nvrdemoboundary"
_COOKIE = re.compile(r"(?:WebClientSessionID|WebClientHttpSessionID)=(\w+)")
_ENCODED = re.compile(r"[\[\]@]")


class FilePages:
    """Files by path."""

    def __init__(self, device: DahuaDevice, catalogue: Catalogue) -> None:
        self._device = device
        self._catalogue = catalogue

    def register(self, router: Router) -> None:
        """Add the paths."""
        router.prefix("GET", f"/cgi-bin{_FOLDER}/", self.load, right="playback")
        router.prefix("GET", f"{_FOLDER}/", self.by_session, right="playback")

    async def by_session(self, request: Request) -> Response:
        """Answer the same to a cookie of RPC2 in place of a login."""
        numbers = _COOKIE.findall(request.headers.get("cookie", ""))
        if not any(self._device.session_of(number, request.peer) for number in numbers):
            return Response(401, b"", "text/html")
        return await self.load(request)

    async def load(self, request: Request) -> Response:
        """Answer a file in one piece."""
        faults = self._device.faults.file
        if self._device.lacks("RPC_Loadfile"):
            return missing(self._device.firmware.missing)
        target = request.target.partition("?")[0]
        if faults.status:
            return Response(faults.status, b"Error\r\nBad Request!\r\n", "text/plain")
        wrong = {"encoded": _ENCODED.search(target), "raw": "%" in target}.get(faults.spelling)
        file = self._catalogue.named(request.path.partition(_FOLDER)[2])
        if file is None or wrong:
            return bad_request()
        return await self._still(file) if file.jpg else self._footage(file)

    def _multipart(self) -> bool:
        asked = self._device.faults.file.multipart
        return self._device.firmware.loadfile_multipart if asked is None else asked

    def _footage(self, file: DahuaFile) -> Response:
        faults = self._device.faults.file
        found = self._device.stream(file.channel, STREAMS.index(file.stream))
        if found is None:
            return bad_request()
        index = _INDEX if faults.dhii else b""
        bulk = bulk_of(self._device, file.channel, (file.start, file.end))
        length = (file.size if bulk is None else bulk.size) + len(index)
        head, tail = _parts(length) if self._multipart() else (b"", b"")

        async def chunks() -> AsyncIterator[bytes]:
            yield head + index
            async for chunk in bulk or dhav_stream(
                self._device.studio,
                file.channel,
                video_profile(found[1]),
                self._catalogue.span_of(file),
                size=file.size,
                damage_every=self._device.faults.dhav.damage_every,
            ):
                yield chunk
            yield tail

        kind = f"multipart/mixed; boundary={_BOUNDARY}" if head else faults.content_type
        return Transfer(self._device, faults, chunks).response(length=length + len(head) + len(tail), content_type=kind)

    async def _still(self, file: DahuaFile) -> Response:
        data = await self._device.studio.jpeg(file.channel, file.start)
        extra = self._device.faults.file.jpg_extra
        if not extra:
            return Response(200, data, "image/jpeg")

        async def chunks() -> AsyncIterator[bytes]:
            yield data

        transfer = Transfer(self._device, self._device.faults.file, chunks)
        return transfer.response(length=len(data) + extra, content_type="image/jpeg")


def _parts(length: int) -> tuple[bytes, bytes]:
    """Return what stands before and behind a payload of `length` bytes in a multipart answer."""
    status = json.dumps({"result": True, "params": {"length": length}}).encode()
    head = (
        f"--{_BOUNDARY}\r\nContent-Type: application/json\r\nContent-Length: {len(status)}\r\n\r\n".encode()
        + status
        + f"\r\n--{_BOUNDARY}\r\nContent-Type: application/http\r\nContent-Length: {length}\r\n\r\n".encode()
    )
    return head, f"\r\n--{_BOUNDARY}--\r\n".encode()


class KeyFrames:
    """StorageAssistant.getIFrameData: one picture of a moment."""

    def __init__(self, device: DahuaDevice, catalogue: Catalogue) -> None:
        self._device = device
        self._catalogue = catalogue

    def register(self, router: Router) -> None:
        """Add the path."""
        router.path("POST", "/RPC3_Loadfile", self.page)

    async def page(self, request: Request) -> Response:
        """Answer the key picture at or before a moment; the session is in the call and in a header."""
        try:
            call = json.loads(request.body)
        except ValueError:
            return Response(400, b"", "text/html")
        if not isinstance(call, dict):
            return Response(400, b"", "text/html")
        number = call.get("session")
        if request.headers.get("x-api-session") != str(number) or not self._device.session_of(number, request.peer):
            return self._refuse(call, Code.SESSION_INVALID)
        if self._device.lacks("StorageAssistant") or call.get("method") != "StorageAssistant.getIFrameData":
            return self._refuse(call, Code.INTERFACE_NOT_FOUND)
        return await self._answer(call)

    def _refuse(self, call: dict[str, Any], code: Code) -> Response:
        error = RpcError(code)
        return self._json(call, {"result": False, "error": {"code": int(code), "message": error.message}})

    async def _answer(self, call: dict[str, Any]) -> Response:
        infos = (call.get("params") or {}).get("Infos")
        wanted = infos[0] if isinstance(infos, list) and infos else infos
        try:
            data = await self._picture(wanted)
        except ConditionError:
            return self._refuse(call, Code.PARAM_INVALID)
        encoded = base64.b64encode(data)
        match self._device.faults.file.iframe:
            case "base64":
                return Response(200, encoded, "text/plain")
            case "multipart":
                head, tail = _parts(len(data))
                return Response(200, head + data + tail, f"multipart/mixed; boundary={_BOUNDARY}")
        return self._json(call, {"result": True, "params": {"body": encoded.decode(), "Length": len(data)}})

    @staticmethod
    def _json(call: dict[str, Any], values: dict[str, Any]) -> Response:
        answer = {"id": call.get("id"), "session": call.get("session"), **values}
        return Response(200, json.dumps(answer).encode(), "application/json")

    async def _picture(self, wanted: object) -> bytes:
        if not isinstance(wanted, dict) or not isinstance(wanted.get("Channel"), int):
            raise ConditionError
        number, role = wanted["Channel"] + 1, wanted.get("VideoStream", "Main")
        found = self._device.stream(number, STREAMS.index(role)) if role in STREAMS else None
        moment = self._device.true(parse_time(wanted.get("Time")))
        if found is None:
            raise ConditionError
        profile = video_profile(found[1])
        start, end = (from_ticks(ticks) for ticks in gop_bounds(profile, number, to_ticks(moment)))
        spans = self._catalogue.playable(number, start, end)
        if not spans:
            raise ConditionError
        first = profile.first_frame(to_ticks(spans[0][0]))
        gop = await self._device.studio.gop(number, profile, first, first + profile.frame_ticks)
        if self._device.faults.file.iframe_dhav:
            return DhavWriter(self._device.clock, profile, number).group(gop, ())[0]
        nals = gop.units[0].nals
        return join_annexb(nals if nals[0] in gop.parameter_sets else gop.parameter_sets + nals)


def register(router: Router, device: DahuaDevice) -> None:
    """Plug files into the unit."""
    catalogue = Catalogue(device.footage, device.firmware)
    FilePages(device, catalogue).register(router)
    KeyFrames(device, catalogue).register(router)
