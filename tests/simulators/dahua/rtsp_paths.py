"""What RTSP addresses of the simulated Dahua unit mean (dahua-cgi 8.2, 10; 19, item 14), and who may use them."""

from datetime import datetime
import re
from urllib.parse import unquote, urlsplit

from tests.simulators.rtsp import (
    LiveTarget,
    PlaybackTarget,
    Refusal,
    Request as RtspRequest,
    RtspOptions,
    RtspServer,
    SdpStyle,
    Target,
)
from tests.simulators.rtsp.auth import Gatekeeper, SharedAccounts

from .auth import Authenticator
from .cameras import video_profile
from .catalogue import STREAMS, Catalogue
from .device import DahuaDevice, SimChannel, StreamSettings

_TIME = re.compile(r"(\d{4})_(\d{1,2})_(\d{1,2})_(\d{1,2})_(\d{1,2})_(\d{1,2})\Z")
_SESSION_SECONDS = 60.0


class PathResolver:
    """Turns a URL into a live stream, a piece of footage, or a refusal."""

    def __init__(self, device: DahuaDevice) -> None:
        self._device = device
        self._catalogue = Catalogue(device.footage, device.firmware)

    def resolve(self, request: RtspRequest) -> Target | Refusal:
        """Return what a request's URL means."""
        split = urlsplit(request.url)
        if split.path.startswith(("//", f"{self._device.firmware.file_root}/")):
            return self._file(f"/{unquote(split.path).strip('/')}")
        words, query = split.path.strip("/").split("/"), request.query
        match words:
            case ["cam", "realmonitor"]:
                timed = "starttime" in query and self._by_time("realmonitor")
                return self._timed(query) if timed else self._live(query)
            case ["cam", "playback"] if self._by_time("playback"):
                return self._timed(query)
            case [""] if self._device.is_camera:
                return self._live({"channel": "1", "subtype": "0"})
        return Refusal(404)

    def _by_time(self, form: str) -> bool:
        """Tell whether this firmware takes times in that path; elsewhere they mean nothing to it."""
        chosen = self._device.faults.playback.by_time
        if not chosen:
            return form in self._device.firmware.rtsp_times
        return chosen in {form, "both"}

    def _stream(self, query: dict[str, str]) -> tuple[SimChannel, StreamSettings, int] | Refusal:
        number, subtype = query.get("channel", ""), query.get("subtype", "0").rstrip("/")
        if not number.isdecimal() or not subtype.isdecimal():
            return Refusal(400)
        found = self._device.stream(int(number), int(subtype))
        return (*found, int(subtype)) if found is not None and found[1].enabled else Refusal(404)

    def _live(self, query: dict[str, str]) -> Target | Refusal:
        found = self._stream(query)
        if isinstance(found, Refusal):
            return found
        channel, settings, _ = found
        if not channel.live:
            return Refusal(404)
        # A way back is told of in the other kind of description only (dahua-cgi 8.2).
        speaker = self._device.speakers.get(channel.number) if query.get("proto", "").lower() == "onvif" else None
        return LiveTarget(channel.number, video_profile(settings), self._device.wire, _style(settings), speaker=speaker)

    def _timed(self, query: dict[str, str]) -> Target | Refusal:
        found = self._stream(query)
        if isinstance(found, Refusal):
            return found
        channel, settings, subtype = found
        start, end = _digits(query.get("starttime", "")), _digits(query.get("endtime", ""))
        if start is None or ("endtime" in query and end is None):
            return Refusal(400)
        begin = self._device.true(start)
        until = None if end is None else self._device.true(end)
        if (until is not None and until <= begin) or (subtype and not self._device.faults.playback.sub):
            return Refusal(404)
        profile = video_profile(settings)
        return PlaybackTarget(channel.number, profile, begin, until, self._device.wire, _style(settings), "blind")

    def _file(self, path: str) -> Target | Refusal:
        file = self._catalogue.named(path) if self._device.faults.playback.by_file else None
        found = None if file is None else self._device.stream(file.channel, STREAMS.index(file.stream))
        if file is None or found is None or file.jpg:
            return Refusal(404)
        profile, style = video_profile(found[1]), _style(found[1])
        return PlaybackTarget(file.channel, profile, file.start, file.end, self._device.wire, style, "npt")


def _style(settings: StreamSettings) -> SdpStyle:
    """Return how this vendor describes a stream."""
    return SdpStyle(
        session_name="Media Server",
        absolute_control=False,
        session_lines=("a=packetization-supported:DH", "a=rtppayload-supported:DH"),
        video_lines=(f"a=framerate:{settings.fps:.6f}",),
        dimensions=False,
        first_track=0,
        video_payload=98,
    )


def _digits(text: str) -> datetime | None:
    """Return the digits of `YYYY_MM_DD_HH_MM_SS`."""
    match = _TIME.match(text.rstrip("/"))
    if match is None:
        return None
    year, month, day, hour, minute, second = (int(part) for part in match.groups())
    try:
        return datetime(year, month, day, hour, minute, second)  # noqa: DTZ001
    except ValueError:
        return None


def rtsp_server(device: DahuaDevice, authenticator: Authenticator) -> RtspServer:
    """Return the unit's RTSP door; it ends playback in silence and wants a word from each client every minute."""
    options = RtspOptions(
        live_limit=device.options.rtsp_session_limit,
        playback_limit=device.options.playback_session_limit,
        session_timeout=_SESSION_SECONDS,
    )
    return RtspServer(
        device.studio,
        device.footage,
        PathResolver(device).resolve,
        gatekeeper=Gatekeeper(SharedAccounts(authenticator), realm=device.realm),
        options=options,
        host=device.options.host,
        port=device.options.rtsp_port,
    )
