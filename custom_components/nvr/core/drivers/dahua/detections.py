"""What happened when: detections of the past by kind, where the recorder keeps a list of them (dahua-cgi 9.3).

NVRs return schedule files for any event filter, so files do not tell. Three lists do: smart motion, the rules' own, the
log. Each is asked over RPC2 only.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Final, NamedTuple

from ...errors import NvrBusyError, NvrNotFoundError, NvrResponseError, NvrUnsupportedError
from ...models import Detection, EventKind, StreamRole, TimeSpan
from ...transport.gate import Priority
from ...vocabulary import TARGETS
from .context import Context
from .event_state import event_type
from .finder import FAREWELL, FAREWELL_LANE, FileQuestion, Finders
from .held import Held
from .mapping_search import came_falling
from .mapping_time import Passes
from .refusals import DahuaRefusalError, is_failing, is_lacking
from .source import Source, unless_refused
from .tables import EVENT_TYPES, IVS_CODES, SMD_TYPES, Scope, codes_of
from .wire import entries, integer
from .wire_config import parse_rules
from .wire_find import FoundDetection, detections, log_condition, log_lines, rule_condition, smd_condition

# A line of the log is a moment; people want what led to it (dahua-cgi 9.3).
_BEFORE: Final = timedelta(seconds=15)
_AFTER: Final = timedelta(seconds=45)
# Where a list stops without a word nobody has said: one of that length is asked for in smaller parts (dahua-cgi 18).
BOUND: Final = 5000
_DAY: Final = timedelta(days=1)
_SMALLEST: Final = timedelta(minutes=1)
_RULES_LIFE: Final = timedelta(minutes=15)

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
        self._held = Held()
        self._rules: dict[int, tuple[datetime, frozenset[str] | None]] = {}

    @property
    def kinds(self) -> frozenset[EventKind]:
        """The kinds there is a list of, as far as is known: lists that were refused are left out."""
        if not self._lacks(_LOG_LIST):
            return _LOGGED
        return frozenset(IVS_CODES) | (frozenset() if self._lacks(_SMD_LIST) else frozenset(SMD_TYPES))

    async def close(self) -> None:
        """End what is read (NvrUnreachableError) and give back its list; safe to call twice."""
        await self._held.close()

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

        Raises NvrUnsupportedError where a kind that was `asked` for has no list, or nothing has. A list that names
        nothing is an answer where there is no log to ask besides; a rule that nobody drew needs none. The log may not
        know what a list tells that fails: where it adds nothing of it, the failure is raised.
        """
        found: list[Detection] = []
        left, answered, heard = set(kinds), set[EventKind](), False
        failure: DahuaRefusalError | None = None
        smart = left & SMD_TYPES.keys()
        if smart:
            try:
                found += await self._smart_motion(channel, span, smart)
                left -= smart
                heard = True
            except DahuaRefusalError as error:
                # A code may mean that there is no such list: of that a search of everything must not die.
                if not is_lacking(error) and (asked or is_failing(error)):
                    failure = error
            except NvrUnsupportedError, NvrNotFoundError:
                pass
        ruled = left & IVS_CODES.keys()
        configured = await self._configured(channel) if ruled else None
        for kind in sorted(ruled):
            codes = [code for code in IVS_CODES[kind] if configured is None or code in configured]
            events = await self._by_rule(channel, span, kind, codes)
            if events is not None:
                answered.add(kind)
                heard = heard or bool(codes)
            if events:
                found += events
                left.discard(kind)
        if left:
            try:
                found += await self._log(channel, span, left)
            except NvrUnsupportedError:
                if failure is None and left - answered and (asked or not heard):
                    raise
        if failure is not None and not any(each.kind in smart for each in found):
            raise failure
        return found

    def _lacks(self, way: _List) -> bool:
        context = self._context
        return context.memory.is_refused(f"rpc:{way.begin}", context.utcnow())

    def _detections(self, channel: int, items: Sequence[FoundDetection], kind: EventKind | None) -> list[Detection]:
        """Return what a list in order of time tells, each of a kind or of the one its word means."""
        wall = self._context.wall()
        passes = Passes(wall)
        found: list[Detection] = []
        for item in reversed(items) if came_falling([each.start for each in items]) else items:
            begin = passes.read(item.start)
            span = TimeSpan(begin, max(begin, wall.from_wall(item.end, begin)))
            target = TARGETS.get(item.word.lower().removeprefix("smdtype")) or event_type(item.word).target
            found.append(Detection(channel, kind or _WORDS[item.word], span, target, item.word))
        return found

    async def _configured(self, channel: int) -> frozenset[str] | None:
        """Return the codes of the rules a channel has, None where the recorder does not tell (dahua-cgi 13)."""
        now, known = self._context.utcnow(), self._rules.get(channel)
        if known is not None and now - known[0] < _RULES_LIFE:
            return known[1]
        name, place = "VideoAnalyseRule", channel - 1
        table = await unless_refused(
            self._source.ask(
                "configManager.getConfig",
                {"name": name, "channel": place},
                cgi=("configManager.cgi", f"action=getConfig&name={name}[{place}]"),
                lane="search",
            )
        )
        rules = parse_rules(table, name, place)
        self._rules[channel] = (now, rules)
        return rules

    async def _smart_motion(self, channel: int, span: TimeSpan, kinds: Iterable[EventKind]) -> list[Detection]:
        words = [SMD_TYPES[kind] for kind in sorted(kinds)]
        condition = smd_condition(channel - 1, *self._context.wall().window(span), words)
        items = [
            each
            for page in await self._listed(_SMD_LIST, condition)
            for each in detections(page)
            if each.index0 in (None, channel - 1) and each.word in words
        ]
        return self._detections(channel, items, None)

    async def _by_rule(
        self, channel: int, span: TimeSpan, kind: EventKind, codes: Iterable[str]
    ) -> list[Detection] | None:
        """Return what the rules' list names, None where there is no such list."""
        start, end = self._context.wall().window(span)
        found: list[Detection] = []
        for code in codes:
            other = rule_condition(channel - 1, start, end, code)
            try:
                files, bounded = await self._finders.files(FileQuestion(channel, start, end, StreamRole.MAIN, other))
            except NvrUnsupportedError:
                return found or None
            named = [each for each in files if code in each.events]
            if files and not named:
                # Firmware without the rules' list answers with schedule files.
                return found or None
            if bounded:
                raise _TooManyError
            items = [
                FoundDetection(each.start, each.end, each.index0, code)
                for each in reversed(named)  # asked for the newest first
                if each.index0 in (None, channel - 1)
            ]
            found += self._detections(channel, items, kind)
        return found

    async def _log(self, channel: int, span: TimeSpan, kinds: Iterable[EventKind]) -> list[Detection]:
        codes = {code: kind for kind in sorted(kinds) for code in codes_of(kind)}
        condition = log_condition(*self._context.wall().window(span), codes)
        try:
            pages = await self._listed(_LOG_LIST, condition)
        except (DahuaRefusalError, NvrNotFoundError) as error:
            if is_failing(error):
                raise NvrBusyError(f"the recorder cannot search its log now: {error}", retry_after=10.0) from error
            raise NvrUnsupportedError("the recorder's log cannot be searched") from error
        lines = [
            line for page in pages for line in log_lines(page) if line.code in codes and (line.channel or 1) == channel
        ]
        if came_falling([line.moment for line in lines]):
            lines.reverse()
        passes = Passes(self._context.wall())
        read = [(passes.read(line.moment, line.utc), line.code) for line in lines]
        found: list[Detection] = []
        for kind in sorted({codes[code] for _, code in read}):
            found += self._windows(channel, kind, (each for each in read if codes[each[1]] is kind))
        return found

    @staticmethod
    def _windows(channel: int, kind: EventKind, lines: Iterable[tuple[datetime, str]]) -> list[Detection]:
        """Make spans of moments and what each is called; those that touch are one (dahua-cgi 9.3)."""
        found: list[Detection] = []
        for moment, code in sorted(lines):
            span = TimeSpan(moment - _BEFORE, moment + _AFTER)
            if found and span.start <= found[-1].span.end:
                span = TimeSpan(found.pop().span.start, span.end)
            found.append(Detection(channel, kind, span, event_type(code).target, code))
        return found

    async def _listed(self, way: _List, condition: dict[str, object]) -> list[dict[str, object]]:
        """Return the pages of a list of RPC2, read by its token; raises _TooManyError."""
        return await self._held.use(self._read(way, condition))

    async def _read(self, way: _List, condition: dict[str, object]) -> list[dict[str, object]]:
        pages: list[dict[str, object]] = []
        count = 0
        async with self._held.hold(self._begin(way, condition), partial(self._end, way)) as token:
            while True:
                asked = {way.token: token, way.offset: count, way.size: way.page}
                page = dict((await self._context.client.rpc.call(way.next, asked, lane="search")).params)
                items = sum(1 for _ in entries(page.get(way.items)))
                if not items:
                    return pages
                pages.append(page)
                count += items
                if count >= BOUND:
                    raise _TooManyError
                await self._context.client.transport.gate.after_you("search")

    async def _begin(self, way: _List, condition: dict[str, object]) -> int:
        answer = await self._context.client.rpc.call(way.begin, {way.condition: condition}, lane="search")
        token = integer(answer.params, way.token)
        if token is None:
            raise NvrUnsupportedError("the recorder keeps no such list")
        return token

    async def _end(self, way: _List, token: int) -> None:
        """Give a list back: nobody has said what happens to one that is not."""
        rpc = self._context.client.rpc
        await rpc.call(way.end, {way.token: token}, lane=FAREWELL_LANE, priority=Priority.PERSON, timeout=FAREWELL)


def _touches(span: TimeSpan, window: TimeSpan) -> bool:
    """Tell whether something happened in a window; it may have lasted no time at all."""
    return span.start < window.end and (span.end > window.start or span.start >= window.start)
