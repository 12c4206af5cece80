"""Page after page of one search, whatever the firmware makes of positions (hikvision-isapi 8.2). Pure.

Positions first, in the vendor's spelling; when a later page begins like the first, in the other spelling; when that
stalls too, by moving the start of the window. A recorder stops at 4,000 matches of one search and then says it is done.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from ...errors import NvrResponseError
from .wire_search import Match, Position, SearchPage

TIME: Final = "time"
TOTAL_CAP: Final = 4000
SMALLEST_PAGE: Final = 5
_SMALLEST_WINDOW = timedelta(minutes=5)
_SECOND = timedelta(seconds=1)
# A guard against recorders that invent new matches for ever; a year of 30 s segments stays below it.
_MOST_PAGES = 50_000

type Key = tuple[datetime, str, str]


def _key(match: Match) -> Key:
    """Return what tells one match from all others, and stays while the file grows.

    Start digits do not do: in the hour that occurs twice two files may begin at the same ones. The file's name alone
    does not either: several event recordings lie in one file (hikvision-isapi 8.2).
    """
    _, named, rest = match.uri.rpartition("name=")
    return match.start, match.kind, rest.partition("&")[0] if named else ""


@dataclass(frozen=True, slots=True)
class Ask:
    """One page to ask for; digits as on the wire."""

    search_id: str
    start: datetime
    end: datetime
    position: int
    page: int
    spelling: Position


class Pager:
    """Decides what to ask next and which matches are new. `ask` is None when the search is complete."""

    def __init__(
        self, start: datetime, end: datetime, *, page: int, way: str | None, new_id: Callable[[], str]
    ) -> None:
        """Begin with a window in wire digits; `way` is the spelling or "time" if it is known already."""
        self._new_id = new_id
        self._windows = [(start, end)]
        self.page = page
        self.way = way
        self._spelling = Position.PLAIN if way == Position.PLAIN else Position.VENDOR
        self._switched = False
        self._seen: set[Key] = set()
        self._pages = 0
        self.ask: Ask | None = None
        self._next_window()

    def _next_window(self) -> None:
        self._first: Key | None = None
        self._last: Match | None = None
        self._total = 0
        self._empty_guarded = False
        if not self._windows:
            self.ask = None
            return
        start, end = self._windows.pop()
        self.ask = Ask(self._new_id(), start, end, 0, self.page, self._spelling)

    def _current(self) -> Ask:
        if self.ask is None:
            message = "a page of a search that is complete"
            raise NvrResponseError(message)
        return self.ask

    def refused(self) -> bool:
        """Take a 400: ask for less of a shorter window. False when there is nothing left to shorten."""
        ask = self._current()
        if ask.position:
            # The window itself was taken: go on from where it got to, with smaller pages.
            if self.page <= SMALLEST_PAGE:
                return False
            self.page = max(SMALLEST_PAGE, self.page // 2)
            return self._restart_at_last()
        length = ask.end - ask.start
        if self.page <= SMALLEST_PAGE and length <= _SMALLEST_WINDOW:
            return False
        self.page = max(SMALLEST_PAGE, self.page // 2)
        if length > _SMALLEST_WINDOW:
            middle = (ask.start + length / 2).replace(microsecond=0)
            self._windows += [(middle, ask.end), (ask.start, middle)]
        else:
            self._windows.append((ask.start, ask.end))
        self._next_window()
        return True

    def take(self, page: SearchPage) -> list[Match]:
        """Take one page and return its new matches; raises NvrResponseError when no way of paging gets on."""
        ask = self._current()
        self._pages += 1
        if self._pages > _MOST_PAGES:
            message = "the search never ends"
            raise NvrResponseError(message)
        matches = page.matches
        if not matches:
            self._take_empty(page)
            return []
        first = _key(matches[0])
        if ask.position and first == self._first:
            self._stalled(ask)
            return []
        if ask.position == 0:
            self._first = first
        elif self.way is None:
            self.way = self._spelling.value
        fresh = self._fresh(matches)
        self._total += len(matches)
        self._last = matches[-1]
        self._go_on(ask, page, fresh=bool(fresh))
        return fresh

    def _fresh(self, matches: list[Match]) -> list[Match]:
        seen, fresh = self._seen, []
        for match in matches:
            key = _key(match)
            if key not in seen:
                seen.add(key)
                fresh.append(match)
        return fresh

    def _go_on(self, ask: Ask, page: SearchPage, *, fresh: bool) -> None:
        if not page.more:
            if self._total < TOTAL_CAP or not self._restart_at_last():
                self._next_window()
        elif self.way == TIME:
            if not self._restart_at_last(past=not fresh):
                self._next_window()
        else:
            position = ask.position + len(page.matches)
            self.ask = Ask(ask.search_id, ask.start, ask.end, position, self.page, self._spelling)

    def _take_empty(self, page: SearchPage) -> None:
        """MORE with an empty page happens: look once behind the last match, then believe it is the end."""
        guarded = self._empty_guarded
        if page.more and not guarded and self._last is not None and self._restart_at_last():
            self._empty_guarded = True
            return
        self._next_window()

    def _stalled(self, ask: Ask) -> None:
        """The page began like the first one: the recorder does not know this spelling of the position."""
        if not self._switched and self.way is None:
            self._switched = True
            self._spelling = Position.PLAIN if self._spelling is Position.VENDOR else Position.VENDOR
            self.ask = Ask(ask.search_id, ask.start, ask.end, ask.position, self.page, self._spelling)
            return
        self.way = TIME
        if not self._restart_at_last():
            self._next_window()

    def _restart_at_last(self, *, past: bool = False) -> bool:
        """Begin a new search of the window at the last match; `past` goes behind it. False at the window's end.

        It begins at the match's start, not its end: a short segment may lie inside a long one.
        """
        ask, last = self._current(), self._last
        if last is None:
            return False
        start = max(ask.start, last.start)
        if past or start <= ask.start:
            start = max(last.end, ask.start + _SECOND)
        if start >= ask.end:
            return False
        self._first, self._total, self._empty_guarded = None, 0, False
        self.ask = Ask(self._new_id(), start, ask.end, 0, self.page, self._spelling)
        return True
