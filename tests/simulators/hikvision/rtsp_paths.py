"""What RTSP addresses of the simulated recorder mean (hikvision-isapi 6.2 and 9.1)."""

from datetime import timedelta
from fractions import Fraction
import re
from urllib.parse import parse_qs, urlsplit

from tests.simulators.clock import WireClock
from tests.simulators.rtsp import (
    LiveTarget,
    PlaybackTarget,
    Refusal,
    Request as RtspRequest,
    SdpStyle,
    Target,
)
from tests.simulators.video.profile import AudioProfile, Camera, GopRule, VideoProfile
from tests.simulators.video.scenes import scene_named

from .device import Device, SimChannel, StreamSettings
from .search import parse_digits

_LIVE = re.compile(r"/(?:ISAPI/)?Streaming/Channels/0*(\d+)/?\Z", re.IGNORECASE)
_OLD = re.compile(r"/(?:h264|h265|mpeg4)/ch(\d+)/(main|sub)/av_stream/?\Z", re.IGNORECASE)
_TRACK = re.compile(r"/(?:ISAPI/)?Streaming/tracks/(\d+)/?\Z", re.IGNORECASE)
_STREAM_ROLES = {1: "main", 2: "sub", 3: "third", 4: "transcoded"}
_AUDIO = {
    "G.711ulaw": AudioProfile("pcmu"),
    "G.711alaw": AudioProfile("pcma"),
    "AAC": AudioProfile("aac", 16_000),
    # Named PCM at 48 kHz under the static number of another format, as one camera does.
    "PCM": AudioProfile("pcm_s16le", 48_000, 11, "PCM/48000"),
}
_MEDIA_HEADER = (
    "a=Media_header:MEDIAINFO=494D4B4801020000040000010000000000000000000000000000000000000000000000000000000000;"
)


def video_profile(settings: StreamSettings) -> VideoProfile:
    """Return how the studio makes what an encoder is set to."""
    return VideoProfile(
        codec="h265" if settings.codec == "H.265" else "h264",
        width=settings.width,
        height=settings.height,
        fps=settings.fps,
        gop=GopRule(settings.gop_seconds),
        bit_rate=min(settings.kbps, 1024) * 1000,
        audio=_AUDIO.get(settings.audio or ""),
    )


def camera_of(channel: SimChannel) -> Camera:
    """Return the studio's camera for a channel."""
    streams = {_STREAM_ROLES[index]: video_profile(settings) for index, settings in channel.streams.items()}
    return Camera(channel.number, channel.name, streams, scene=scene_named(channel.name))


class PathResolver:
    """Turns a URL into a live stream, a piece of footage, or a refusal."""

    def __init__(self, device: Device) -> None:
        self._device = device
        self.case_sensitive = False

    def resolve(self, request: RtspRequest) -> Target | Refusal:
        """Return what a request's URL means."""
        split = urlsplit(request.url)
        path = split.path
        if match := _TRACK.match(path):
            query = {key.lower(): values[-1] for key, values in parse_qs(split.query).items()}
            return self._playback(int(match[1]), query)
        if match := _LIVE.match(path):
            if self.case_sensitive and "/Streaming/Channels/" not in path:
                return Refusal(404)
            return self._live(int(match[1]))
        if match := _OLD.match(path):
            number = int(match[1])
            number = number - 32 + self._device.analog if number > 32 else number
            return self._live(number * 100 + (1 if match[2].lower() == "main" else 2))
        return Refusal(404)

    def _found(self, stream_id: int) -> tuple[SimChannel, StreamSettings] | Refusal:
        if stream_id < 100 and self._device.is_camera:
            stream_id += 100
        found = self._device.stream(stream_id)
        return found if found is not None else Refusal(404)

    def _live(self, stream_id: int) -> Target | Refusal:
        found = self._found(stream_id)
        if isinstance(found, Refusal):
            return found
        channel, settings = found
        if not channel.online or not settings.enabled:
            return Refusal(404)
        speaker = self._device.speakers.get(channel.number)
        style, wire = self._style(settings), self._wire()
        return LiveTarget(channel.number, video_profile(settings), sdp=style, wire=wire, speaker=speaker)

    def _style(self, settings: StreamSettings) -> SdpStyle:
        rate = Fraction(settings.fps).limit_denominator(1000)
        return SdpStyle(video_lines=(f"a=framerate:{float(rate):g}",), tail_lines=(_MEDIA_HEADER,))

    def _wire(self) -> WireClock:
        faults = self._device.faults.search
        mode = faults.playback_mode or faults.mode
        return WireClock(self._device.clock, "utc" if mode == "utc" else "local")

    def _playback(self, track: int, query: dict[str, str]) -> Target | Refusal:
        index = track % 100
        if index == 2 and not self._device.faults.search.sub_tracks:
            return Refusal(404)
        found = self._found(track // 100 * 100 + (2 if index == 2 else 1))
        if isinstance(found, Refusal):
            return found
        channel, settings = found
        wire = self._wire()
        try:
            start = wire.decode(parse_digits(query["starttime"]))
            end = wire.decode(parse_digits(query["endtime"])) if query.get("endtime") else None
        except KeyError, ValueError:
            return Refusal(400)
        if end is not None and end <= start:
            end = start + timedelta(seconds=1)
        profile = video_profile(settings)
        return PlaybackTarget(channel.number, profile, start, end, wire, self._style(settings))
