"""What players that cannot run here rely on: playlists by RFC 8216 and boxes by CMAF, of whole playbacks."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
import itertools
import math
import re
import struct
from zoneinfo import ZoneInfo

import pytest

from custom_components.nvr.core.models import StreamRole, TimeSpan, VideoCodec
from custom_components.nvr.media.engine import PlaybackLimits
from custom_components.nvr.media.hls import lay_out, media_playlist
from custom_components.nvr.media.maker import MakerLimits
from tests.simulators.video.profile import AudioProfile

from .rig import SMALL, START, box, boxes, parse_runs, rig

QUICK = PlaybackLimits(free_lead=1e6, maker=MakerLimits(hold=0.1))
_ATTRIBUTE = re.compile(r'([A-Z-]+)=("[^"]*"|[^",]+)')


class Playlist:
    """A media playlist as a strict reader takes it; fails where it breaks a rule."""

    def __init__(self, text: str) -> None:
        lines = text.splitlines()
        assert lines[0] == "#EXTM3U"
        assert text.endswith("\n")
        assert lines[-1] == "#EXT-X-ENDLIST"
        self.tags: dict[str, str] = {}
        self.lengths: list[float] = []
        self.uris: list[str] = []
        self.gaps: list[bool] = []
        self.dates: dict[int, datetime] = {}
        pending: dict[str, str] = {}
        for line in lines[1:-1]:
            if not line.startswith("#"):
                self._segment(line, pending)
                pending = {}
                continue
            name, _, value = line.partition(":")
            assert re.fullmatch(r"#EXT[A-Z0-9-]*", name), line
            per_segment = name in {"#EXTINF", "#EXT-X-GAP", "#EXT-X-PROGRAM-DATE-TIME", "#EXT-X-DISCONTINUITY"}
            place = pending if per_segment else self.tags
            assert name not in place, f"{name} twice"
            place[name] = value
        assert not pending
        assert len(set(self.uris)) == len(self.uris)
        longest = max(self.lengths)
        assert int(self.tags["#EXT-X-TARGETDURATION"]) >= max(round(longest), 1)
        assert int(self.tags["#EXT-X-TARGETDURATION"]) == math.ceil(longest)
        assert int(self.tags["#EXT-X-VERSION"]) >= 6, "EXT-X-MAP needs it"
        assert self.tags["#EXT-X-PLAYLIST-TYPE"] == "VOD"
        assert self.tags["#EXT-X-MEDIA-SEQUENCE"] == "0"
        assert "#EXT-X-INDEPENDENT-SEGMENTS" not in self.tags
        assert dict(_ATTRIBUTE.findall(self.tags["#EXT-X-MAP"])).keys() == {"URI"}

    def _segment(self, uri: str, tags: dict[str, str]) -> None:
        assert re.fullmatch(r"[a-z0-9.-]+", uri), "a bare name: it inherits the token of the path"
        length, comma, title = tags["#EXTINF"].partition(",")
        assert (comma, title) == (",", "")
        assert float(length) > 0
        assert "#EXT-X-DISCONTINUITY" not in tags
        if (date := tags.get("#EXT-X-PROGRAM-DATE-TIME")) is not None:
            assert date.endswith("Z")
            self.dates[len(self.uris)] = datetime.fromisoformat(date)
        self.uris.append(uri)
        self.lengths.append(float(length))
        self.gaps.append("#EXT-X-GAP" in tags)

    def starts(self) -> list[datetime]:
        """Return when each segment begins by its date or by those before; both must tell the same."""
        found: list[datetime] = []
        for index, length in enumerate(self.lengths):
            begin = self.dates[index] if index in self.dates else found[-1] + timedelta(seconds=self.lengths[index - 1])
            if index:
                expected = found[-1] + timedelta(seconds=self.lengths[index - 1])
                assert abs(begin - expected) < timedelta(milliseconds=2), "the dates run apart from the lengths"
            found.append(begin)
            assert length
        return found


def spans_of(start: datetime, *pairs: tuple[float, float]) -> list[TimeSpan]:
    return [TimeSpan(start + timedelta(seconds=a), start + timedelta(seconds=b)) for a, b in pairs]


@pytest.mark.parametrize("seconds", [2, 6])
@pytest.mark.parametrize(
    "pairs",
    [
        ((0, 3600),),
        ((0, 0.7),),
        ((0, 59.92), (300.48, 700)),
        ((0, 10), (250, 255.3), (4000, 4000.4)),
        ((0.333, 86_400),),
    ],
)
def test_playlist_is_one_that_strict_readers_take(seconds: int, pairs: tuple[tuple[float, float], ...]) -> None:
    spans = spans_of(START, *pairs)
    found = Playlist(media_playlist(lay_out(spans, seconds)))
    starts = found.starts()
    assert abs(starts[0] - spans[0].start) < timedelta(milliseconds=1)
    end = starts[-1] + timedelta(seconds=found.lengths[-1])
    assert abs(end - spans[-1].end) < timedelta(milliseconds=2)
    # One entry for each gap, however long, and a date where footage begins again.
    assert sum(found.gaps) == len(pairs) - 1
    assert all(index + 1 in found.dates for index, gap in enumerate(found.gaps) if gap)
    plain = [length for length, gap in zip(found.lengths, found.gaps, strict=True) if not gap]
    assert max(plain) <= seconds + 0.5


@pytest.mark.parametrize("day", [(2026, 3, 29), (2026, 10, 25)], ids=["spring", "autumn"])
def test_playlist_of_the_night_when_clocks_change_has_every_hour_once(day: tuple[int, int, int]) -> None:
    zone = ZoneInfo("Europe/Berlin")
    start, end = (datetime(*day, hour, tzinfo=zone).astimezone(UTC) for hour in (0, 6))
    found = Playlist(media_playlist(lay_out([TimeSpan(start, end)], 6)))
    starts = found.starts()
    assert sum(found.lengths) == (end - start).total_seconds()
    assert end - start == timedelta(hours=5 if day[1] == 3 else 7)
    assert all(later > earlier for earlier, later in itertools.pairwise(starts))


def check_init(data: bytes, tracks: int) -> dict[int, int]:
    """Check an init segment by ISO/IEC 14496-12 and CMAF; return the time scale of each track."""
    assert [kind for kind, _ in boxes(data)] == ["ftyp", "moov"]
    brands = box(data, "ftyp")
    assert len(brands) % 4 == 0
    assert b"iso6" in brands
    moov = box(data, "moov")
    kinds = [kind for kind, _ in boxes(moov)]
    assert kinds == ["mvhd", *["trak"] * tracks, "mvex"]
    assert struct.unpack_from(">I", box(moov, "mvhd"), 16)[0] == 0, "a fragmented file has no length of its own"
    extended = [struct.unpack_from(">I", body, 4)[0] for kind, body in boxes(box(moov, "mvex")) if kind == "trex"]
    scales: dict[int, int] = {}
    for number, trak in enumerate((body for kind, body in boxes(moov) if kind == "trak"), 1):
        assert [kind for kind, _ in boxes(trak)] == ["tkhd", "mdia"], "no edit list: nothing shifts the times"
        flags, identity = (
            struct.unpack_from(">I", box(trak, "tkhd"))[0],
            struct.unpack_from(">I", box(trak, "tkhd"), 12)[0],
        )
        assert (flags & 3, identity) == (3, number)
        assert [kind for kind, _ in boxes(box(trak, "mdia"))] == ["mdhd", "hdlr", "minf"]
        stbl = box(trak, "mdia/minf/stbl")
        assert all(struct.unpack_from(">I", box(stbl, kind), 4)[0] == 0 for kind in ("stts", "stsc", "stco"))
        scales[number] = struct.unpack_from(">I", box(trak, "mdia/mdhd"), 12)[0]
    assert extended == list(scales)
    return scales


def check_segment(data: bytes, number: int) -> None:
    """Check the order and the flags of a fragment's boxes."""
    assert [kind for kind, _ in boxes(data)] == ["moof", "mdat"]
    moof = box(data, "moof")
    assert struct.unpack_from(">I", box(moof, "mfhd"), 4)[0] == number + 1
    for kind, traf in boxes(moof):
        if kind != "traf":
            continue
        assert [inner for inner, _ in boxes(traf)] == ["tfhd", "tfdt", "trun"]
        assert struct.unpack_from(">I", box(traf, "tfhd"))[0] & 0x020001 == 0x020000, "offsets count from the moof"
        assert box(traf, "tfdt")[0] == 1, "a day in ticks needs 64 bits"
        assert box(traf, "trun")[0] == 1, "frames may be shown before they are decoded"


@pytest.mark.parametrize("codec", ["h264", pytest.param("h265", marks=pytest.mark.slow)])
@pytest.mark.parametrize("sound", [None, "aac", pytest.param("pcma", marks=pytest.mark.slow)])
async def test_files_of_a_playback_fit_its_playlist_to_the_tick(codec: str, sound: str | None) -> None:
    audio = AudioProfile(sound, 16_000 if sound == "aac" else 8000) if sound else None  # type: ignore[arg-type]
    async with rig(gop=10.0, profile=replace(SMALL, codec=codec, audio=audio), limits=QUICK) as recorder:  # type: ignore[arg-type]
        recorder.footage.add_gap(1, START + timedelta(seconds=21), START + timedelta(seconds=200))
        spans = spans_of(START, (0.5, 21), (200, 227.3))
        playback = recorder.play(240, recorded=spans)
        master = await playback.master_playlist()
        variants = re.findall(r"#EXT-X-STREAM-INF:(.*)\n(\S+)", master)
        assert len(variants) >= 2
        for text, uri in variants:
            attributes = dict(_ATTRIBUTE.findall(text))
            assert attributes.keys() >= {"BANDWIDTH", "CODECS", "RESOLUTION"}
            codecs = attributes["CODECS"].strip('"').split(",")
            assert codecs[0].startswith("avc1." if codec == "h264" else "hvc1.")
            assert len(codecs) == (2 if sound else 1)
            assert uri == "video.m3u8"
        found = Playlist(await playback.media_playlist())
        scales = check_init(await playback.init_segment(), 2 if sound else 1)
        at, heard = 0.0, None
        for number, (length, gap) in enumerate(zip(found.lengths, found.gaps, strict=True)):
            if not gap:
                data = await playback.segment(number)
                check_segment(data, number)
                runs = parse_runs(data)
                head = runs[1].head
                assert abs((runs[1].start + head) / scales[1] - at) < 1e-4 or not number
                assert abs(runs[1].end / scales[1] - at - length) < 1e-4
                if sound:
                    # Sound is cut by whole frames, which follow one another wherever footage does.
                    assert heard is None or runs[2].start == heard or found.gaps[number - 1]
                    assert abs(runs[2].start / scales[2] - at) <= 1024 / scales[2] + 1e-4
                    heard = runs[2].end
            at += length


async def test_silent_beginning_has_a_track_where_the_camera_hears() -> None:
    async with rig(limits=QUICK) as recorder:
        span = TimeSpan(START, START + timedelta(seconds=20))
        playback = recorder.engine.create(
            "recorder", 4, recorder.source, recorder.guard, 1, span, [span], "anna", StreamRole.MAIN, sounds=True
        )
        assert ",mp4a.40.2" in await playback.master_playlist()
        scales = check_init(await playback.init_segment(), 2)
        runs = parse_runs(await playback.segment(0))
        assert abs(runs[2].end / scales[2] - runs[1].end / scales[1]) <= 1024 / scales[2] + 1e-4
        prepared = await playback.variants[0].prepare()
        assert prepared.codec is VideoCodec.H264
