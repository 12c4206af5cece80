"""What happened when: detections of the past by kind, where the recorder keeps a list of them (dahua-cgi 9.3).

NVRs return schedule files for any event filter, so files do not tell. Three lists do: smart motion, the rules' own, the
log. Each is asked over RPC2 only.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Iterable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from ...errors import NvrError, NvrNotFoundError, NvrResponseError, NvrUnsupportedError
from ...models import Detection, EventKind, StreamRole, TimeSpan
from .context import Context
from .event_state import event_type
from .finder import FileQuestion, Finders
from .refusals import DahuaRefusalError
from .source import Source
from .tables import EVENT_TYPES, IVS_CODES, SMD_TYPES, TARGETS, Scope, codes_of
from .wire import entries, integer
from .wire_config import parse_rules
from .wire_find import LogLine, detections, log_condition, log_lines, rule_condition, smd_condition

# A line of the log is a moment; people want what led to it (dahua-cgi 9.3).
_BEFORE: Final = timedelta(seconds=15)
_AFTER: Final = timedelta(seconds=45)
# Where a list stops without a word nobody has said: one of that length is asked for in smaller parts (dahua-cgi 18).
BOUND: Final = 5000
_DAY: Final = timedelta(days=1)
_SMALLEST: Final = timedelta(minutes=1)
_RULES_LIFE: Final = timedelta(minutes=15)
_FAREWELL: Final = 5.0

_WORDS: Final = {word: kind for kind, word in SMD_TYPES.items()}
# What the log tells of a channel.
_LOGGED: Final = frozenset(
    meaning.kind
    for meaning in EVENT_TYPES.values()
    if meaning.scope is Scope.CHANNEL and not meaning.ignored and meaning.kind is not EventKind.UNKNOWN
)


class _List(NamedTuple):
    """How a list of RPC2 is begun, read on and ended, and what its fields are called."""

    begin: str
    next: str
    end: str
    condition: str
    token: str
    offset: str
    size: str
    items: str
    page: int


_SMD_LIST: Final = _List(
    "SmdDataFinder.startFind",
    "SmdDataFinder.doFind",
    "SmdDataFinder.stopFind",
    "Condition",
    "Token",
    "Offset",
    "Count",
    "SmdInfo",
    100,
)
_LOG_LIST: Final = _List(
    "log.startFind", "log.doSeekFind", "log.stopFind", "condition", "token", "offset", "count", "items", 256
)


class _TooManyError(Exception):
    """A list is longer than it may be."""


class Detections:
    """Searches by kind of event."""

    def __init__(self, context: Context, finders: Finders) -> None:
        """Hold both; a search of the rules' list takes a finder."""
        self._context = context
        self._finders = finders
        self._source = Source(context)
        self._rules: dict[int, tuple[datetime, frozenset[str] | None]] = {}

    @property
    def kinds(self) -> frozenset[EventKind]:
        """The kinds there is a list of, as far as is known: lists that were refused are left out."""
        if not self._lacks(_LOG_LIST):
            return _LOGGED
        return frozenset(IVS_CODES) | (frozenset() if self._lacks(_SMD_LIST) else frozenset(SMD_TYPES))

    def find(self, channel: int, span: TimeSpan, kinds: frozenset[EventKind] | None = None) -> AsyncIterator[Detection]:
        """Yield what happened, oldest first, each once; raises NvrUnsupportedError where there is no list of a kind."""
        return self._find(channel, span, kinds)

    async def _find(
        self, channel: int, span: TimeSpan, kinds: frozenset[EventKind] | None
    ) -> AsyncGenerator[Detection]:
        self._context.channel(channel)
        if kinds is not None and not kinds <= _LOGGED:
            raise NvrUnsupportedError("the recorder keeps no list of such events")
        told: set[tuple[EventKind, str, datetime]] = set()
        waiting: list[Detection] = []
        start, length = span.start, _DAY
        while start < span.end:
            stop = min(span.end, start + length)
            try:
                found = await self._known(channel, TimeSpan(start, stop), kinds or self.kinds, asked=kinds is not None)
            except _TooManyError:
                self._context.count("lists_bounded")
                length = (stop - start) / 2
                if length < _SMALLEST:
                    raise NvrResponseError("the recorder lists more events than it lets us read") from None
                continue
            waiting += found
            # What begins a little before the next part may still be joined by something older from there.
            due = span.end if stop == span.end else stop - _BEFORE
            for detection in sorted(waiting, key=lambda each: (each.span, each.kind)):
                mark = (detection.kind, detection.raw_kind, detection.span.start)
                if detection.span.start < due and mark not in told and _touches(detection.span, span):
                    told.add(mark)
                    yield detection
            waiting = [each for each in waiting if each.span.start >= due]
            start, length = stop, min(_DAY, length * 2)

    async def _known(
        self, channel: int, span: TimeSpan, kinds: frozenset[EventKind], *, asked: bool
    ) -> list[Detection]:
        """Ask the list that fits a kind best, else the log, which is asked once for all that is left.

        Raises NvrUnsupportedError where a kind that was `asked` for has no list, or nothing has.
        """
        found: list[Detection] = []
        left = set(kinds)
        smart = left & SMD_TYPES.keys()
        if smart:
            with suppress(NvrUnsupportedError, DahuaRefusalError, NvrNotFoundError):
                found += await self._smart_motion(channel, span, smart)
                left -= smart
        ruled = left & IVS_CODES.keys()
        configured = await self._configured(channel) if ruled else None
        for kind in sorted(ruled):
            codes = [code for code in IVS_CODES[kind] if configured is None or code in configured]
            events = await self._by_rule(channel, span, kind, codes)
            if events:
                found += events
                left.discard(kind)
        if left:
            try:
                found += await self._log(channel, span, left)
            except NvrUnsupportedError:
                if asked or left == kinds:
                    raise
        return found

    def _lacks(self, way: _List) -> bool:
        context = self._context
        return context.memory.is_refused(f"rpc:{way.begin}", context.utcnow())

    def _detection(self, channel: int, kind: EventKind, start: datetime, end: datetime, word: str) -> Detection:
        wall = self._context.wall()
        begin = wall.from_wall(start)
        span = TimeSpan(begin, max(begin, wall.from_wall(end, begin)))
        target = TARGETS.get(word.lower().removeprefix("smdtype")) or event_type(word).target
        return Detection(channel, kind, span, target, word)

    async def _configured(self, channel: int) -> frozenset[str] | None:
        """Return the codes of the rules a channel has, None where the recorder does not tell (dahua-cgi 13)."""
        now, known = self._context.utcnow(), self._rules.get(channel)
        if known is not None and now - known[0] < _RULES_LIFE:
            return known[1]
        name, place = "VideoAnalyseRule", channel - 1
        table = await self._source.ask(
            "configManager.getConfig",
            {"name": name, "channel": place},
            cgi=("configManager.cgi", f"action=getConfig&name={name}[{place}]"),
            lane="search",
        )
        rules = parse_rules(table, name, place)
        self._rules[channel] = (now, rules)
        return rules

    async def _smart_motion(self, channel: int, span: TimeSpan, kinds: Iterable[EventKind]) -> list[Detection]:
        words = [SMD_TYPES[kind] for kind in sorted(kinds)]
        condition = smd_condition(channel - 1, *self._context.wall().window(span), words)
        return [
            self._detection(channel, _WORDS[each.word], each.start, each.end, each.word)
            for page in await self._listed(_SMD_LIST, condition)
            for each in detections(page)
            if each.index0 in (None, channel - 1) and each.word in words
        ]

    async def _by_rule(self, channel: int, span: TimeSpan, kind: EventKind, codes: Iterable[str]) -> list[Detection]:
        start, end = self._context.wall().window(span)
        found: list[Detection] = []
        for code in codes:
            other = rule_condition(channel - 1, start, end, code)
            try:
                files, bounded = await self._finders.files(FileQuestion(channel, start, end, StreamRole.MAIN, other))
            except NvrUnsupportedError:
                return found
            if bounded:
                raise _TooManyError
            found += [
                self._detection(channel, kind, each.start, each.end, code)
                for each in files
                # Firmware without the rules' list answers with schedule files.
                if each.index0 in (None, channel - 1) and code in each.events
            ]
        return found

    async def _log(self, channel: int, span: TimeSpan, kinds: Iterable[EventKind]) -> list[Detection]:
        codes = {code: kind for kind in sorted(kinds) for code in codes_of(kind)}
        condition = log_condition(*self._context.wall().window(span), codes)
        try:
            pages = await self._listed(_LOG_LIST, condition)
        except (DahuaRefusalError, NvrNotFoundError) as error:
            raise NvrUnsupportedError("the recorder's log cannot be searched") from error
        lines = [
            line for page in pages for line in log_lines(page) if line.code in codes and (line.channel or 1) == channel
        ]
        found: list[Detection] = []
        for kind in sorted({codes[line.code] for line in lines}):
            found += self._windows(channel, kind, (line for line in lines if codes[line.code] is kind))
        return found

    def _windows(self, channel: int, kind: EventKind, lines: Iterable[LogLine]) -> list[Detection]:
        """Make spans of moments; those that touch are one (dahua-cgi 9.3)."""
        wall = self._context.wall()
        found: list[Detection] = []
        for line in sorted(lines, key=lambda each: each.moment):
            moment = wall.from_wall(line.moment)
            span = TimeSpan(moment - _BEFORE, moment + _AFTER)
            if found and span.start <= found[-1].span.end:
                span = TimeSpan(found.pop().span.start, span.end)
            found.append(Detection(channel, kind, span, event_type(line.code).target, line.code))
        return found

    async def _listed(self, way: _List, condition: dict[str, object]) -> list[dict[str, object]]:
        """Return the pages of a list of RPC2, read by its token; raises _TooManyError."""
        rpc = self._context.client.rpc
        answer = await rpc.call(way.begin, {way.condition: condition}, lane="search")
        token = integer(answer.params, way.token)
        if token is None:
            raise NvrUnsupportedError("the recorder keeps no such list")
        pages: list[dict[str, object]] = []
        count = 0
        try:
            while True:
                asked = {way.token: token, way.offset: count, way.size: way.page}
                page = dict((await rpc.call(way.next, asked, lane="search")).params)
                items = sum(1 for _ in entries(page.get(way.items)))
                if not items:
                    return pages
                pages.append(page)
                count += items
                if count >= BOUND:
                    raise _TooManyError
                await self._context.client.transport.gate.after_you("search")
        finally:
            # Nobody has said what happens to a list that is not given back.
            with suppress(NvrError):
                await rpc.call(way.end, {way.token: token}, lane="search", timeout=_FAREWELL)


def _touches(span: TimeSpan, window: TimeSpan) -> bool:
    """Tell whether something happened in a window; it may have lasted no time at all."""
    return span.start < window.end and (span.end > window.start or span.start >= window.start)
