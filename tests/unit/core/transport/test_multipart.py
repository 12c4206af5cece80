"""Multipart as recorders write it: the same parts for every split of the bytes."""

import time
import tracemalloc

from hypothesis import given, strategies as st
import pytest

from custom_components.nvr.core.transport.multipart import MultipartLimits, MultipartParser, Part, boundary_of

XML = (
    b'<EventNotificationAlert version="2.0">\n<channelID>%d</channelID>\n<eventType>VMD</eventType>\n'
    b"</EventNotificationAlert>\n"
)
JPEG = b"\xff\xd8\xff\xe0 pic\r\n--boundar\n\x00\xff\xd9"
PNG = b"\x89PNG\r\n\x1a\n data IEND\xaeB`\x82"
JSON = b'{"eventType":"AccessControllerEvent","list":[{"a":1}]}'
TEXT = b'Content-Type: application/xml; charset="UTF-8"\r\n'


def alert(number: int) -> bytes:
    return XML % number


def wire(
    body: bytes, kind: bytes = b"application/xml", *, length: int | None = -1, delimiter: bytes = b"--boundary"
) -> bytes:
    """Return a part as recorders write it; length -1 is the true one, None is none."""
    head = delimiter + b"\r\nContent-Type: " + kind + b"\r\n"
    if length is not None:
        head += b"Content-Length: %d\r\n" % (len(body) if length < 0 else length)
    return head + b"\r\n" + body


def read(data: bytes, *sizes: int, boundary: str | None = "boundary", end: bool = False) -> list[bytes]:
    parser = MultipartParser(boundary)
    parts: list[Part] = []
    at = 0
    for size in (*sizes, len(data)):
        parts += parser.feed(data[at : at + size])
        at += size
    return [part.body.rstrip(b"\n") for part in (*parts, *(parser.close() if end else ()))]


def bodies(*numbers: int) -> list[bytes]:
    return [alert(number).rstrip(b"\n") for number in numbers]


def every_split(data: bytes, *, boundary: str | None = "boundary", end: bool = False) -> list[bytes]:
    """Read it whole, byte by byte, and cut in two at each place: all the same."""
    whole = read(data, boundary=boundary, end=end)
    assert read(data, *[1] * len(data), boundary=boundary, end=end) == whole
    for cut in range(len(data)):
        assert read(data, cut, boundary=boundary, end=end) == whole
    return whole


END = b"--boundary\r\n"


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (wire(alert(1)) + wire(alert(2)), bodies(1, 2)),
        (wire(alert(1)) + b"\r\n" + wire(alert(2)) + b"\r\n", bodies(1, 2)),
        (wire(alert(1)) + b"\r\n\r\n\n" + wire(alert(2)), bodies(1, 2)),
        (wire(alert(1).rstrip()) + wire(alert(2).rstrip()), bodies(1, 2)),
        (wire(alert(1), length=None) + wire(alert(2), length=None) + END, bodies(1, 2)),
        (wire(alert(1) + b"\r\n", length=None) + wire(alert(2), length=None) + END, bodies(1, 2)),
        (wire(alert(1), length=20) + wire(alert(2)), bodies(1, 2)),
        (wire(alert(1), length=0) + wire(alert(2)), bodies(1, 2)),
        (wire(alert(1), length=5000) + wire(alert(2)), bodies(1, 2)),
        (wire(alert(1), length=len(alert(1)) + 5) + wire(alert(2)), bodies(1, 2)),
        (wire(alert(1), length=len(alert(1)) + 12) + wire(alert(2)), bodies(1, 2)),
        (wire(alert(1).rstrip(), length=400) + wire(alert(2)), bodies(1, 2)),
        ((wire(alert(1)) + wire(alert(2), length=None) + END).replace(b"\r\n", b"\n"), bodies(1, 2)),
        (
            b"preamble\r\nof a proxy\r\n" + wire(alert(1)) + b"\r\n--boundary--\r\nepilogue\r\n" + wire(alert(2)),
            bodies(1, 2),
        ),
        (b"\r\n\r\n" + wire(alert(1)), bodies(1)),
        (wire(alert(1), delimiter=b"----boundary") + wire(alert(2), delimiter=b"boundary"), bodies(1, 2)),
        (wire(alert(1), delimiter=b"--<boundary>") + wire(alert(2)), bodies(1, 2)),
        (b"--boundary\r\n\r\n\r\n" + wire(alert(1))[12:], bodies(1)),
        (b"--boundary\r\n" + wire(alert(1)), bodies(1)),
        (b"--boundary\r\nContent-Type: application/xml\r\n" + wire(alert(1)), bodies(1)),
        (b"--boundary\r\nContent-Type: application/xml\r\n--boundary--\r\n" + wire(alert(1)), bodies(1)),
        (b"--boundary\r\n" + alert(1) + wire(alert(2)), bodies(1, 2)),
        (b"--boundary\r\n\r\n" + alert(1) + wire(alert(2)), bodies(1, 2)),
        (b"--boundary\r\nnot a header\r\n" + TEXT + b"\r\n" + alert(1) + END, bodies(1)),
        (b"--boundary\r\n" + TEXT + b"\r\nContent-Length: %d\r\n\r\n" % len(alert(1)) + alert(1), bodies(1)),
        (b"--boundary\r\n" + TEXT + b"\r\n\r\n\r\n" + alert(1) + END, bodies(1)),
        (b"--boundary\r\n" + TEXT + b"Content-Length: soon\r\n\r\n" + alert(1) + END, bodies(1)),
        (b"--boundary \t \r\n" + wire(alert(1))[12:], bodies(1)),
        (b"--boundary\r\n" + TEXT + b"\r\n" + END + wire(alert(1)), bodies(1)),
        (
            wire(alert(1).replace(b"VMD", b"the boundary--boundary x\nboundary y")),
            [alert(1).replace(b"VMD", b"the boundary--boundary x\nboundary y").rstrip()],
        ),
        (wire(b"<a/>") + wire(b"<?xml version='1.0'?>\n<a x='1'/>"), [b"<a/>", b"<?xml version='1.0'?>\n<a x='1'/>"]),
        (wire(b"<a><b/>", length=None) + END, [b"<a><b/>"]),
        (wire(JSON, b"application/json") + wire(alert(2)), [JSON, *bodies(2)]),
        (wire(JSON, b"application/json", length=30) + wire(alert(2)), [JSON, *bodies(2)]),
        (wire(JSON, b"text/plain") + wire(alert(2)), [JSON, *bodies(2)]),
        (wire(JPEG, b"image/jpeg") + wire(alert(2)), [JPEG, *bodies(2)]),
        (wire(JPEG, b"image/jpeg") + b"\r\n" + wire(alert(2)), [JPEG, *bodies(2)]),
        (wire(JPEG, b"image/jpeg", length=9) + b"\r\n" + wire(alert(2)), [JPEG, *bodies(2)]),
        (wire(JPEG, b"image/jpeg", length=None) + wire(alert(2)), [JPEG, *bodies(2)]),
        (wire(JPEG, b"image/jpeg", length=4000) + b"\r\n" + wire(alert(2)), [JPEG, *bodies(2)]),
        (
            wire(JPEG[:-2] + b"xx", b"image/jpeg", length=4000) + b"\r\n" + wire(alert(2)),
            [JPEG[:-2] + b"xx", *bodies(2)],
        ),
        (wire(PNG, b"image/png") + b"\r\n" + wire(alert(2)), [PNG, *bodies(2)]),
        (wire(PNG, b"image/png", length=5) + b"\r\n" + wire(alert(2)), [PNG, *bodies(2)]),
        (
            wire(b"\x00\r\n--boundary\r\nstill me", b"application/octet-stream") + wire(alert(2)),
            [b"\x00\r\n--boundary\r\nstill me", *bodies(2)],
        ),
        (
            wire(b"\x00--boundary x", b"image/png", length=None) + b"\r\n" + wire(alert(2)),
            [b"\x00--boundary x", *bodies(2)],
        ),
        (wire(b"\x00\nboundary\nx", b"video/mp4") + b"\r\n" + wire(alert(2)), [b"\x00\nboundary\nx", *bodies(2)]),
    ],
)
def test_parts_for_every_split(data: bytes, expected: list[bytes]) -> None:
    assert every_split(data) == expected


def test_isolated_event_does_not_wait_for_more_bytes() -> None:
    parser = MultipartParser("boundary")
    for number in range(3):
        data = wire(alert(number))
        assert parser.feed(data[:-1]) == []
        (part,) = parser.feed(data[-1:])
        assert part.body == alert(number)
        assert part.headers["content-type"] == "application/xml"
        assert part.headers["content-length"] == str(len(alert(number)))


def test_event_without_length_is_whole_at_the_delimiter() -> None:
    parser = MultipartParser("boundary")
    assert parser.feed(wire(alert(1), length=None)) == []
    assert [part.body for part in parser.feed(END)] == [alert(1).removesuffix(b"\n")]


@pytest.mark.parametrize(
    ("announced", "delimiter"),
    [
        ("boundary", b"--boundary"),
        ("--boundary", b"--boundary"),
        ("--boundary", b"----boundary"),
        ("<boundary>", b"--<boundary>"),
        ("<boundary>", b"--boundary"),
        ("boundary", b"boundary"),
        ('"MIME_boundary"', b"--MIME_boundary"),
        ("7e13971310878", b"-----------------------------7e13971310878"),
        (None, b"--boundary"),
        (None, b"--anything-else"),
        ("", b"--boundary"),
        ("announced", b"--written"),
    ],
)
@pytest.mark.parametrize("before", [b"", b"\r\n", b"-- hello --\r\n", b"a line\r\n"])
def test_boundary_forms(announced: str | None, delimiter: bytes, before: bytes) -> None:
    data = before + wire(alert(1), delimiter=delimiter) + b"\r\n" + wire(alert(2), delimiter=delimiter)
    assert every_split(data, boundary=announced) == bodies(1, 2)


@pytest.mark.parametrize(
    ("content_type", "expected"),
    [
        ("multipart/mixed; boundary=boundary", "boundary"),
        ('multipart/mixed; boundary="a b"', "a b"),
        ("multipart/mixed; Boundary = --x; charset=utf-8", "--x"),
        ("multipart/mixed; boundary=<boundary>", "<boundary>"),
        ('multipart/mixed; boundary=""', None),
        ("multipart/mixed", None),
        ("", None),
    ],
)
def test_boundary_of_the_header(content_type: str, expected: str | None) -> None:
    assert boundary_of(content_type) == expected


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (wire(alert(1), length=None), bodies(1)),
        (wire(alert(1), length=None) + b"\r\n--boundary--", bodies(1)),
        (wire(alert(1), length=9000), bodies(1)),
        (wire(alert(1)[:-20], length=None), []),
        (wire(b"\x00\x01", b"video/mp4", length=10), []),
        (wire(b"\x00\x01", b"video/mp4", length=None), [b"\x00\x01"]),
        (wire(alert(1)), bodies(1)),
        (b"", []),
    ],
)
def test_end_of_the_stream(data: bytes, expected: list[bytes]) -> None:
    assert every_split(data, end=True) == expected


def test_parser_can_be_used_again_after_the_end() -> None:
    parser = MultipartParser("boundary")
    parser.feed(wire(alert(1))[:-5])
    parser.close()
    assert [part.body for part in parser.feed(wire(alert(2)))] == [alert(2)]


SMALL = MultipartLimits(headers=200, text=1000, binary=5000)


@pytest.mark.parametrize(
    ("data", "skipped"),
    [
        (wire(b"<a>" + b"x" * 3000 + b"</a>"), 1),
        (wire(b"<a>" + b"x" * 3000 + b"</a>", length=None) + b"\r\n", 1),
        (wire(b"<a>" + b"x" * 1010 + b"</a>", length=None) + b"\r\n", 1),
        (wire(b"\xff\xd8" + b"x" * 9000 + b"\xff\xd9", b"image/jpeg") + b"\r\n", 1),
        (wire(b"\xff\xd8" + b"x" * 9000 + b"\xff\xd9", b"image/jpeg"), 1),
        (wire(b"\xff\xd8" + b"x" * 9000, b"image/jpeg", length=None) + b"\r\n", 1),
        (wire(b"", length=10**12), 1),
        (b"--boundary\r\n" + b"X-Long: y\r\n" * 40 + b"\r\n<a>zz</a>\r\n", 1),
        (b"--boundary\r\nX-Long: " + b"y" * 400 + b"\r\n\r\n", 1),
        (b"junk " * 1000 + b"\r\n", 0),
        (b"junk " * 1000, 0),
    ],
)
@pytest.mark.parametrize("step", [1, 7, 100_000])
def test_too_large_is_skipped_and_the_next_part_arrives(data: bytes, skipped: int, step: int) -> None:
    parser = MultipartParser("boundary", SMALL)
    data += b"\r\n" + wire(alert(2))
    parts: list[Part] = []
    held = 0
    for at in range(0, len(data), step):
        parts += parser.feed(data[at : at + step])
        held = max(held, len(parser._buffer))
    assert [part.body for part in parts] == [alert(2)]
    assert parser.skipped == skipped
    if step < 100:
        assert held <= SMALL.binary + 300


def test_memory_is_bounded_when_nothing_ends() -> None:
    parser = MultipartParser("boundary")
    parser.feed(wire(b"", b"image/jpeg", length=None))
    tracemalloc.start()
    for _ in range(1000):
        parser.feed(b"x" * 65536)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 12 * 1024 * 1024
    assert parser.skipped == 1


def test_headers_of_many_kinds_are_remembered_only_so_far() -> None:
    parser = MultipartParser("boundary")
    for number in range(300):
        body = b"<a>" + b"x" * number + b"</a>"
        assert [part.body for part in parser.feed(wire(body))] == [body]
    assert len(parser._heads) <= 64


binary = st.binary(max_size=120)
documents = st.one_of(
    binary.map(lambda raw: (b"application/xml", b"<a>" + raw.replace(b"<", b"").replace(b"\n--", b"") + b"</a>\n")),
    binary.map(lambda raw: (b"image/jpeg", b"\xff\xd8" + raw + b"\xff\xd9")),
    binary.map(lambda raw: (b"application/octet-stream", raw + b".")),
    st.just((b"application/json", JSON)),
)


@given(
    st.lists(st.tuples(documents, st.booleans(), st.sampled_from([b"", b"\r\n", b"\n", b"\r\n\r\n"])), max_size=6),
    st.lists(st.integers(1, 90), max_size=30),
    st.sampled_from([b"--boundary", b"----boundary"]),
)
def test_any_parts_come_back_for_any_split(
    items: list[tuple[tuple[bytes, bytes], bool, bytes]], sizes: list[int], delimiter: bytes
) -> None:
    data = b""
    for (kind, body), known, line_end in items:
        # Without a length the line end before the delimiter is what marks the end.
        binary_kind = kind not in {b"application/xml", b"application/json"}
        data += wire(body, kind, length=-1 if known or binary_kind else None, delimiter=delimiter) + line_end
    data += delimiter + b"\r\n"
    expected = [body.rstrip(b"\r\n") for (_, body), _, _ in items]
    assert [body.rstrip(b"\r\n") for body in read(data, *sizes)] == expected
    assert [body.rstrip(b"\r\n") for body in read(data, *[1] * len(data))] == expected


@given(st.binary(max_size=400), st.lists(st.integers(1, 50), max_size=20), st.sampled_from([None, "b", "boundary"]))
def test_noise_never_raises_and_never_depends_on_the_split(
    noise: bytes, sizes: list[int], boundary: str | None
) -> None:
    data = noise + b"\r\n" + wire(alert(1)) + noise + wire(alert(2), length=len(noise))
    assert read(data, *sizes, boundary=boundary, end=True) == read(data, boundary=boundary, end=True)


def test_ten_thousand_events_byte_by_byte_are_not_quadratic() -> None:
    def cost(count: int) -> float:
        data = b"".join(wire(alert(number)) for number in range(count))
        parser = MultipartParser("boundary")
        start = time.process_time()
        found = sum(len(parser.feed(data[at : at + 1])) for at in range(len(data)))
        assert found == count
        return time.process_time() - start

    assert cost(10_000) <= 10 * 2.5 * cost(1_000)


def test_one_large_picture_byte_by_byte_is_not_quadratic() -> None:
    def cost(size: int) -> float:
        data = (
            wire(b"\xff\xd8" + b"\n--boundar" * (size // 10) + b"\xff\xd9", b"image/jpeg", length=None) + b"\r\n" + END
        )
        parser = MultipartParser("boundary")
        start = time.process_time()
        assert sum(len(parser.feed(data[at : at + 1])) for at in range(len(data))) == 1
        return time.process_time() - start

    assert cost(400_000) <= 10 * 2.5 * cost(40_000)


def one_by_one(parts: list[bytes]) -> list[bytes]:
    parser = MultipartParser("boundary")
    return [part.body for each in parts for part in parser.feed(each)]


def test_parts_known_by_heart_are_those_read_step_by_step() -> None:
    # Each beginning comes twice, and there are more of them than are remembered.
    sent = [b"<a>%s</a>\n" % (b"x" * size) for size in range(80) for _ in range(2)]
    assert one_by_one([wire(body) for body in sent]) == sent
    # What closes itself has no frame to be known by, and another root is no less whole than the one before.
    sent = [b"<a/>"] * 4 + [b"<a>1</a>", b"<a>2</a>", b"<b>3</b>", b"<a>5</a>"]
    assert one_by_one([wire(body) for body in sent]) == sent
    # A length that is too short by chance cuts where the frame does not end.
    data = [wire(b"<a>1</a>"), wire(b"<a>2</a>"), wire(b"<a>1</a><a>", length=8), END]
    assert one_by_one(data)[:3] == [b"<a>1</a>", b"<a>2</a>", b"<a>1</a>"]


def test_what_follows_a_known_part_in_the_same_bytes_is_read_on() -> None:
    known, other = wire(alert(1)), wire(b"{}", b"application/json")
    chunks = [known, known, known + other[:20], other[20:] + known]
    assert one_by_one(chunks) == [alert(1)] * 3 + [b"{}", alert(1)]
