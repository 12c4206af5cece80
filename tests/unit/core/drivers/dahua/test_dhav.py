"""The frame filter: what is before, between and behind frames, split at every byte (dahua-cgi 11.3, 11.5)."""

from datetime import datetime, timedelta
from random import Random

import pytest

from custom_components.nvr.core.drivers.dahua.dhav import (
    AUDIO,
    HEADER,
    INTER,
    KEY,
    MAX_FRAME,
    DhavFilter,
    Window,
    frames,
    parse_header,
    unpack_date,
)

from .dhav import START, frame, packed

SECOND = timedelta(seconds=1)
PLAYED = {KEY, INTER, AUDIO}
VIDEO = b"".join(
    frame(KEY if second % 2 == 0 else INTER, f"picture {second}".encode() * 3, START + second * SECOND, second)
    + frame(AUDIO, b"sound", START + second * SECOND, second)
    + frame(0xF1, b"extra", START + second * SECOND, second)
    for second in range(4)
)


def junk(size: int = 90) -> bytes:
    return Random(5).randbytes(size).replace(b"D", b"d")


FALSE_HEADERS = {
    "magic alone": junk(20) + b"DHAV" + junk(60),
    "right header, wrong trailer": junk(9) + frame(KEY, b"false")[:-8] + b"dhav\0\0\0\0" + junk(5),
    "too long by far": b"DHAV" + bytes((KEY,)) + b"\xff" * 40,
    "longer than all that comes": junk(7) + frame(KEY, bytes(50_000))[:HEADER] + junk(30),
    "index": b"DHII" + bytes(300),
    "file header": b"DAHUA" + bytes(0x400 - 5),
    "magic cut in two": b"DHADHAVDHA",
    "json part": b'--b\r\nContent-Type: application/json\r\n\r\n{"result":true}\r\n--b\r\n\r\n',
}


def run(*chunks: bytes, window: Window | None = None) -> tuple[bytes, DhavFilter]:
    wanted = DhavFilter(window)
    found = b"".join(_lent(wanted, chunk) for chunk in chunks)
    return found + wanted.close(), wanted


def _lent(wanted: DhavFilter, chunk: bytes) -> bytes:
    """Feed memory that is filled anew behind the filter's back, as that of a long download is."""
    memory = bytearray(chunk)
    found = bytes(wanted.feed(memoryview(memory)))
    memory[:] = b"\xa5" * len(memory)
    return found


def test_a_header() -> None:
    found = parse_header(frame(KEY, b"12345", number=9))
    assert found is not None
    assert list(frames(VIDEO[:-1]))[-1][1] < len(VIDEO) - HEADER
    assert (found.type, found.number, found.size, found.digits, found.proven) == (KEY, 9, 24 + 4 + 5 + 8, START, True)
    assert unpack_date(packed(START)) == START
    assert unpack_date(0) is None


@pytest.mark.parametrize("before", FALSE_HEADERS.values(), ids=FALSE_HEADERS)
def test_what_stands_before_the_first_frame_is_dropped(before: bytes) -> None:
    data = before + VIDEO
    for at in range(len(data) + 1):
        found, wanted = run(data[:at], data[at:])
        assert found == VIDEO
        assert wanted.skipped == len(before)
        assert not wanted.truncated
    found, wanted = run(before + VIDEO[:-1])
    assert wanted.truncated
    assert run(*(data[at : at + 1] for at in range(len(data))))[0] == VIDEO


def test_junk_between_frames_costs_no_frame_behind_it() -> None:
    middle = next(at for found, at in frames(VIDEO) if found.number == 2)
    data = VIDEO[:middle] + junk() + b"DHAV" + junk(40) + VIDEO[middle:] + b"\r\n--b--\r\n"
    for at in range(len(data) + 1):
        found, wanted = run(data[:at], data[at:])
        assert found == VIDEO
        assert wanted.resyncs == 1
        assert not wanted.truncated


def test_a_cut_is_told_wherever_it_is() -> None:
    ends = {at for _, at in frames(VIDEO)} | {len(VIDEO)}
    first = min(ends - {0})
    for at in range(first, len(VIDEO) + 1):
        found, wanted = run(VIDEO[:at])
        assert wanted.truncated is (at not in ends), at
        assert found.startswith(VIDEO[:first])
    for at in range(HEADER, first):
        assert run(VIDEO[:at])[1].truncated


def window(start: int, end: int) -> Window:
    return Window(START + start * SECOND, START + end * SECOND, lambda digits, _last: digits)


def test_a_window_begins_with_a_key_frame_and_ends_in_time() -> None:
    places = list(frames(VIDEO))
    kept = b"".join(
        VIDEO[at : at + found.size] for found, at in places if found.number in (2, 3) and found.type != 0xF1
    )
    for at in range(0, len(VIDEO) + 1, 3):
        found, wanted = run(VIDEO[:at], VIDEO[at:], window=window(1, 9))
        assert found == kept
        assert (wanted.first, wanted.last) == (START + 2 * SECOND, START + 3 * SECOND)
        assert not wanted.done
    found, wanted = run(VIDEO, b"more", window=window(0, 2))
    assert wanted.done
    assert wanted.last == START + SECOND
    assert wanted.feed(VIDEO) == b""


@pytest.mark.parametrize("begin", [0, 1, 3])
def test_many_frames_of_one_second_are_told_apart(begin: int) -> None:
    """Long runs are passed at a hop: what is between them, before the window and behind junk still is not."""
    kinds = [KEY, AUDIO, 0xF1, INTER, 0xFB, 0xF5, AUDIO, INTER, INTER, 0xF1]
    each = [
        [frame(kind, b"%d/%d" % (second, place), START + second * SECOND) for place, kind in enumerate(kinds)]
        for second in range(4)
    ]
    kept = b"".join(
        data for second in range(begin, 3) for kind, data in zip(kinds, each[second], strict=True) if kind in PLAYED
    )
    each[1].insert(4, junk(40))  # what follows is kept as what was before
    each[2].insert(7, each[2][3][:12] + (20).to_bytes(4, "little") + each[2][3][16:24] + bytes(8))
    data = b"".join(part for parts in each for part in parts)
    everything = b"".join(part for parts in each for part in parts if part[-8:-4] == b"dhav")
    for at in range(len(data) + 1):
        found, wanted = run(data[:at], data[at:], window=window(begin, 3))
        assert found == kept
        assert (wanted.frames, wanted.resyncs) == ((3 - begin) * 6, 2)
        found, wanted = run(data[:at], data[at:])
        assert found == everything
        assert (wanted.frames, wanted.skipped) == (40, len(data) - len(everything))


def test_frames_of_many_kinds_at_once() -> None:
    """Nobody has described the byte behind the channel: whatever it says, the frame is kept."""
    each = [bytearray(frame(INTER, b"%d" % number, START)) for number in range(100)]
    for number, data in enumerate(each):
        data[7] = number
    whole = b"".join(each)
    assert run(whole + whole)[0] == whole + whole


def test_a_date_that_is_none_hides_nothing() -> None:
    """Where the date is no proof each frame needs its checksum."""
    good = frame(KEY, b"one", START)
    undated = bytearray(good)
    undated[16:20] = bytes(4)
    undated[23] = sum(undated[:23]) & 0xFF
    unproven = bytearray(undated)
    unproven[23] ^= 1
    found, wanted = run(bytes(undated * 3 + unproven) + good)
    assert found == bytes(undated * 3) + good
    assert wanted.resyncs == 1


def test_a_window_in_an_hour_that_occurs_twice() -> None:
    """Digits fall back at 03:00; the reading tells the second pass by what came before."""
    night = datetime(2026, 10, 25, 2, 59, 58)  # noqa: DTZ001 - wall digits
    digits = [night, night + SECOND, night - timedelta(hours=1) + 2 * SECOND, night - timedelta(hours=1) + 3 * SECOND]
    data = b"".join(frame(KEY, b"x", moment, number) for number, moment in enumerate(digits))

    def read(wall: datetime, last: datetime | None) -> datetime:
        return wall if last is None or wall >= last else wall + timedelta(hours=1)

    found, wanted = run(data, window=Window(night, night + 3 * SECOND, read))
    assert [each.number for each, _ in frames(found)] == [0, 1, 2]
    assert wanted.done


def test_one_frame_at_most_is_in_memory() -> None:
    big = frame(KEY, bytes(300_000))
    wanted = DhavFilter()
    most = 0
    data = junk(5000) + big * 4
    for at in range(0, len(data), 4096):
        wanted.feed(data[at : at + 4096])
        most = max(most, wanted.held)
    assert most <= len(big) + 2 * 4096
    hostile = DhavFilter()
    lie = b"DHAV" + frame(KEY, b"")[4:12] + MAX_FRAME.to_bytes(4, "little") + frame(KEY, b"")[16:]
    for _ in range(400):
        hostile.feed(lie + bytes(65536))
        most = max(most, hostile.held)
    assert most <= MAX_FRAME + 2 * 65536


def test_a_wrong_checksum_is_borne() -> None:
    data = bytearray(frame(KEY, b"abc"))
    data[23] ^= 1
    assert run(bytes(data))[0] == bytes(data)
