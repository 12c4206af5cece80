"""The bytes of the event stream: every irregularity, split at every byte (dahua-cgi 12.1)."""

from collections.abc import Iterator
import json

import pytest

from custom_components.nvr.core.drivers.dahua.wire_event import (
    MAX_PART,
    EventParser,
    WireEvent,
    _head,
    indexes_of,
    parse_payload,
)

BOUNDARY = "multipart/x-mixed-replace; boundary=myboundary"
HOSTILE = {"Name": "a;b={x}", "Note": 'line\nbreak "quoted" ;data={', "Zone": "Häuser 中", "List": [[1, 2], {"a": "}"}]}
PRETTY = json.dumps(HOSTILE, indent=3, ensure_ascii=False)


def part(payload: str, *, length: int | str | None = "exact", space: bool = False, blanks: str = "\r\n\r\n") -> bytes:
    body = payload.encode()
    lines = ["--myboundary", "Content-Type: text/plain"]
    if length is not None:
        size = len(body) if length == "exact" else int(length)
        lines.append(f"Content-Length:{' ' if space else ''}{size}")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body + blanks.encode()


def read(*chunks: bytes, content_type: str = BOUNDARY) -> list[WireEvent]:
    parser = EventParser(content_type)
    events = [event for chunk in chunks for event in parser.feed(chunk)]
    return events + parser.close()


def splits(data: bytes) -> Iterator[tuple[bytes, ...]]:
    """Yield the data cut in two at every byte, and in single bytes."""
    for at in range(len(data) + 1):
        yield data[:at], data[at:]
    yield tuple(data[at : at + 1] for at in range(len(data)))


def same_for_every_split(data: bytes, content_type: str = BOUNDARY) -> list[WireEvent]:
    whole = read(data, content_type=content_type)
    for chunks in splits(data):
        assert read(*chunks, content_type=content_type) == whole
    return whole


def plain(channel: int, action: str = "Start", code: str = "VideoMotion") -> str:
    return f"Code={code};action={action};index={channel}"


def rich(channel: int) -> str:
    return f"{plain(channel, code='CrossLineDetection')};data={PRETTY}"


EXPECTED = [
    WireEvent("VideoMotion", "Start", 3, {}),
    WireEvent("CrossLineDetection", "Start", 4, HOSTILE),
    WireEvent("VideoMotion", "Stop", 3, {}),
]


@pytest.mark.parametrize("blanks", ["\r\n", "\r\n\r\n", "\r\n\r\n\r\n", "\n"])
@pytest.mark.parametrize("shape", ["exact", "plus two", "oversized", "short", "missing"])
def test_lengths_of_every_sort(shape: str, blanks: str) -> None:
    texts = [plain(3), "Heartbeat", rich(4), "Heartbeat", plain(3, "Stop")]

    def length(text: str) -> int | None:
        size = len(text.encode())
        return {"exact": size, "plus two": size + 2, "oversized": size + 75, "short": size - 9, "missing": None}[shape]

    # Cut by nine bytes, a payload ends in the middle of a word and is not whole at its length.
    data = b"\r\n" + b"".join(part(text, length=length(text), blanks=blanks) for text in texts)
    assert same_for_every_split(data) == EXPECTED


@pytest.mark.parametrize("data", ["null", "{}", '""', "17", "[ ]"])
def test_data_that_is_no_object_leaves_the_event(data: str) -> None:
    stream = part(f"{plain(1, 'Pulse')};data={data}") + part(plain(2))
    found = same_for_every_split(stream)
    assert [(event.index0, event.action, dict(event.data), event.raw) for event in found] == [
        (1, "Pulse", {}, ""),
        (2, "Start", {}, ""),
    ]


def test_cut_data_keeps_the_event_and_its_text() -> None:
    cut = PRETTY[:-9]
    found = same_for_every_split(part(f"{plain(1)};data={cut}") + part(plain(2)))
    assert [event.index0 for event in found] == [1, 2]
    assert found[0].raw == cut.rstrip()
    assert not found[0].data


def test_a_pulse_is_given_out_with_its_last_byte() -> None:
    parser = EventParser(BOUNDARY)
    ring = part(plain(0, "Pulse", "DoorbellPressed"), blanks="")
    assert not parser.feed(ring[:-1])
    assert [event.code for event in parser.feed(ring[-1:])] == ["DoorbellPressed"]


def test_data_without_a_length_is_given_out_with_its_closing_bracket() -> None:
    parser = EventParser(BOUNDARY)
    assert parser.feed(part(rich(4), length=None, blanks="")) == EXPECTED[1:2]


def test_several_parts_in_one_chunk_and_a_wrong_announcement() -> None:
    data = (part(plain(3)) + part(rich(4)) + part(plain(3, "Stop"))).replace(b"--myboundary", b"--other")
    assert same_for_every_split(data) == EXPECTED
    assert same_for_every_split(data, content_type="text/plain") == EXPECTED


def test_parts_with_odd_headers() -> None:
    bare = b"--myboundary\r\nCode=VideoLoss;action=Start;index=0\r\n\r\n"
    more = b"--myboundary\r\nX-Id: 5\r\ncontent-length:  33\r\nContent-Type: text/plain;charset=utf-8\r\n\r\n"
    found = same_for_every_split(bare + more + plain(3).encode() + b"\r\n" + b"--myboundary--\r\n")
    assert [(event.code, event.index0) for event in found] == [("VideoLoss", 0), ("VideoMotion", 3)]


def test_a_part_that_never_ends_is_dropped_and_the_next_one_read() -> None:
    parser = EventParser(BOUNDARY)
    junk = b"--myboundary\r\nContent-Type: text/plain\r\n\r\n" + b"Code=X;action=Start;index=0;data={" + b" " * MAX_PART
    events = [event for at in range(0, len(junk), 65536) for event in parser.feed(junk[at : at + 65536])]
    assert not events
    assert parser.broken == 1
    assert parser.feed(b"\r\n" + part(plain(3))) == EXPECTED[:1]


def test_heartbeats_are_counted_and_are_no_events() -> None:
    parser = EventParser(BOUNDARY)
    assert not parser.feed(part("Heartbeat") * 3)
    assert parser.heartbeats == 3


def test_bytes_that_are_no_utf8_move_nothing() -> None:
    body = b'Code=VideoMotion;action=Start;index=0;data={ "RegionName" : [ "\xff\xfe gate" ] }'
    data = b"--myboundary\r\n\r\n" + body + b"\r\n\r\n" + part(plain(3))
    found = same_for_every_split(data)
    assert [event.index0 for event in found] == [0, 3]
    assert found[0].data["RegionName"] == ["�� gate"]


def test_ten_thousand_in_one_burst() -> None:
    texts = [plain(index % 64, ("Start", "Stop")[index // 64 % 2], f"Code{index}") for index in range(10_000)]
    data = b"".join(part(text) for text in texts)
    for at in range(0, 1024, 341):
        assert [event.code for event in read(data[:at], data[at:])] == [f"Code{index}" for index in range(10_000)]
    head = b"".join(part(text) for text in texts[:12])[:1024]
    same_for_every_split(head)


@pytest.mark.parametrize(
    "text", ["", "Heartbeat", "Code=A", "action=Start;index=0", "Code=A;action=Fly;index=0", "Error"]
)
def test_what_is_no_event(text: str) -> None:
    assert parse_payload(text.encode()) is None


def test_an_index_that_is_no_number() -> None:
    assert parse_payload(b"Code=NetAbort;action=Start;index=-1") == WireEvent("NetAbort", "Start", -1, {})
    assert parse_payload(b"Code=NetAbort;action=start;index=x") == WireEvent("NetAbort", "Start", None, {})


def test_indexes() -> None:
    assert indexes_of("channels[0]=0\r\nchannels[1]=5\r\n") == {0, 5}
    assert indexes_of("Error: No Events") == frozenset()


EMPTY = b"--myboundary\r\nContent-Type: text/plain\r\n\r\n"


@pytest.mark.parametrize("before", [EMPTY, EMPTY + b"\r\n", b"--myboundary\r\n", b"--myboundary\r\n\r\n\r\n"])
def test_a_part_without_a_payload_costs_none_of_the_next(before: bytes) -> None:
    data = before + part(plain(3))
    assert same_for_every_split(data) == EXPECTED[:1]
    parser = EventParser(BOUNDARY)
    parser.feed(data)
    assert (parser.broken, parser.heartbeats) == (0, 0)


def test_blank_lines_before_a_payload_are_not_of_its_length() -> None:
    body = plain(123).encode()
    data = b"--myboundary\r\nContent-Length:%d\r\n\r\n\r\n" % len(body) + body
    assert same_for_every_split(data + b"\r\n\r\n" + part(plain(3))) == [
        WireEvent("VideoMotion", "Start", 123, {}),
        EXPECTED[0],
    ]
    assert [event.index0 for event in EventParser(BOUNDARY).feed(data)] == [123]


@pytest.mark.parametrize("lacking", range(2, 9))
def test_a_length_that_cuts_the_last_word_is_not_believed(lacking: int) -> None:
    text = plain(12)
    assert same_for_every_split(part(text, length=len(text) - lacking)) == [WireEvent("VideoMotion", "Start", 12, {})]


def test_a_length_that_cuts_the_index_names_no_other_channel() -> None:
    short = part(plain(12), length=len(plain(12)) - 1)
    assert read(short) == [WireEvent("VideoMotion", "Start", 12, {})]


def test_data_may_begin_on_a_line_of_its_own() -> None:
    stream = part(f"{plain(1)};data=\r\n17", length=None) + part(f"{plain(2)};data=\r\n{PRETTY}", length=None)
    found = same_for_every_split(stream)
    assert [(event.index0, dict(event.data), event.raw) for event in found] == [(1, {}, ""), (2, HOSTILE, "")]


def test_lines_that_look_like_a_delimiter_are_of_the_payload() -> None:
    text = f'{plain(1)};data={{ "Name" : "gate\n--door\n-- other --\n" }}'
    found = same_for_every_split(part(text, length=None) + part(plain(3)))
    assert [event.index0 for event in found] == [1, 3]
    assert found[0].data == {"Name": "gate\n--door\n-- other --\n"}
    cut = same_for_every_split(part(f'{plain(1)};data={{ "Name" : "gate\n--door', length=None) + part(plain(3)))
    assert [(event.index0, event.raw) for event in cut] == [(1, '{ "Name" : "gate\n--door'), (3, "")]


def test_what_stands_before_the_first_delimiter_is_skipped() -> None:
    parser = EventParser(BOUNDARY)
    for _ in range(20):
        assert not parser.feed(b"x" * 1000)
    assert parser.feed(b"\r\n-- no delimiter\r\n" + part(plain(3))) == EXPECTED[:1]


def test_headers_without_end_are_dropped_and_the_next_part_read() -> None:
    parser = EventParser(BOUNDARY)
    assert not parser.feed(b"--myboundary\r\nX-Junk: " + b"x" * 9000)
    assert parser.broken == 1
    assert parser.feed(b"\r\n" + part(plain(3))) == EXPECTED[:1]


def test_headers_that_never_repeat_are_each_believed() -> None:
    # The blank line ends nothing and no further byte follows: only the announced length gives these out.
    parser = EventParser(BOUNDARY)
    for number in range(200):
        text = plain(number).encode()
        head = b"\r\n--myboundary\r\nX-Count: %d\r\nContent-Length:%d\r\n\r\n" % (number, len(text))
        assert [event.index0 for event in parser.feed(head + text)] == [number]


def test_a_whole_payload_that_is_no_event_is_counted() -> None:
    parser = EventParser(BOUNDARY)
    odd = [f"{plain(1, 'Fly')};data={PRETTY}", plain(1, "Fly"), "Error", ""]
    found = parser.feed(b"".join(part(text) for text in odd) + part(plain(3)))
    assert found == EXPECTED[:1]
    assert parser.broken == 3


def test_blanks_around_a_heartbeat() -> None:
    parser = EventParser(BOUNDARY)
    texts = ["Heartbeat \t", "\tHeartbeat", " Heartbeat"]
    assert parser.feed(b"".join(part(text, length=None) for text in texts) + part(plain(3))) == EXPECTED[:1]
    assert (parser.heartbeats, parser.broken) == (3, 0)


def test_a_cut_payload_at_the_end_of_the_stream_is_kept() -> None:
    parser = EventParser(BOUNDARY)
    assert not parser.feed(part(f'{plain(1)};data={{ "Id" : [ 1', blanks=""))
    assert [(event.index0, event.raw) for event in parser.close()] == [(1, '{ "Id" : [ 1')]
    assert parser.truncated == 1
    assert parser.close() == []


def test_a_boundary_of_dashes_alone_is_none() -> None:
    data = part(plain(3)) + part(rich(4)) + part(plain(3, "Stop"))
    assert same_for_every_split(b"--\r\n" + data, content_type="multipart/x-mixed-replace; boundary=--") == EXPECTED


def test_a_payload_that_has_ended() -> None:
    assert parse_payload(rich(4).encode()) == EXPECTED[1]
    assert parse_payload(f"{plain(3)};data=17".encode()) == EXPECTED[0]


def test_an_index_beyond_all_reason_is_none() -> None:
    text = f"Code=VideoMotion;action=Start;index={'9' * 5000}"
    assert read(part(text)) == [WireEvent("VideoMotion", "Start", None, {})]


def test_what_is_remembered_of_heads_has_a_bound() -> None:
    _head.cache_clear()
    # A head as long as a part may be is read, and not kept.
    long = f"{plain(3)};note={'x' * 1000}".encode()
    for _ in range(3):
        assert parse_payload(long) == EXPECTED[0]
    assert _head.cache_info().currsize == 0
    for number in range(5000):
        parse_payload(plain(number).encode())
    assert _head.cache_info().currsize <= 1024
