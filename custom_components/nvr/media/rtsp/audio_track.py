"""The sound of one playback session: which track is taken, and its packets as units with their moments."""

import binascii
from collections.abc import Mapping

from ...core.errors import NvrResponseError
from ..aac import AacConfig, parse_config, parse_mux_config
from ..audio import AudioFormat, AudioUnit
from .audio_clock import AudioClock
from .audio_rtp import AacDepacketizer, AudioDepacketizer, AudioPacket, LatmDepacketizer, SampleDepacketizer
from .messages import InterleavedFrame
from .order import PacketOrder
from .rtp import SenderReport, parse_rtcp, parse_rtp
from .sdp import MediaDescription, SessionDescription
from .wallclock import WallClock, parse_rtptime

_MOST_WAITING = 500
# Decoder, bits per sample, samples per tick of RTP time: G.722 counts half of them (RFC 3551 4.5.2).
_SAMPLES: Mapping[str, tuple[str, int, int]] = {
    "PCMU": ("pcm_mulaw", 8, 1),
    "PCMA": ("pcm_alaw", 8, 1),
    "G722": ("g722", 4, 2),
    "G726-16": ("g726le", 2, 1),
    "G726-24": ("g726le", 3, 1),
    "G726-32": ("g726le", 4, 1),
    "G726-40": ("g726le", 5, 1),
    "L16": ("pcm_s16be", 16, 1),
    "PCM": ("pcm_s16le", 16, 1),  # hikvision-isapi 6.2: little endian, whatever the payload number says
}


def _width(text: str) -> int:
    """Return how many bits a field of RFC 3640 has; 0 for none."""
    return min(int(text), 16) if text.isascii() and text.isdecimal() and len(text) < 4 else 0


def _aac(media: MediaDescription) -> tuple[AacConfig, AudioDepacketizer] | None:
    """Return what an AAC track is and how to take it apart; None when its description does not say enough."""
    parameters = media.parameters
    latm = media.encoding == "MP4A-LATM"
    if latm and parameters.get("cpresent", "1") != "0":
        return None
    try:
        data = binascii.unhexlify(parameters.get("config", "").strip('"'))
        config = parse_mux_config(data) if latm else parse_config(data)
    except ValueError, NvrResponseError:
        return None
    ticks = config.frame * media.clock_rate // config.rate
    if latm:
        return config, LatmDepacketizer(ticks)
    size, index, delta = (
        _width(parameters.get(name, "")) for name in ("sizelength", "indexlength", "indexdeltalength")
    )
    return config, AacDepacketizer(size, index, delta, ticks)


def choose(description: SessionDescription) -> tuple[MediaDescription, AudioFormat, AudioDepacketizer] | None:
    """Return the first track of sound that the recorder sends and that can be read; None for silent footage."""
    for media in description.media:
        if media.kind != "audio" or not media.sends:
            continue
        if media.encoding in _SAMPLES:
            decoder, bits, factor = _SAMPLES[media.encoding]
            return media, AudioFormat(decoder, media.clock_rate * factor, media.channels, bits), SampleDepacketizer()
        if media.encoding in {"MPEG4-GENERIC", "MP4A-LATM"} and (found := _aac(media)) is not None:
            config, depacketizer = found
            return media, AudioFormat("aac", config.rate, config.channels, config=config), depacketizer
    return None


class AudioTrack:
    """Collects what is heard; `correction` is by how much the units of earlier takes must be moved."""

    def __init__(
        self, media: MediaDescription, source: AudioFormat, depacketizer: AudioDepacketizer, pictures: WallClock
    ) -> None:
        """Prepare; no I/O."""
        self.source = source
        self.channel, self.report_channel = 2, 3
        self.correction = 0
        self._control = media.control
        self._payload_type = media.payload_type
        self._order = PacketOrder()
        self._depacketizer = depacketizer
        self._clock = AudioClock(pictures, media.clock_rate)
        self._waiting: list[AudioPacket] = []
        self._units: list[AudioUnit] = []

    @classmethod
    def of(cls, description: SessionDescription, pictures: WallClock) -> tuple[MediaDescription, AudioTrack] | None:
        """Return the track to set up and what takes it; None for silent footage."""
        found = choose(description)
        return None if found is None else (found[0], cls(*found, pictures))

    def play_answer(self, rtp_info: str, pictures: str) -> None:
        """Take the RTP-Info of the PLAY answer; `pictures` is the control address of the other track."""
        if "," in rtp_info:
            self._clock.play_answer(parse_rtptime(rtp_info, pictures), parse_rtptime(rtp_info, self._control))

    def take(self, frame: InterleavedFrame) -> bool:
        """Take a frame of the connection; False when it belongs to somebody else."""
        if frame.channel == self.report_channel:
            for report in parse_rtcp(frame.payload):
                if isinstance(report, SenderReport):
                    self._clock.sender_report(report.ntp, report.rtp)
            return True
        if frame.channel != self.channel:
            return False
        packet = parse_rtp(frame.payload)
        if packet is not None and packet.payload_type == self._payload_type:
            for ordered in self._order.push(packet):
                self._waiting += self._depacketizer.push(ordered)
            self._date()
        return True

    def corrected(self, shift: int) -> None:
        """Take over that the pictures were dated wrongly."""
        self._clock.corrected(shift)
        self._correct()

    def units(self) -> list[AudioUnit]:
        """Return what was heard since the last time."""
        units, self._units = self._units, []
        return units

    def _date(self) -> None:
        del self._waiting[:-_MOST_WAITING]
        while self._waiting:
            moment = self._clock.time_of(self._waiting[0].timestamp)
            if moment is None:
                return
            self._correct()
            self._units.append(AudioUnit(moment, self._waiting.pop(0).data))

    def _correct(self) -> None:
        shift = self._clock.take_correction()
        if shift:
            self.correction += shift
            for unit in self._units:
                unit.time += shift
