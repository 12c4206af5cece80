"""Layout and playlists."""

from datetime import UTC, datetime, timedelta

from hypothesis import example, given, strategies as st
import pytest

from custom_components.nvr.core.models import TimeSpan
from custom_components.nvr.media import hls
from custom_components.nvr.media.ticks import RATE, from_datetime

START = datetime(2026, 11, 20, 8, tzinfo=UTC)


def span(start: float, end: float) -> TimeSpan:
    return TimeSpan(START + timedelta(seconds=start), START + timedelta(seconds=end))


def test_usable_spans_are_cut_joined_and_ordered() -> None:
    recorded = [
        span(40, 50),
        span(-10, 20),
        span(21.5, 30),
        span(25, 28),
        span(300, 400),
        span(-50, -20),
        span(52.1, 60),
    ]
    assert hls.usable_spans(span(0, 100), recorded) == [span(0, 30), span(40, 50), span(52.1, 60)]
    assert hls.usable_spans(span(0, 100), []) == []


def test_layout_has_full_steps_a_remainder_and_gaps_as_one_entry() -> None:
    layout = hls.lay_out([span(0, 20), span(260, 273)], 6)
    rows = [((s.start - layout.origin) / RATE, s.duration / RATE, s.gap) for s in layout.segments]
    assert rows == [
        (0, 6, False),
        (6, 6, False),
        (12, 6, False),
        (18, 2, False),
        (20, 240, True),
        (260, 6, False),
        (266, 6, False),
        (272, 1, False),
    ]
    assert [s.index for s in layout.segments] == list(range(8))
    assert layout.segments[3].interval == (layout.origin, layout.origin + 20 * RATE)
    assert layout.segments[4].interval == (layout.origin + 20 * RATE, layout.origin + 260 * RATE)
    assert layout.end == layout.origin + 273 * RATE


def test_layout_adds_a_tiny_remainder_to_the_segment_before() -> None:
    assert [s.duration for s in hls.lay_out([span(0, 12.4)], 6).segments] == [540_000, 576_000]
    assert [s.duration for s in hls.lay_out([span(0, 0.2)], 6).segments] == [18_000]


def test_layout_of_nothing_is_an_error() -> None:
    with pytest.raises(ValueError, match="nothing"):
        hls.lay_out([], 6)


def test_layout_finds_the_segment_of_a_moment() -> None:
    layout = hls.lay_out([span(0, 20)], 6)
    at = [layout.at(from_datetime(START) + offset).index for offset in (-5, 0, 539_999, 540_000, 10**9)]
    assert at == [0, 0, 0, 1, 3]


@given(st.lists(st.tuples(st.floats(0, 4000), st.floats(0, 4000)), min_size=1, max_size=8), st.sampled_from([2, 6]))
@example([(0.0, 1e-05)], 2)
def test_layout_covers_everything_without_holes(pairs: list[tuple[float, float]], step: int) -> None:
    spans = hls.usable_spans(span(0, 5000), [span(min(pair), max(pair)) for pair in pairs])
    if not spans:
        return
    layout = hls.lay_out(spans, step)
    assert layout.origin == from_datetime(spans[0].start)
    assert layout.end == from_datetime(spans[-1].end)
    for before, after in zip(layout.segments, layout.segments[1:], strict=False):
        assert before.end == after.start
    assert all(0 < s.duration < (step + 0.5) * RATE for s in layout.segments if not s.gap)
    assert sum(s.gap for s in layout.segments) == len(spans) - 1


def test_segments_are_a_sequence_like_any_other() -> None:
    segments = hls.lay_out([span(0, 20), span(260, 273)], 6).segments
    every = list(segments)
    assert [segments[index] for index in range(len(segments))] == every
    assert (segments[-1], segments[-8], segments[2:5:2]) == (every[-1], every[0], (every[2], every[4]))
    for index in (8, -9):
        with pytest.raises(IndexError):
            segments[index]


def test_media_playlist_text() -> None:
    layout = hls.lay_out([span(0, 8.5), span(248.5, 250.25)], 6)
    assert hls.media_playlist(layout) == (
        "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:240\n#EXT-X-PLAYLIST-TYPE:VOD\n#EXT-X-MEDIA-SEQUENCE:0\n"
        '#EXT-X-MAP:URI="init.mp4"\n'
        "#EXT-X-PROGRAM-DATE-TIME:2026-11-20T08:00:00.000Z\n#EXTINF:6.0,\ns0.m4s\n#EXTINF:2.5,\ns1.m4s\n"
        "#EXT-X-GAP\n#EXTINF:240.0,\ns2.m4s\n"
        "#EXT-X-PROGRAM-DATE-TIME:2026-11-20T08:04:08.500Z\n#EXTINF:1.75,\ns3.m4s\n#EXT-X-ENDLIST\n"
    )


def test_media_playlist_of_a_day_in_hours_stays_small() -> None:
    text = hls.media_playlist(hls.lay_out([span(0, 3600)], 2))
    assert text.count("#EXTINF:2.0,") == 1800
    assert len(text) < 50_000
    assert "INDEPENDENT" not in text
    assert "DISCONTINUITY" not in text


def test_master_playlist_names_its_variant_twice() -> None:
    text = hls.master_playlist([(0, hls.VariantInfo("avc1.4D401F", 2_100_000, (1920, 1080)))])
    variant = '#EXT-X-STREAM-INF:BANDWIDTH=2100000,CODECS="avc1.4D401F",RESOLUTION=1920x1080\nvideo.m3u8\n'
    assert text == f"#EXTM3U\n#EXT-X-VERSION:7\n{variant}{variant}"


def test_segment_names() -> None:
    assert hls.segment_uri(12) == "s12.m4s"
    assert hls.MASTER_TYPE == "application/x-mpegURL"


def test_master_playlist_of_two_lists_each_once_with_the_larger_bandwidth() -> None:
    main = hls.VariantInfo("hvc1.1.6.L150.90,mp4a.40.2", 4_000_000, (3840, 2160))
    sub = hls.VariantInfo("avc1.42C01E,mp4a.40.2", 500_000, (640, 360))
    assert hls.master_playlist([(0, main), (1, sub)]).splitlines()[2:] == [
        '#EXT-X-STREAM-INF:BANDWIDTH=4000000,CODECS="hvc1.1.6.L150.90,mp4a.40.2",RESOLUTION=3840x2160', "video.m3u8",
        '#EXT-X-STREAM-INF:BANDWIDTH=4000000,CODECS="avc1.42C01E,mp4a.40.2",RESOLUTION=640x360', "video-1.m3u8",
    ]  # fmt: skip


def test_media_playlist_of_the_spare_stream_names_its_own_files() -> None:
    text = hls.media_playlist(hls.lay_out([span(0, 8)], 6), 1)
    assert 'URI="init-1.mp4"' in text
    assert text.endswith("s0-1.m4s\n#EXTINF:2.0,\ns1-1.m4s\n#EXT-X-ENDLIST\n")


@pytest.mark.parametrize("variant", [0, 1])
def test_names_are_read_back(variant: int) -> None:
    assert hls.parse_name("master.m3u8") == hls.PlaybackFile("master")
    assert hls.parse_name(hls.media_uri(variant)) == hls.PlaybackFile("media", variant)
    assert hls.parse_name(hls.init_uri(variant)) == hls.PlaybackFile("init", variant)
    for index in (0, 7, 1234):
        assert hls.parse_name(hls.segment_uri(index, variant)) == hls.PlaybackFile("segment", variant, index)


@pytest.mark.parametrize(
    "name",
    ["", "s01.m4s", "s-1.m4s", "s1-2.m4s", "s1.mp4", "video-0.m3u8", "init.m4s", "s12345678.m4s", "s1.m4s\n"],
)
def test_names_of_nothing(name: str) -> None:
    assert hls.parse_name(name) is None
