"""Paging against recorders that page in their own ways."""

from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import count

import pytest

from custom_components.nvr.core.drivers.hikvision.paging import TIME, Ask, Pager
from custom_components.nvr.core.drivers.hikvision.wire_search import Match, Position, SearchPage
from custom_components.nvr.core.errors import NvrResponseError

START = datetime(2026, 3, 4)  # noqa: DTZ001 - wire digits
END = START + timedelta(days=1)


def footage(number: int, seconds: int = 60, overlap: int = 3) -> list[Match]:
    step = timedelta(seconds=seconds)
    return [
        Match(101, START + k * step, START + (k + 1) * step + timedelta(seconds=overlap), None, "", "", "", "timing")
        for k in range(number)
    ]


class Recorder:
    """Answers pages the way a firmware does."""

    def __init__(self, matches: list[Match], *, cap: int = 64, knows: tuple[Position, ...] = tuple(Position)) -> None:
        self.matches = matches
        self.cap = cap
        self.knows = knows
        self.total_cap = 4000
        self.asked: list[Ask] = []

    def answer(self, ask: Ask) -> SearchPage:
        self.asked.append(ask)
        found = [m for m in self.matches if m.start < ask.end and m.end > ask.start][: self.total_cap]
        position = ask.position if ask.spelling in self.knows else 0
        page = found[position : position + min(ask.page, self.cap)]
        more = position + len(page) < len(found)
        return SearchPage("MORE" if more else "OK" if page else "NO MATCHES", page)


def pager(page: int = 40, way: str | None = None) -> Pager:
    ids = count()
    return Pager(START, END, page=page, way=way, new_id=lambda: str(next(ids)))


def run(pages: Pager, answer: Callable[[Ask], SearchPage]) -> list[Match]:
    found: list[Match] = []
    while pages.ask is not None:
        found += pages.take(answer(pages.ask))
    return found


@pytest.mark.parametrize("number", [0, 1, 39, 40, 41, 500, 1400])
@pytest.mark.parametrize("page", [5, 40, 100])
@pytest.mark.parametrize("knows", [(Position.VENDOR,), (Position.PLAIN,), tuple(Position), ()])
def test_every_match_once(number: int, page: int, knows: tuple[Position, ...]) -> None:
    recorder = Recorder(footage(number), knows=knows)
    assert run(pager(page), recorder.answer) == recorder.matches


def named(name: str, start: int, end: int, planned: int | None = None) -> Match:
    first, last = (START + timedelta(minutes=minute) for minute in (start, end if planned is None else planned))
    uri = f"rtsp://h/Streaming/tracks/101/?starttime={first}&endtime={last}&name={name}&size={planned or end}"
    return Match(101, first, last, None, "", uri, "", "timing")


@pytest.mark.parametrize("way", [None, Position.PLAIN.value])
@pytest.mark.parametrize("page", [2, 3, 40])
def test_files_of_an_hour_that_occurs_twice_begin_at_the_same_digits(way: str | None, page: int) -> None:
    # Both passes of 02:00 to 03:00: the second file ends in the second pass.
    rows = [named("1", 120, 150), named("2", 150, 120), named("3", 120, 150), named("4", 150, 180)]
    pages = [rows[at : at + page] for at in range(0, len(rows), page)]
    script = [SearchPage("MORE", each) for each in pages[:-1]] + [SearchPage("OK", pages[-1])]
    assert run(pager(page, way), lambda _: script.pop(0)) == rows


def test_a_file_that_grows_between_two_pages_is_one() -> None:
    grown = named("2", 150, 151)
    script = [
        SearchPage("MORE", [named("1", 120, 150), named("2", 150, 150, planned=170)]),
        SearchPage("OK", [grown, named("3", 151, 152)]),
    ]
    found = run(pager(2, Position.VENDOR.value), lambda _: script.pop(0))
    assert [match.start for match in found] == [START + timedelta(minutes=minute) for minute in (120, 150, 151)]


@pytest.mark.parametrize("way", [Position.VENDOR.value, Position.PLAIN.value, TIME])
def test_a_known_way_is_used_at_once(way: str) -> None:
    recorder = Recorder(footage(200))
    pages = pager(way=way)
    assert run(pages, recorder.answer) == recorder.matches
    assert pages.way == way
    assert (recorder.asked[1].position == 0) is (way == TIME)


def test_the_way_is_learned() -> None:
    for knows, way in (((Position.VENDOR,), Position.VENDOR), ((Position.PLAIN,), Position.PLAIN), ((), TIME)):
        pages = pager()
        run(pages, Recorder(footage(100), knows=knows).answer)
        assert pages.way == way


def test_a_known_spelling_that_stalls_gives_way_to_time() -> None:
    recorder = Recorder(footage(200), knows=())
    pages = pager(way=Position.VENDOR.value)
    assert run(pages, recorder.answer) == recorder.matches
    assert pages.way == TIME


def test_the_total_cap_of_one_search() -> None:
    recorder = Recorder(footage(9500, seconds=9))
    assert run(pager(64), recorder.answer) == recorder.matches
    assert len({ask.search_id for ask in recorder.asked}) == 3


def test_a_page_smaller_than_asked_advances_by_what_came() -> None:
    recorder = Recorder(footage(100), cap=13)
    assert run(pager(40), recorder.answer) == recorder.matches


def test_more_with_an_empty_page_is_looked_at_once_more() -> None:
    rows = footage(30)
    script = [SearchPage("MORE", rows[:20]), SearchPage("MORE", []), SearchPage("OK", rows[19:]), SearchPage("OK", [])]
    assert run(pager(), lambda _: script.pop(0)) == rows
    script = [SearchPage("MORE", rows), SearchPage("MORE", []), SearchPage("MORE", [])]
    assert run(pager(), lambda _: script.pop(0)) == rows
    script = [SearchPage("MORE", [])]
    assert run(pager(), lambda _: script.pop(0)) == []


def test_a_short_segment_inside_a_long_one_is_not_passed_over() -> None:
    long = Match(101, START, END, None, "", "", "", "timing")
    short = [m._replace(kind="motion") for m in footage(150)]
    recorder = Recorder([long, *short], knows=())
    assert run(pager(20), recorder.answer) == recorder.matches


def test_nothing_new_goes_past_and_ends() -> None:
    same = [Match(101, START + timedelta(hours=1), END, None, "", "", "", str(k)) for k in range(8)]
    recorder = Recorder(same, knows=())
    found = run(pager(5, way=TIME), recorder.answer)
    assert found == same[:5]
    assert len(recorder.asked) == 2


def test_a_refused_window_is_halved() -> None:
    recorder = Recorder(footage(1000))
    limit = timedelta(hours=3)
    pages = pager(40)
    found: list[Match] = []
    while pages.ask is not None:
        if pages.ask.end - pages.ask.start > limit:
            assert pages.refused()
            continue
        found += pages.take(recorder.answer(pages.ask))
    assert found == recorder.matches
    assert pages.page == 5


def test_a_refused_page_goes_on_from_where_it_got_to() -> None:
    recorder = Recorder(footage(100))
    pages = pager(40)
    assert pages.ask is not None
    found = pages.take(recorder.answer(pages.ask))
    assert pages.refused()
    assert pages.page == 20
    found += run(pages, recorder.answer)
    assert found == recorder.matches


def test_what_is_refused_for_ever_is_given_up() -> None:
    pages = pager(5)
    refusals = 0
    while pages.ask is not None and pages.refused():
        refusals += 1
        assert refusals < 20
    assert pages.ask is not None
    small = Pager(START, START + timedelta(minutes=2), page=40, way=None, new_id=str)
    while small.refused():
        pass
    assert small.page == 5
    half = pager(5)
    assert half.ask is not None
    half.take(SearchPage("MORE", footage(5)))
    assert not half.refused()


def test_a_search_that_never_ends_is_an_error() -> None:
    pages = pager(1)
    numbers = count()

    def invent(_: Ask) -> SearchPage:
        start = START + timedelta(microseconds=next(numbers))
        return SearchPage("MORE", [Match(101, start, END, None, "", "", "", "timing")])

    with pytest.raises(NvrResponseError):
        run(pages, invent)
    done = pager()
    done.take(SearchPage("OK", []))
    with pytest.raises(NvrResponseError):
        done.take(SearchPage("OK", []))


def test_a_refusal_before_any_match_of_a_later_page() -> None:
    pages = pager(40)
    pages.ask = Ask("x", START, END, 40, 40, Position.VENDOR)
    assert not pages.refused()


def test_a_stall_at_the_end_of_the_window_ends_the_search() -> None:
    pages = pager(way=Position.VENDOR.value)
    row = Match(101, START, END, None, "", "", "", "timing")
    assert pages.take(SearchPage("MORE", [row])) == [row]
    assert pages.take(SearchPage("MORE", [row])) == []
    assert pages.ask is None
