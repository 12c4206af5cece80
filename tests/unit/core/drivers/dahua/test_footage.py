"""Lists of files: what the wire says, and which segments that makes (dahua-cgi 9)."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from custom_components.nvr.core.clock import DeviceClock
from custom_components.nvr.core.drivers.dahua.mapping_search import SegmentMapper, file_kind, in_order, wanted
from custom_components.nvr.core.drivers.dahua.mapping_time import WallClock
from custom_components.nvr.core.drivers.dahua.wire import parse_lines
from custom_components.nvr.core.drivers.dahua.wire_find import (
    FoundFile,
    cgi_page,
    days_of,
    detections,
    find_condition,
    find_query,
    locator,
    log_condition,
    log_lines,
    parse_locator,
    parse_stamp,
    rpc_page,
    rule_condition,
    smd_condition,
    stamp,
)
from custom_components.nvr.core.models import DayMap, RecordingKind, RecordingSegment, StreamRole, TimeSpan

NOW = datetime(2026, 11, 2, 12, 0, tzinfo=UTC)
BERLIN = WallClock(DeviceClock(ZoneInfo("Europe/Berlin"), timedelta(0), NOW))
SPAN = TimeSpan(NOW - timedelta(days=60), NOW)


def wall(text: str) -> datetime:
    found = parse_stamp(text)
    assert found is not None
    return found


def file(start: str, end: str, letter: str = "R", **more: Any) -> FoundFile:
    begin, until = wall(start), wall(end)
    path = f"/mnt/dvr/{begin:%Y-%m-%d}/0/dav/{begin:%H}/{begin:%H.%M.%S}-{until:%H.%M.%S}[{letter}][0@0][0].dav"
    return FoundFile(begin, until, path, 0, "Main")._replace(**more)


def segments(*files: FoundFile, **more: Any) -> list[RecordingSegment]:
    mapper = SegmentMapper(BERLIN, 1, StreamRole.MAIN, SPAN, now=NOW, **more)
    return mapper.map(files)


CGI = """found=2\r
items[1].Channel=4\r
items[1].StartTime=2026-4-9 1:02:03\r
items[1].EndTime=2026-04-09 02:00:00\r
items[1].FilePath=/mnt/dvr/2026-04-09/4/dav/01/01.02.03-02.00.00[M][0@0][0].dav\r
items[1].Length=5368709120\r
items[1].Flags[0]=Event\r
items[1].Events[0]=VideoMotion\r
items[1].VideoStream=Extra1\r
items[0].Channel=4\r
items[0].StartTime=never\r
items[0].EndTime=2026-04-09 02:00:00\r
"""


def test_a_page_of_the_cgi() -> None:
    page = cgi_page(parse_lines(CGI))
    assert page.found == 2
    (found,) = page.files
    assert (found.start, found.end) == (wall("2026-04-09 01:02:03"), wall("2026-04-09 02:00:00"))
    assert (found.index0, found.stream, found.size, found.letter) == (4, "Extra1", 5368709120, "M")
    assert (found.flags, found.events) == (("Event",), ("VideoMotion",))
    assert cgi_page(parse_lines("found=0")) == (0, [])


@pytest.mark.parametrize("key", ["infos", "items"])
def test_a_page_of_rpc(key: str) -> None:
    item = {"Channel": 0, "StartTime": "2026-04-09 01:00:00", "EndTime": "2026-04-09 01:30:00", "FilePath": "/a.dav"}
    page = rpc_page({"found": 1, key: [item]})
    assert [found.path for found in page.files] == ["/a.dav"]
    assert rpc_page({"found": 0, key: None}) == (0, [])
    assert rpc_page({key: [item, 7, None]}).found == 3


@pytest.mark.parametrize("found", ["-1", "", "many", "9" * 5000])
def test_a_count_that_is_none_leaves_what_is_listed(found: str) -> None:
    flat = parse_lines(CGI) | {"found": found}
    assert cgi_page(flat).found == 2
    assert rpc_page({"found": found, "infos": None}) == (0, [])


def test_what_is_asked() -> None:
    start, end = wall("2026-04-29 00:00:00"), wall("2026-04-30 00:00:00")
    query = find_query(7, 5, start, end, "Main")
    assert query.startswith("action=findFile&object=7&condition.Channel=5&condition.StartTime=2026-04-29%2000:00:00&")
    assert "condition.VideoStream=Main" in query
    assert " " not in query
    assert find_condition(4, start, end, "Extra1")["VideoStream"] == "Extra1"
    assert "Event.VideoMotion.Pluse" in log_condition(start, end, ["VideoMotion"])["Types"]  # type: ignore[operator]
    assert stamp(start + timedelta(microseconds=5)) == "2026-04-29 00:00:00"
    assert parse_stamp("2026-02-30 00:00:00") is None


def test_what_the_searches_for_detections_ask() -> None:
    start, end = wall("2026-04-29 00:00:00"), wall("2026-04-30 00:00:00")
    rule = rule_condition(0, start, end, "CrossLineDetection")
    assert (rule["Channel"], rule["Events"]) == ([0], ["CrossLineDetection"])
    assert rule["DB"] == {
        "IVS": {
            "Order": "Descent",
            "Events": ["CrossLineDetection"],
            "Rule": "CrossLineDetection",
            "ObjectType": ["Vehicle", "Human"],
        }
    }
    smd = smd_condition(4, start, end, ("smdTypeHuman", "smdTypeAnimal"))
    assert (smd["Channels"], smd["SmdType"]) == ([4], ["smdTypeHuman", "smdTypeAnimal"])
    # Both in wall digits, oldest first: pages are taken as they come.
    for condition in (rule, smd):
        assert (condition["StartTime"], condition["EndTime"]) == ("2026-04-29 00:00:00", "2026-04-30 00:00:00")
    assert (smd["Order"], smd["Orders"]) == ("ascOrder", [{"Field": "SystemTime", "Type": "Ascent"}])


def test_lists_of_what_happened() -> None:
    smd = {
        "SmdInfo": [{"Channel": 0, "StartTime": "2026-05-01 15:09:07", "EndTime": "2026-05-01 15:09:28", "Type": "x"}]
    }
    assert [(found.index0, found.word) for found in detections(smd)] == [(0, "x")]
    smd["SmdInfo"].insert(0, {"Channel": 3, "StartTime": "2026-05-01 15:09:07", "EndTime": "", "Type": "cut"})
    assert [found.word for found in detections(smd)] == ["x"]
    lines = log_lines({"items": [{"Channel": 1, "Code": "VideoMotion", "Time": "2026-04-30 12:00:30"}, {"Time": ""}]})
    assert [(line.code, line.channel, line.utc) for line in lines] == [("VideoMotion", 1, None)]
    said = {"Code": "x", "Time": "2026-10-25 02:30:00"}
    (line,) = log_lines({"items": [{**said, "UTCTime": 1792891800}]})
    assert line.utc == datetime(2026, 10, 25, 1, 30, tzinfo=UTC)
    assert all(log_lines({"items": [{**said, "UTCTime": odd}]})[0].utc is None for odd in (0, -5, 1 << 60, "soon"))


def test_a_month() -> None:
    assert days_of(0b1011) == {1, 3}
    assert days_of(1 << 31) == {31}


@pytest.mark.parametrize("last", [date(2026, 2, 28), date(2028, 2, 29), date(2026, 4, 30), date(2026, 3, 31)], ids=str)
def test_a_months_last_day(last: date) -> None:
    begin = date(last.year, last.month, 1)
    alone = DayMap(1, last.year, last.month, days_of(1 << last.day))
    assert alone.dates() == (last,)
    whole = DayMap(1, last.year, last.month, days_of((2 << last.day) - 2))
    assert whole.dates() == tuple(begin + timedelta(days=number) for number in range(last.day))


def test_a_locator_comes_back() -> None:
    one = file("2026-06-01 10:00:00", "2026-06-01 10:30:00", size=5)
    back = parse_locator(locator(one))
    assert back is not None
    assert (back.start, back.end, back.path, back.size) == (one.start, one.end, one.path, 5)
    endless = parse_locator(f"2026-06-01T10:00:00|2026-06-01T10:30:00|{'9' * 5000}|/a.dav")
    assert endless is not None
    assert endless.size is None
    times = "2026-06-01T10:00:00|2026-06-01T10:30:00"
    for odd in ("", "a|b|c|d", "rtsp://x", f"{times}|1|", f"{times.replace('|', 'Z|')}|1|/a.dav"):
        assert parse_locator(odd) is None


@pytest.mark.parametrize(
    ("one", "kind"),
    [
        (file("2026-06-01 10:00:00", "2026-06-01 10:30:00", "R"), RecordingKind.CONTINUOUS),
        (file("2026-06-01 10:00:00", "2026-06-01 10:30:00", "M"), RecordingKind.MOTION),
        (file("2026-06-01 10:00:00", "2026-06-01 10:30:00", "I"), RecordingKind.SMART),
        (file("2026-06-01 10:00:00", "2026-06-01 10:30:00", "A"), RecordingKind.ALARM),
        (FoundFile(NOW, NOW, "/x.mp4", events=("VideoMotion",)), RecordingKind.MOTION),
        (FoundFile(NOW, NOW, "/x.mp4", events=("CrossLineDetection",)), RecordingKind.SMART),
        (FoundFile(NOW, NOW, "/x.mp4", flags=("UnMarked", "Manual")), RecordingKind.MANUAL),
        (FoundFile(NOW, NOW, "/x.mp4"), RecordingKind.UNKNOWN),
    ],
)
def test_kinds(one: FoundFile, kind: RecordingKind) -> None:
    assert file_kind(one)[0] is kind


def test_streams_and_channels_are_told_apart_and_copies_dropped() -> None:
    one = file("2026-10-01 10:00:00", "2026-10-01 10:30:00")
    grown = one._replace(end=one.end + timedelta(minutes=1))
    others = [one._replace(index0=3), one._replace(stream="Extra1"), one, grown]
    assert wanted(others, 1, StreamRole.MAIN) == [grown]
    assert wanted([grown, one], 1, StreamRole.MAIN) == [grown]
    assert wanted(others, 1, StreamRole.SUB) == [others[1]]
    copy = one._replace(path=one.path.replace("/mnt/dvr", "/mnt/other"), place="1/0/5")
    assert len(segments(one, copy)) == 1


def test_newest_first_is_turned_round() -> None:
    files = [file(f"2026-10-01 1{hour}:00:00", f"2026-10-01 1{hour}:59:59") for hour in range(5)]
    assert in_order(files[::-1]) == files
    assert [each.span for each in segments(*files[::-1])] == [each.span for each in segments(*files)]
    mixed = [files[3], files[0], files[4], files[1], files[2]]
    assert [each.span for each in segments(*mixed)] == [each.span for each in segments(*files)]


def test_the_hour_that_occurs_twice() -> None:
    names = [("01:30", "02:00"), ("02:00", "02:30"), ("02:30", "02:00"), ("02:00", "02:30"), ("02:30", "03:00")]
    files = [
        file(f"2026-10-25 {start}:00", f"2026-10-25 {end}:00", place=f"8/0/{number}")
        for number, (start, end) in enumerate(names)
    ]
    begin = datetime(2026, 10, 24, 23, 30, tzinfo=UTC)
    half = timedelta(minutes=30)
    expected = [TimeSpan(begin + number * half, begin + (number + 1) * half) for number in range(5)]
    assert [segment.span for segment in segments(*files)] == expected


@pytest.mark.parametrize(
    "names",
    [
        [("01:00:00", "02:00:00"), ("02:00:00", "02:00:00"), ("02:00:00", "03:00:00"), ("03:00:00", "04:00:00")],
        [("01:00:00", "01:59:59"), ("02:00:00", "02:59:59"), ("02:00:00", "02:59:59"), ("03:00:00", "03:59:59")],
        [("01:00:00", "02:00:00"), ("02:00:00", "02:59:59"), ("02:00:00", "03:00:00"), ("03:00:00", "04:00:00")],
        [("01:30:00", "02:30:00"), ("02:30:00", "02:30:00"), ("02:30:00", "03:30:00"), ("03:30:00", "04:30:00")],
    ],
)
@pytest.mark.parametrize("newest_first", [False, True])
def test_files_that_begin_with_the_hour_that_occurs_twice(names: list[tuple[str, str]], newest_first: bool) -> None:
    files = [
        file(f"2026-10-25 {start}", f"2026-10-25 {end}", place=f"8/0/{number}")
        for number, (start, end) in enumerate(names)
    ]
    found = segments(*(reversed(files) if newest_first else files))
    begin = BERLIN.from_wall(files[0].start)
    assert [each.span.start - begin for each in found] == [timedelta(hours=number) for number in range(4)]
    seams = [later.span.start - earlier.span.end for earlier, later in pairwise(found)]
    assert all(timedelta(0) <= seam <= timedelta(seconds=1) for seam in seams)


def test_one_fall_is_the_clock_and_no_order() -> None:
    alone = [file("2026-10-25 02:30:00", "2026-10-25 02:35:00"), file("2026-10-25 02:10:00", "2026-10-25 02:15:00")]
    starts = [each.span.start for each in segments(*alone)]
    assert starts == [datetime(2026, 10, 25, 0, 30, tzinfo=UTC), datetime(2026, 10, 25, 1, 10, tzinfo=UTC)]


def test_of_copies_that_begin_at_once_the_longest_is_told() -> None:
    short, long, other = (
        file("2026-10-01 10:00:00", "2026-10-01 10:10:00", place="1/0/7"),
        file("2026-10-01 10:00:00", "2026-10-01 10:30:00", place="2/0/9"),
        file("2026-10-01 10:00:00", "2026-10-01 10:01:00", "M", place="1/0/8"),
    )
    for files in ((short, long, other), (long, other, short)):
        found = segments(*files)
        assert [(each.kind, each.span.duration // timedelta(minutes=1)) for each in found] == [
            (RecordingKind.CONTINUOUS, 30),
            (RecordingKind.MOTION, 1),
        ]


def test_the_last_file_grows() -> None:
    closed, growing = (
        file("2026-11-02 12:00:00", "2026-11-02 12:30:00"),
        file("2026-11-02 12:30:00", "2026-11-02 12:59:58"),
    )
    found = segments(closed, growing)
    assert [segment.open for segment in found] == [False, True]
    planned = segments(closed, growing._replace(end=wall("2026-11-02 13:30:00")))
    assert planned[-1].open
    assert planned[-1].span.end == NOW
    assert not segments(closed)[0].open
    assert segments(file("2026-11-02 14:00:00", "2026-11-02 14:30:00")) == []


def test_windows_of_one_search_tell_a_file_once() -> None:
    mapper = SegmentMapper(BERLIN, 1, StreamRole.MAIN, SPAN, now=NOW)
    first, second = (
        file("2026-10-01 10:00:00", "2026-10-01 10:30:00"),
        file("2026-10-01 10:30:00", "2026-10-01 11:00:00"),
    )
    assert len(mapper.map([first])) == 1
    assert [segment.span.start.hour for segment in mapper.map([first, second])] == [8]


def test_kinds_that_are_not_wanted_are_left_out() -> None:
    regular, motion = (
        file("2026-10-01 10:00:00", "2026-10-01 10:30:00"),
        file("2026-10-01 10:30:00", "2026-10-01 10:31:00", "M"),
    )
    found = segments(regular, motion, kinds=frozenset({RecordingKind.MOTION}))
    assert [segment.raw_kind for segment in found] == ["M"]


def test_files_that_only_touch_the_span_are_left_out() -> None:
    names = [("09:30", "10:00"), ("10:00", "10:30"), ("10:30", "11:00"), ("11:00", "11:30")]
    files = [file(f"2026-10-01 {start}:00", f"2026-10-01 {end}:00") for start, end in names]
    span = TimeSpan(datetime(2026, 10, 1, 8, 0, tzinfo=UTC), datetime(2026, 10, 1, 8, 45, tzinfo=UTC))
    found = SegmentMapper(BERLIN, 1, StreamRole.MAIN, span, now=NOW).map(files)
    assert [(segment.span.start.hour, segment.span.start.minute) for segment in found] == [(8, 0), (8, 30)]
    # A file keeps its own borders: it is played from its beginning and taken whole.
    assert found[-1].span.end == datetime(2026, 10, 1, 9, 0, tzinfo=UTC)
