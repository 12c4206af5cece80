"""Which track is played, and what is refused."""

from datetime import UTC, datetime, timedelta

import pytest

from custom_components.nvr.core.models import (
    Channel,
    RecordingKind,
    RecordingSegment,
    StreamProfile,
    StreamRole,
    TimeSpan,
    VideoCodec,
)
from custom_components.nvr.footage import RefusedError, recorded_spans
from custom_components.nvr.playback import roles_to_play, until_codec_changes

START = datetime(2026, 11, 20, tzinfo=UTC)
H264, H265, UNKNOWN, MJPEG = VideoCodec.H264, VideoCodec.H265, VideoCodec.UNKNOWN, VideoCodec.MJPEG


def channel(main: VideoCodec, sub: VideoCodec | None = None) -> Channel:
    profiles = [StreamProfile(StreamRole.MAIN, "101", main)]
    if sub is not None:
        profiles.append(StreamProfile(StreamRole.SUB, "102", sub))
    return Channel(1, "SERIAL-1", "Front", profiles=tuple(profiles))


def segment(start: float, end: float, video: VideoCodec = UNKNOWN) -> RecordingSegment:
    span = TimeSpan(START + timedelta(seconds=start), START + timedelta(seconds=end))
    return RecordingSegment(1, span, RecordingKind.CONTINUOUS, video=video)


MAIN, SUB = StreamRole.MAIN, StreamRole.SUB


@pytest.mark.parametrize(
    ("main", "sub", "recorded", "sub_track", "roles"),
    [
        (H264, H264, UNKNOWN, True, (MAIN,)),
        (UNKNOWN, None, UNKNOWN, False, (MAIN,)),
        # What was recorded counts more than how the channel is set up now.
        (H265, H264, H264, True, (MAIN,)),
        (H264, H264, H265, True, (MAIN, SUB)),
        (H265, H264, UNKNOWN, True, (MAIN, SUB)),
        (H265, UNKNOWN, H265, True, (MAIN, SUB)),
        # There is nothing for players that cannot decode it.
        (H265, H264, UNKNOWN, False, (MAIN,)),
        (H265, H265, UNKNOWN, True, (MAIN,)),
        (H265, None, UNKNOWN, True, (MAIN,)),
        (MJPEG, H264, UNKNOWN, True, (SUB,)),
    ],
)
def test_track_is_the_best_and_a_spare_one_for_those_who_cannot_decode_it(
    main: VideoCodec, sub: VideoCodec | None, recorded: VideoCodec, roles: tuple[StreamRole, ...], *, sub_track: bool
) -> None:
    assert roles_to_play(channel(main, sub), [segment(0, 1, recorded)], sub_track=sub_track) == roles


@pytest.mark.parametrize(("sub", "sub_track"), [(H264, False), (MJPEG, True), (None, True)])
def test_recording_that_no_browser_plays_is_refused_by_its_codec(sub: VideoCodec | None, *, sub_track: bool) -> None:
    with pytest.raises(RefusedError) as refusal:
        roles_to_play(channel(MJPEG, sub), [segment(0, 1)], sub_track=sub_track)
    assert refusal.value.key == "codec_not_playable"
    assert refusal.value.placeholders == {"camera": "Front", "codec": "MJPEG"}


def test_recorded_spans_are_cut_to_the_window_and_their_seams_closed() -> None:
    window = TimeSpan(START + timedelta(seconds=10), START + timedelta(seconds=100))
    spans = recorded_spans([segment(0, 30), segment(27, 60), segment(61, 70), segment(90, 200)], window)
    assert [((span.start - START).seconds, (span.end - START).seconds) for span in spans] == [(10, 70), (90, 100)]


@pytest.mark.parametrize(
    ("codecs", "count"),
    [
        ((H264, H264, H265), 2),
        ((H264, UNKNOWN, H264), 3),
        ((UNKNOWN, UNKNOWN), 2),
        ((UNKNOWN, H265, H264, H265), 2),
        ((), 0),
    ],
)
def test_footage_is_played_up_to_where_its_codec_changes(codecs: tuple[VideoCodec, ...], count: int) -> None:
    segments = [segment(hour, hour + 1, codec) for hour, codec in enumerate(codecs)]
    assert until_codec_changes(segments) == segments[:count]
