"""What happened when: detections of the past by kind, where the recorder keeps a list of them (dahua-cgi 9.3).

NVRs return schedule files for any event filter, so files do not tell. Three lists do: smart motion, the rules' own, the
log. Each is asked over RPC2 only.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from ...errors import NvrError, NvrUnsupportedError
from ...models import EventKind, StreamRole, TimeSpan
from .context import Context
from .finder import FileQuestion, Finders
from .tables import IVS_CODES, SMD_TYPES, codes_of
from .wire import integer
from .wire_find import LogLine, detections, log_condition, log_lines, rule_condition, smd_condition

# A line of the log is a moment; people want what led to it (dahua-cgi 9.3).
_BEFORE: Final = timedelta(seconds=15)
_AFTER: Final = timedelta(seconds=45)
_SMD_PAGE: Final = 100
_LOG_PAGE: Final = 256
# Beyond this a list is not read without a word (dahua-cgi 18).
_MOST: Final = 5000


@dataclass(frozen=True, slots=True)
class Detection:
    """One thing that happened on a channel."""

    channel: int
    kind: EventKind
    span: TimeSpan
    word: str = ""


class Detections:
    """Searches by kind of event."""

    def __init__(self, context: Context, finders: Finders) -> None:
        """Hold both; a search of the rules' list takes a finder."""
        self._context = context
        self._finders = finders

    def find(self, channel: int, span: TimeSpan, kind: EventKind) -> AsyncIterator[Detection]:
        """Yield what happened, oldest first; raises NvrUnsupportedError where the recorder keeps no list."""
        return self._find(channel, span, kind)

    async def _find(self, channel: int, span: TimeSpan, kind: EventKind) -> AsyncGenerator[Detection]:
        self._context.channel(channel)
        for detection in sorted(await self._known(channel, span, kind), key=lambda found: found.span):
            if detection.span.overlaps(span):
                yield detection

    async def _known(self, channel: int, span: TimeSpan, kind: EventKind) -> list[Detection]:
        """Ask the list that fits the kind best, else the log."""
        with suppress(NvrUnsupportedError):
            if kind in SMD_TYPES:
                return await self._smart_motion(channel, span, kind)
            if kind in IVS_CODES:
                found = await self._rules(channel, span, kind)
                if found:
                    return found
        return await self._log(channel, span, kind)

    def _detection(self, channel: int, kind: EventKind, start: datetime, end: datetime, word: str) -> Detection:
        wall = self._context.wall()
        begin = wall.from_wall(start)
        return Detection(channel, kind, TimeSpan(begin, max(begin, wall.from_wall(end, begin))), word)

    async def _smart_motion(self, channel: int, span: TimeSpan, kind: EventKind) -> list[Detection]:
        word = SMD_TYPES[kind]
        start, end = self._context.wall().window(span)
        condition = smd_condition(channel - 1, start, end, (word,))
        rpc = self._context.client.rpc
        answer = await rpc.call("SmdDataFinder.startFind", {"Condition": condition}, lane="search")
        token = integer(answer.params, "Token")
        if token is None:
            raise NvrUnsupportedError("the recorder keeps no list of smart motion")
        found: list[Detection] = []
        offset = 0
        try:
            while offset < self._bound(integer(answer.params, "Count")):
                asked = {"Token": token, "Offset": offset, "Count": _SMD_PAGE}
                page = detections((await rpc.call("SmdDataFinder.doFind", asked, lane="search")).params)
                if not page:
                    break
                offset += len(page)
                found += [
                    self._detection(channel, kind, each.start, each.end, each.word)
                    for each in page
                    if each.index0 in (None, channel - 1) and each.word == word
                ]
        finally:
            await self._stop("SmdDataFinder.stopFind", {"Token": token})
        return found

    def _bound(self, count: int | None) -> int:
        if count is not None and count > _MOST:
            self._context.count("lists_bounded")
        return _MOST

    async def _rules(self, channel: int, span: TimeSpan, kind: EventKind) -> list[Detection]:
        start, end = self._context.wall().window(span)
        found: list[Detection] = []
        for code in IVS_CODES[kind]:
            other = rule_condition(channel - 1, start, end, code)
            question = FileQuestion(channel, start, end, StreamRole.MAIN, other)
            files, _ = await self._finders.files(question)
            found += [
                self._detection(channel, kind, each.start, each.end, code)
                for each in files
                # Firmware without the rules' list answers with schedule files.
                if each.index0 in (None, channel - 1) and code in each.events
            ]
        return found

    async def _log(self, channel: int, span: TimeSpan, kind: EventKind) -> list[Detection]:
        codes = codes_of(kind)
        if not codes:
            raise NvrUnsupportedError("the recorder's log does not know this kind")
        start, end = self._context.wall().window(span)
        rpc = self._context.client.rpc
        answer = await rpc.call("log.startFind", {"condition": log_condition(start, end, codes)}, lane="search")
        token = integer(answer.params, "token")
        if token is None:
            raise NvrUnsupportedError("the recorder's log cannot be searched")
        lines: list[LogLine] = []
        try:
            while len(lines) < _MOST:
                asked = {"token": token, "offset": len(lines), "count": _LOG_PAGE}
                page = log_lines((await rpc.call("log.doSeekFind", asked, lane="search")).params)
                if not page:
                    break
                lines += page
        finally:
            await self._stop("log.stopFind", {"token": token})
        return self._windows(channel, kind, lines, codes)

    def _windows(
        self, channel: int, kind: EventKind, lines: Iterable[LogLine], codes: tuple[str, ...]
    ) -> list[Detection]:
        """Make spans of moments; those that touch are one (dahua-cgi 9.3)."""
        wall = self._context.wall()
        found: list[Detection] = []
        mine = [line for line in lines if line.code in codes and (line.channel or 1) == channel]
        for line in sorted(mine, key=lambda each: each.moment):
            moment = wall.from_wall(line.moment)
            span = TimeSpan(moment - _BEFORE, moment + _AFTER)
            if found and span.start <= found[-1].span.end:
                span = TimeSpan(found.pop().span.start, span.end)
            found.append(Detection(channel, kind, span, line.code))
        return found

    async def _stop(self, method: str, params: dict[str, object]) -> None:
        """Give a list back; nobody has said what happens to one that is not."""
        with suppress(NvrError):
            await self._context.client.rpc.call(method, params, lane="search", timeout=5.0)
