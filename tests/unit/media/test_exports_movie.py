"""Tables of a film: what they say, and what they take of memory."""

from array import array
import random
import struct
import tracemalloc

from custom_components.nvr.media.exports import movie
from custom_components.nvr.media.exports.movie import decode_times


def pairs(box: bytes) -> list[tuple[int, int]]:
    """Return the rows of a table of pairs."""
    (count,) = struct.unpack_from(">I", box, 12)
    assert len(box) == 16 + 8 * count
    return list(struct.iter_unpack(">II", box[16:]))


def test_runs_of_equal_values_stand_once() -> None:
    assert pairs(movie._counted(b"stts", ((count, value) for _, value, count in movie._runs([40, 40, 41, 40])))) == [
        (2, 40), (1, 41), (1, 40),
    ]  # fmt: skip
    assert list(movie._runs([])) == []


def test_pictures_out_of_order_are_decoded_before_they_are_shown() -> None:
    shown = [0, 120, 40, 80, 240, 160, 200]
    decode = decode_times(shown)
    assert list(decode) == sorted(set(decode))
    assert all(before <= at for before, at in zip(decode, shown, strict=True))


def test_a_day_of_pictures_is_not_held_many_times() -> None:
    count, chance = 60_000, random.Random(1)
    times, at = array("q"), 0
    for _ in range(count):
        at += 3600 + chance.randrange(-50, 50)
        times.append(at)
    tracemalloc.start()
    decode = decode_times(times)
    spans = (after - before for before, after in movie._pairs(decode, at + 1))
    table = movie._counted(b"stts", ((many, span) for _, span, many in movie._runs(spans)))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert sum(many for many, _ in pairs(table)) == count
    assert peak < 48 * count
