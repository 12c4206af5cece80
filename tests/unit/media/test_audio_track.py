"""The sound of a session: which track is taken, and what becomes of its packets."""

import struct

import pytest

from custom_components.nvr.media.aac import make_config
from custom_components.nvr.media.audio import AudioFormat
from custom_components.nvr.media.rtsp.audio_rtp import AacDepacketizer, LatmDepacketizer, SampleDepacketizer
from custom_components.nvr.media.rtsp.audio_track import AudioTrack, choose
from custom_components.nvr.media.rtsp.messages import InterleavedFrame
from custom_components.nvr.media.rtsp.sdp import SessionDescription, parse_sdp
from custom_components.nvr.media.rtsp.wallclock import WallClock
from custom_components.nvr.media.ticks import RATE

START = 1_763_600_000 * RATE
HBR = "streamtype=5; mode=AAC-hbr; config=1408; SizeLength=13; IndexLength=3; IndexDeltaLength=3"


def described(*lines: str) -> SessionDescription:
    return parse_sdp("\n".join(("m=video 0 RTP/AVP 96", "a=rtpmap:96 H264/90000", *lines)).encode(), "rtsp://h/x")


def track(encoding: str, fmtp: str = "") -> tuple[str, ...]:
    return ("m=audio 0 RTP/AVP 104", f"a=rtpmap:104 {encoding}", f"a=fmtp:104 {fmtp}", "a=control:trackID=2")


@pytest.mark.parametrize(
    ("lines", "source", "kind"),
    [
        (("m=audio 0 RTP/AVP 0",), AudioFormat("pcm_mulaw", 8000, 1, 8), SampleDepacketizer),
        (("m=audio 0 RTP/AVP 8",), AudioFormat("pcm_alaw", 8000, 1, 8), SampleDepacketizer),
        (("m=audio 0 RTP/AVP 9",), AudioFormat("g722", 16_000, 1, 4), SampleDepacketizer),
        (track("G726-32/8000"), AudioFormat("g726le", 8000, 1, 4), SampleDepacketizer),
        (track("L16/44100/2"), AudioFormat("pcm_s16be", 44_100, 2, 16), SampleDepacketizer),
        (track("PCM/48000"), AudioFormat("pcm_s16le", 48_000, 1, 16), SampleDepacketizer),
        (
            track("mpeg4-generic/16000/1", HBR),
            AudioFormat("aac", 16_000, 1, config=make_config(16_000, 1)),
            AacDepacketizer,
        ),
        (
            track("MP4A-LATM/16000", "cpresent=0; config=400028103fc0"),
            AudioFormat("aac", 16_000, 1, config=make_config(16_000, 1)),
            LatmDepacketizer,
        ),
    ],
    ids=lambda value: value.decoder if isinstance(value, AudioFormat) else None,
)
def test_track_that_can_be_read_is_taken(lines: tuple[str, ...], source: AudioFormat, kind: type) -> None:
    found = choose(described(*lines))
    assert found is not None
    assert found[1] == source
    assert isinstance(found[2], kind)


@pytest.mark.parametrize(
    "lines",
    [
        (),
        track("opus/48000/2"),
        track("MP4A-LATM/16000", "cpresent=1"),
        track("MP4A-LATM/16000", "config=400028103fc0"),
        track("mpeg4-generic/16000", "config=zz"),
        track("mpeg4-generic/16000", "mode=AAC-hbr"),
        (*track("PCMA/8000"), "a=sendonly"),
    ],
    ids=range(7),
)
def test_sound_that_cannot_be_read_is_left_out(lines: tuple[str, ...]) -> None:
    assert AudioTrack.of(described(*lines), WallClock(START, START + RATE)) is None


def test_the_way_back_to_the_loudspeaker_is_passed_over() -> None:
    found = choose(described(*track("PCMA/8000"), "a=sendonly", *track("PCMU/8000")))
    assert found is not None
    assert found[1].decoder == "pcm_mulaw"


def test_widths_that_are_none_mean_one_frame_per_packet() -> None:
    found = choose(described(*track("mpeg4-generic/16000", "config=1408; sizelength=x; indexlength=9999")))
    assert found is not None
    assert isinstance(found[2], AacDepacketizer)


def rtp(sequence: int, timestamp: int, *, kind: int = 104, channel: int = 2) -> InterleavedFrame:
    return InterleavedFrame(channel, struct.pack(">BBHII", 0x80, kind, sequence, timestamp, 1) + bytes(320))


def report(ticks: int, timestamp: int) -> InterleavedFrame:
    seconds, rest = divmod(ticks, RATE)
    body = struct.pack(
        ">BBHIIIIII", 0x80, 200, 6, 1, seconds + 2_208_988_800, -(-(rest << 32) // RATE), timestamp, 0, 0
    )  # fmt: skip
    return InterleavedFrame(3, body + struct.pack(">BBHI", 0x81, 203, 1, 1))


def opened() -> tuple[WallClock, AudioTrack]:
    pictures = WallClock(START, START + 3600 * RATE)
    found = AudioTrack.of(described(*track("PCMA/8000")), pictures)
    assert found is not None
    return pictures, found[1]


def test_frames_of_others_are_left_to_them() -> None:
    pictures, sound = opened()
    pictures.time_of(0)
    assert not sound.take(rtp(1, 0, channel=0))
    assert sound.take(rtp(1, 0, kind=97))
    assert sound.take(InterleavedFrame(2, b"short"))
    assert sound.units() == []


def test_packets_become_units_once_there_is_a_picture() -> None:
    pictures, sound = opened()
    assert sound.take(rtp(1, 8000))
    assert sound.units() == []
    pictures.time_of(5)
    assert sound.take(rtp(2, 8320))
    assert [(unit.time - START, len(unit.data)) for unit in sound.units()] == [(0, 320), (3600, 320)]
    assert sound.units() == []


def test_reports_move_what_was_given_out_and_what_was_not() -> None:
    pictures, sound = opened()
    sound.play_answer(
        "url=rtsp://h/x/trackID=1;rtptime=5,url=rtsp://h/x/trackID=2;rtptime=8000", "rtsp://h/x/trackID=1"
    )
    pictures.time_of(5)
    sound.take(rtp(1, 8000))
    assert [unit.time for unit in sound.units()] == [START]
    sound.take(rtp(2, 8320))
    pictures.sender_report(((START // RATE + 2_208_988_800) << 32), 5, START + 10**10)
    assert sound.take(report(START + 450, 8000))
    sound.take(rtp(3, 8640))
    assert sound.correction == 450
    assert [unit.time - START for unit in sound.units()] == [4050, 7650]


def test_correction_of_the_pictures_is_taken_over() -> None:
    pictures, sound = opened()
    sound.play_answer("url=rtsp://h/x/trackID=1;rtptime=5", "rtsp://h/x/trackID=1")
    pictures.time_of(5)
    sound.take(rtp(1, 8000))
    pictures.sender_report(((START // RATE + 2_208_988_800 - 3) << 32), 5, START + 10**10)
    sound.corrected(pictures.take_correction())
    assert sound.correction == -3 * RATE
    assert [unit.time for unit in sound.units()] == [START - 3 * RATE]


def test_waiting_packets_are_limited() -> None:
    pictures, sound = opened()
    for sequence in range(600):
        sound.take(rtp(sequence, 320 * sequence))
    pictures.time_of(5)
    sound.take(rtp(600, 320 * 600))
    assert len(sound.units()) == 500
