"""Searches: bodies, answers, what Z means, segments."""

from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise

import pytest

from custom_components.nvr.core.clock import DeviceClock, fixed_zone, parse_posix_zone
from custom_components.nvr.core.drivers.hikvision import wire_search as ws
from custom_components.nvr.core.drivers.hikvision.mapping_search import (
    SegmentMapper,
    begins_in_future,
    recording_kind,
    typed_word,
)
from custom_components.nvr.core.drivers.hikvision.mapping_time import (
    WireClock,
    ZMode,
    address_mode,
    confirms,
    judge,
    matters,
    probe_window,
)
from custom_components.nvr.core.errors import NvrResponseError
from custom_components.nvr.core.models import RecordingKind, StreamRole, TimeSpan, VideoCodec

NOW = datetime(2026, 3, 4, 9, 25, tzinfo=UTC)


def digits(text: str) -> datetime:
    return datetime.fromisoformat(text)


def match(start: str, end: str, kind: str = "timing", shift: timedelta | None = None, uri: str = "") -> ws.Match:
    return ws.Match(101, digits(start), digits(end), shift, "H.264-BP", uri, "unlock", kind)


def clock(hours: float, skew: float = 0) -> DeviceClock:
    return DeviceClock(fixed_zone(timedelta(hours=hours)), timedelta(seconds=skew), NOW)


ITEM = (
    "<searchMatchItem><sourceID>{{0}}</sourceID><trackID>{track}</trackID><timeSpan><startTime>{start}</startTime>"
    "<endTime>{end}</endTime></timeSpan><mediaSegmentDescriptor><contentType>video</contentType>"
    "<codecType>H.265</codecType><playbackURI>rtsp://10.0.0.1/Streaming/tracks/101/?starttime=20260304T081000Z\n  &amp;"
    "endtime=20260304T082000Z&amp;name=000001&amp;size=1066003740  </playbackURI><lockStatus>lock</lockStatus>"
    "</mediaSegmentDescriptor><metadataMatches><metadataDescriptor>recordType.meta.hikvision.com/MOTION"
    "</metadataDescriptor></metadataMatches></searchMatchItem>"
)


def answer(status: str, *items: str, namespace: str = "", tag: str = "responseStatusStrg") -> bytes:
    spelled = f"<{tag}>{status}</{tag}>" if status else ""
    return (
        f'<CMSearchResult version="2.0"{namespace}><searchID>{{1}}</searchID><responseStatus>true</responseStatus>'
        f"{spelled}<numOfMatches>99</numOfMatches><matchList>{''.join(items)}</matchList></CMSearchResult>"
    ).encode()


@pytest.mark.parametrize(
    "namespace", ["", ' xmlns="http://www.hikvision.com/ver20/XMLSchema"', ' xmlns="urn:psialliance-org"']
)
def test_an_answer_of_any_namespace(namespace: str) -> None:
    item = ITEM.format(track="101", start="2026-03-04T08:10:00Z", end="2026-03-04T08:20:00Z")
    page = ws.parse_search(answer("MORE", item, namespace=namespace))
    assert page.more
    (found,) = page.matches
    assert (found.track, found.start, found.shift) == (101, digits("2026-03-04T08:10:00"), None)
    assert (found.codec, found.lock, found.kind) == ("H.265", "lock", "MOTION")
    assert found.uri.endswith("&endtime=20260304T082000Z&name=000001&size=1066003740")
    assert "\n" not in found.uri
    assert ws.uri_size(found.uri) == 1066003740


def test_odd_answers() -> None:
    item = ITEM.format(track="", start="2026-03-04T08:10:00-03:00", end="2026-03-04T08:20:00-03:00")
    page = ws.parse_search(answer("no_matches", item, tag="responseStatusStrip"))
    assert page.status == "NO MATCHES"
    assert (page.matches[0].track, page.matches[0].shift) == (0, timedelta(hours=-3))
    assert ws.parse_search(answer("")).status == "OK"
    failed = b"<CMSearchResult><responseStatus>false</responseStatus></CMSearchResult>"
    assert ws.parse_search(failed).status == "FAILED"
    for body in (b"<Other/>", answer("OK", ITEM.format(track="1", start="soon", end="late"))):
        with pytest.raises(NvrResponseError):
            ws.parse_search(body)


def test_moments() -> None:
    assert ws.parse_moment("20260304T081000Z") == (digits("2026-03-04T08:10:00"), None)
    assert ws.parse_moment("2026-03-04T08:10:00") == (digits("2026-03-04T08:10:00"), None)
    assert ws.parse_moment("2026-03-04T08:10:00+00:00") == (digits("2026-03-04T08:10:00"), timedelta(0))


def test_bodies() -> None:
    body = ws.search_body(
        search_id="C77384AD-66A0-0001-E7C2-1151F04F90B0",
        track=101,
        start=digits("2026-03-04T00:00:00"),
        end=digits("2026-03-05T00:00:00"),
        position=40,
        page=40,
        spelling=ws.Position.VENDOR,
        kind="motion",
    )
    assert b"<searchResultPostion>40</searchResultPostion>" in body
    assert b"<startTime>2026-03-04T00:00:00Z</startTime>" in body
    assert b"//recordType.meta.std-cgi.com/motion<" in body
    assert b"<year>2026</year><monthOfYear>3</monthOfYear>" in ws.daily_body(2026, 3)
    uri = "rtsp://10.0.0.1:80/Streaming/tracks/101/?starttime=a&endtime=b&name=0001&size=9"
    assert b"starttime=a&amp;endtime=b&amp;name" in ws.download_body(uri)
    assert "&" not in ws.download_query(uri)
    assert ws.rewrite_uri(uri, "nvr.lan", 10554).startswith("rtsp://nvr.lan:10554/Streaming/tracks/101/?starttime=a&")
    assert ws.rewrite_uri("rtsp://h/x", "fe80::1", 554) == "rtsp://[fe80::1]:554/x"
    with pytest.raises(NvrResponseError):
        ws.rewrite_uri("rtsp://[bad/Streaming/tracks/101/?starttime=a", "nvr.lan", 554)
    assert ws.playback_uri("h", 1, 101, digits("2026-03-04T00:00:00"), None).endswith(
        "/101/?starttime=20260304T000000Z"
    )
    assert ws.uri_size("rtsp://h/x?name=1") is None


def test_days() -> None:
    day = "<day><id>{0}</id><dayOfMonth>{0}</dayOfMonth><record>{1}</record></day>"
    days = "".join(day.format(number, str(number % 2 == 0).lower()) for number in range(1, 6))
    body = f"<trackDailyDistribution><dayList>{days}<day><record>true</record></day></dayList></trackDailyDistribution>"
    assert ws.parse_daily(body.encode()) == {2, 4}
    with pytest.raises(NvrResponseError):
        ws.parse_daily(b"<ResponseStatus/>")


@pytest.mark.parametrize("mode", list(ZMode))
@pytest.mark.parametrize("hours", [-9.5, -3, 0, 5.75, 8])
@pytest.mark.parametrize("skew", [0, 90, -3600])
def test_wire_digits_go_there_and_back(mode: ZMode, hours: float, skew: float) -> None:
    wire = WireClock(clock(hours, skew), mode)
    assert wire.from_wire(wire.to_wire(NOW)) == NOW
    assert NOW + wire.wire_offset(NOW) == wire.to_wire(NOW).replace(tzinfo=UTC)
    shifted = NOW.astimezone(timezone(timedelta(hours=2))).replace(tzinfo=None) + timedelta(seconds=skew)
    assert wire.from_wire(shifted, timedelta(hours=2)) == NOW


def test_an_hour_that_occurs_twice_is_read_in_order() -> None:
    zone = parse_posix_zone("CST-1:00:00DST01:00:00,M3.5.0/02:00:00,M10.5.0/03:00:00")
    assert zone is not None
    wire = WireClock(DeviceClock(zone, timedelta(0), NOW), ZMode.LOCAL)
    span = TimeSpan(datetime(2026, 10, 24, 22, tzinfo=UTC), datetime(2026, 10, 25, 4, tzinfo=UTC))
    mapper = SegmentMapper(wire, 1, StreamRole.MAIN, span, now=datetime(2026, 11, 1, tzinfo=UTC))
    rows = [
        match("2026-10-25T01:30:00", "2026-10-25T02:30:00"),
        match("2026-10-25T02:30:00", "2026-10-25T02:10:00"),
        match("2026-10-25T02:10:00", "2026-10-25T02:50:00"),
        match("2026-10-25T02:50:00", "2026-10-25T03:30:00"),
    ]
    minutes = [(segment.span.start - span.start) // timedelta(minutes=1) for segment in mapper.map(rows)]
    assert minutes == [90, 150, 190, 230]


def test_files_that_begin_with_the_hour_that_occurs_twice() -> None:
    zone = parse_posix_zone("CST-1:00:00DST01:00:00,M3.5.0/02:00:00,M10.5.0/03:00:00")
    assert zone is not None
    wire = WireClock(DeviceClock(zone, timedelta(0), NOW), ZMode.LOCAL)
    span = TimeSpan(datetime(2026, 10, 24, 23, tzinfo=UTC), datetime(2026, 10, 25, 3, tzinfo=UTC))
    names = [("01:00:00", "02:00:00"), ("02:00:00", "02:00:00"), ("02:00:00", "03:00:00"), ("03:00:00", "04:00:00")]
    rows = [match(f"2026-10-25T{start}", f"2026-10-25T{end}") for start, end in names]
    mapper = SegmentMapper(wire, 1, StreamRole.MAIN, span, now=datetime(2026, 11, 1, tzinfo=UTC))
    hours = [span.start + timedelta(hours=number) for number in range(5)]
    assert [segment.span for segment in mapper.map(rows)] == [TimeSpan(*each) for each in pairwise(hours)]
    # What is listed first stands alone: a window from behind the hour reaches to before it.
    start, _ = wire.window(TimeSpan(hours[3] + timedelta(minutes=5), hours[4]))
    assert start.hour == 1


def test_z_matters_only_where_the_wall_clock_is_not_utc() -> None:
    span = TimeSpan(NOW - timedelta(days=1), NOW)
    assert matters(clock(1), span)
    assert not matters(clock(0), span)


def hits(hours: float, truth: ZMode, files: list[tuple[float, float]]) -> tuple[list[ws.Match], list[ws.Match]]:
    """Return what a recorder answers to both probes; files are (start, end) in minutes from now."""
    own = WireClock(clock(hours), truth)
    spans = [(own.to_wire(NOW + timedelta(minutes=a)), own.to_wire(NOW + timedelta(minutes=b))) for a, b in files]
    found = []
    for mode in (ZMode.LOCAL, ZMode.UTC):
        start, end = probe_window(clock(hours), mode, NOW)
        found.append([match(str(a), str(b)) for a, b in spans if a < end and b > start])
    return found[0], found[1]


CONTINUOUS: list[tuple[float, float]] = [(-60 * k - 13, -60 * k + 47.0) for k in range(15, -1, -1)]


@pytest.mark.parametrize("truth", list(ZMode))
@pytest.mark.parametrize("hours", [-11, -8, -3, -1, 1, 2, 5.5, 8, 13])
def test_calibration_of_a_recorder_that_records_all_day(truth: ZMode, hours: float) -> None:
    verdict = judge(clock(hours), NOW, *hits(hours, truth, CONTINUOUS))
    assert verdict is not None
    assert verdict.mode is truth


@pytest.mark.parametrize("truth", list(ZMode))
@pytest.mark.parametrize("hours", [-3, 8])
def test_calibration_by_a_single_motion_clip(truth: ZMode, hours: float) -> None:
    verdict = judge(clock(hours), NOW, *hits(hours, truth, [(-3.0, -0.5)]))
    assert verdict is not None
    assert verdict.mode is truth
    # One that is over by long shows only where the other reading would put it into the future.
    ahead = (truth is ZMode.LOCAL) == (hours > 0)
    old = judge(clock(hours), NOW, *hits(hours, truth, [(-90, -85)]))
    assert old == ((truth, True) if ahead else None)


@pytest.mark.parametrize("truth", list(ZMode))
@pytest.mark.parametrize("hours", [-11, -8, -3, 5.5, 8, 13])
def test_calibration_of_a_recorder_that_has_stopped_is_never_wrong(truth: ZMode, hours: float) -> None:
    stopped = [(start - 120, end - 120) for start, end in CONTINUOUS]
    verdict = judge(clock(hours), NOW, *hits(hours, truth, stopped))
    assert verdict == ((truth, True) if (truth is ZMode.LOCAL) == (hours > 0) else None)


@pytest.mark.parametrize("truth", list(ZMode))
@pytest.mark.parametrize("hours", [-3, 8])
def test_what_was_known_is_confirmed_only_by_what_is_recorded_now(truth: ZMode, hours: float) -> None:
    for mode in ZMode:
        wire = WireClock(clock(hours), mode)
        found = hits(hours, truth, CONTINUOUS)[0 if mode is ZMode.LOCAL else 1]
        assert confirms(wire, NOW, found) is (mode is truth)
        assert not confirms(wire, NOW, [])


@pytest.mark.parametrize("hours", [-3, 8])
def test_playback_addresses_may_mean_another_z(hours: float) -> None:
    wire = WireClock(clock(hours, skew=40), ZMode.UTC)
    item = match("2026-03-04T08:10:00", "2026-03-04T08:20:00")
    local = digits("2026-03-04T08:10:00") + timedelta(hours=hours)
    assert address_mode(wire, item, item.start) is ZMode.UTC
    assert address_mode(wire, item, local) is ZMode.LOCAL
    assert address_mode(wire, item, local + timedelta(minutes=5)) is None
    assert address_mode(wire, item, None) is None
    suffixed = match("2026-03-04T05:10:00", "2026-03-04T05:20:00", shift=timedelta(hours=-3))
    assert address_mode(wire, suffixed, local) is ZMode.LOCAL
    assert address_mode(WireClock(clock(0), ZMode.UTC), item, item.start) is None


@pytest.mark.parametrize(
    ("uri", "start"),
    [
        ("rtsp://h/Streaming/tracks/101/?starttime=20260304T081000Z&endtime=20260304T082000Z", "2026-03-04T08:10:00"),
        ("rtsp://h/Streaming/tracks/101?name=1&StartTime=20260304t081000z", "2026-03-04T08:10:00"),
        ("rtsp://h/Streaming/tracks/101?starttime=20261304T081000Z", None),
        ("rtsp://h/Streaming/tracks/101", None),
    ],
)
def test_the_start_in_a_playback_address(uri: str, start: str | None) -> None:
    assert ws.uri_start(uri) == (start and digits(start))


def test_calibration_by_answers_with_a_suffix() -> None:
    now = match("2026-03-04T06:20:00", "2026-03-04T06:25:00", shift=timedelta(hours=-3))
    old = match("2026-03-03T06:20:00", "2026-03-03T06:25:00", shift=timedelta(hours=-3))
    verdict = judge(clock(-3), NOW, [match("2026-03-04T01:00:00", "2026-03-04T01:01:00"), old], [now])
    assert verdict == (ZMode.UTC, True)


def test_calibration_that_contradicts_itself_tells_nothing() -> None:
    assert judge(clock(1), NOW, [match("2026-03-05T12:00:00", "2026-03-05T13:00:00")], []) is None


def test_segments() -> None:
    wire = WireClock(clock(-3), ZMode.LOCAL)
    span = TimeSpan(NOW - timedelta(hours=2), NOW + timedelta(hours=1))
    mapper = SegmentMapper(wire, 2, StreamRole.SUB, span, now=NOW)
    rows = [
        match("2026-03-04T04:00:00", "2026-03-04T04:25:00"),
        match("2026-03-04T04:25:00", "2026-03-04T05:00:00", "motionAndAlarm", uri="rtsp://h/t?size=5"),
        match("2026-03-04T05:00:00", "2026-03-04T05:00:00"),
        match("2026-03-04T05:00:00", "2026-03-04T08:00:00", "shipsDetection"),
        match("2026-03-04T07:30:00", "2026-03-04T08:00:00"),
    ]
    first, second = mapper.map(rows)
    assert (first.channel, first.role, first.kind, first.size) == (2, StreamRole.SUB, RecordingKind.MOTION, 5)
    assert (first.keep, first.video, first.open) == (False, VideoCodec.H264, False)
    assert first.span.start == datetime(2026, 3, 4, 7, 25, tzinfo=UTC)
    assert (second.kind, second.raw_kind, second.open, second.span.end) == (
        RecordingKind.UNKNOWN,
        "shipsDetection",
        True,
        NOW,
    )
    only = SegmentMapper(wire, 2, StreamRole.SUB, span, now=NOW, kinds=frozenset({RecordingKind.UNKNOWN}))
    assert [segment.raw_kind for segment in only.map(rows)] == ["shipsDetection"]
    assert begins_in_future(rows, wire, NOW)
    assert not begins_in_future(rows[:4], wire, NOW)


def test_words() -> None:
    motion = frozenset({RecordingKind.MOTION})
    assert recording_kind("timing") is RecordingKind.CONTINUOUS
    assert typed_word(motion, motion) == "motion"
    assert typed_word(motion, frozenset()) is None
    assert typed_word(None, motion) is None
    assert typed_word(frozenset(RecordingKind), motion) is None
    assert typed_word(frozenset({RecordingKind.UNKNOWN}), frozenset(RecordingKind)) is None
