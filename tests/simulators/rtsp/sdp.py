"""Describe a stream in SDP. What differs by vendor comes in as `SdpStyle`."""

import base64
from dataclasses import dataclass

from ..video.audio import aac_config
from ..video.profile import TICKS, AudioProfile, VideoProfile

VIDEO_PAYLOAD = 96
_AAC_PAYLOAD = 104
_STATIC = {"pcmu": 0, "pcma": 8, "pcm_s16le": 11}


@dataclass(frozen=True, slots=True)
class SdpStyle:
    """How a vendor writes SDP. Lines are added as they are; `{url}` stands for the asked URL and a slash.

    Tracks are counted from `first_track`; `video_payload` is the number of the pictures' format.
    """

    session_name: str = "Media Presentation"
    absolute_control: bool = True
    track_name: str = "trackID={n}"
    session_lines: tuple[str, ...] = ("e=NONE", "b=AS:5100")
    video_lines: tuple[str, ...] = ()
    tail_lines: tuple[str, ...] = ()
    dimensions: bool = True
    profile_level_id: str | None = None
    sprop: bool = True
    first_track: int = 1
    video_payload: int = VIDEO_PAYLOAD


DEFAULT_SDP = SdpStyle()


@dataclass(frozen=True, slots=True)
class TrackInfo:
    """One media line: kind, payload type and clock rate, and its control name."""

    kind: str
    payload_type: int
    clock_rate: int
    control: str


def tracks_of(profile: VideoProfile, style: SdpStyle) -> list[TrackInfo]:
    """Return the tracks of a stream in the order of its description."""
    name, first = style.track_name, style.first_track
    tracks = [TrackInfo("video", style.video_payload, TICKS, name.format(n=first))]
    if profile.audio is not None:
        payload = audio_payload_type(profile.audio)
        tracks.append(TrackInfo("audio", payload, profile.audio.rate, name.format(n=first + 1)))
    return tracks


def way_back(profile: VideoProfile, style: SdpStyle, codec: str) -> TrackInfo:
    """Return the track that the client sends, behind the others."""
    number = style.first_track + len(tracks_of(profile, style))
    return TrackInfo("back", _STATIC[codec], 8000, style.track_name.format(n=number))


def _way_back_lines(codec: str, control: str) -> list[str]:
    payload = _STATIC[codec]
    return [
        f"m=audio 0 RTP/AVP {payload}",
        "c=IN IP4 0.0.0.0",
        f"a=rtpmap:{payload} {codec.upper()}/8000",
        "a=sendonly",
        f"a=control:{control}",
    ]


def audio_payload_type(audio: AudioProfile) -> int:
    """Return the payload type number of a sound track."""
    return audio.payload if audio.payload is not None else _STATIC.get(audio.codec, _AAC_PAYLOAD)


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _video_format(profile: VideoProfile, style: SdpStyle, sets: tuple[bytes, ...]) -> list[str]:
    payload = style.video_payload
    if profile.codec == "h264":
        level = style.profile_level_id or sets[0][1:4].hex().upper()
        text = f"a=fmtp:{payload} profile-level-id={level}; packetization-mode=1"
        if style.sprop:
            text += f"; sprop-parameter-sets={','.join(_b64(nal) for nal in sets)}"
        return [f"a=rtpmap:{payload} H264/{TICKS}", text]
    lines = [f"a=rtpmap:{payload} H265/{TICKS}"]
    if style.sprop:
        names = ("sprop-vps", "sprop-sps", "sprop-pps")
        values = "; ".join(f"{name}={_b64(nal)}" for name, nal in zip(names, sets, strict=False))
        lines.append(f"a=fmtp:{payload} {values}")
    return lines


def _audio_lines(audio: AudioProfile, control: str) -> list[str]:
    payload = audio_payload_type(audio)
    names = {"pcmu": "PCMU", "pcma": "PCMA", "pcm_s16le": "PCM", "aac": "mpeg4-generic"}
    lines = [
        f"m=audio 0 RTP/AVP {payload}",
        "c=IN IP4 0.0.0.0",
        "b=AS:50",
        "a=recvonly",
        f"a=control:{control}",
        f"a=rtpmap:{payload} {audio.rtpmap or f'{names[audio.codec]}/{audio.rate}'}",
    ]
    if audio.codec == "aac":
        lines.append(
            f"a=fmtp:{payload} profile-level-id=15; streamtype=5; mode=AAC-hbr; config={aac_config(audio.rate).hex()}; "
            "SizeLength=13; IndexLength=3; IndexDeltaLength=3; Profile=1"
        )
    return lines


def describe(
    url: str,
    profile: VideoProfile,
    sets: tuple[bytes, ...],
    style: SdpStyle,
    *,
    address: str,
    range_line: str = "",
    back: str = "",
) -> bytes:
    """Return the description of a stream asked for by `url`; `back` is the codec of a way back to a loudspeaker."""
    base = url if url.endswith("/") else f"{url}/"
    controls = {
        track.kind: base + track.control if style.absolute_control else track.control
        for track in tracks_of(profile, style)
    }
    lines = ["v=0", f"o=- 1109162014219182 1109162014219182 IN IP4 {address}", f"s={style.session_name}"]
    lines += [line.replace("{url}", base) for line in style.session_lines]
    lines += ["t=0 0", f"a=control:{base if style.absolute_control else '*'}"]
    if range_line:
        lines.append(range_line)
    lines += [
        f"m=video 0 RTP/AVP {style.video_payload}",
        "c=IN IP4 0.0.0.0",
        f"b=AS:{profile.bit_rate // 1000}",
        "a=recvonly",
    ]
    if style.dimensions:
        lines.append(f"a=x-dimensions:{profile.width},{profile.height}")
    lines.append(f"a=control:{controls['video']}")
    lines += _video_format(profile, style, sets)
    lines += [line.replace("{url}", base) for line in style.video_lines]
    if profile.audio is not None:
        lines += _audio_lines(profile.audio, controls["audio"])
    if back:
        control = way_back(profile, style, back).control
        lines += _way_back_lines(back, base + control if style.absolute_control else control)
    lines += [line.replace("{url}", base) for line in style.tail_lines]
    return ("\r\n".join(lines) + "\r\n").encode()
