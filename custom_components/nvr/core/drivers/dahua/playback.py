"""Footage to watch over RTSP: by time in two forms, by file where a recorder knows neither (dahua-cgi 10)."""

from contextlib import aclosing
from datetime import UTC, datetime
from typing import Final
from urllib.parse import quote

from ...clock import second_after
from ...errors import NvrNoSessionError, NvrNotFoundError, NvrUnsupportedError
from ...models import PlaybackRequest, RecordingSegment, StreamRole, TimeSpan
from .context import SUBTYPES, Context
from .provisional import ProvisionalGuard
from .recordings import Recordings
from .rtsp_probe import Verdict, describe
from .wire_find import parse_locator

PLAYBACK: Final = "playback"
REALMONITOR: Final = "realmonitor"
FILE: Final = "file"
_STAMP: Final = "%Y_%m_%d_%H_%M_%S"
_LONG_AGO: Final = TimeSpan(datetime(2001, 1, 2, tzinfo=UTC), datetime(2001, 1, 2, 1, tzinfo=UTC))


class Playback:
    """Footage to watch."""

    def __init__(self, context: Context, recordings: Recordings) -> None:
        """Hold the recordings: they know the files."""
        self._context = context
        self._recordings = recordings
        self._plays_files = False

    async def request(self, channel: int, span: TimeSpan, *, role: StreamRole = StreamRole.MAIN) -> PlaybackRequest:
        """Return the address that plays from `span.start`, times in the recorder's wall digits (dahua-cgi 10.1).

        The first time, the recorder is asked which form it knows. The end is always given: some never stop by
        themselves. Where it knows files only, the file that holds the moment, or the next one, plays to its own end;
        so it does in an hour that occurs twice, of which times mean both passes.
        """
        context = self._context
        context.channel(channel)
        form = context.quirks.playback_form
        if form not in (PLAYBACK, REALMONITOR, FILE):
            form = await self._learn(channel, span, role)
        if form == FILE:
            return self.by_file(await self._segment(channel, span, role), span.start)
        if not context.wall().is_plain(span):
            return await self._twice(channel, span, role)
        return self.by_time(form, channel, span, role)

    def by_time(self, form: str, channel: int, span: TimeSpan, role: StreamRole) -> PlaybackRequest:
        """Return the address of one of the two forms; delivery is in real time (dahua-cgi 10.1)."""
        wall = self._context.wall()
        # The wire has whole seconds: what is asked for lies between them.
        start, end = wall.to_wall(span.start), second_after(wall.to_wall(span.end))
        path = f"/cam/{form}?channel={channel}&subtype={SUBTYPES[role]}&starttime={start:{_STAMP}}"
        # In the night when clocks go back the end's digits may lie before the start's: it plays on, and we stop it.
        if end > start:
            path += f"&endtime={end:{_STAMP}}"
        offset = start - span.start.replace(tzinfo=None)
        return PlaybackRequest(self._context.address(path), span.start, span.end, offset)

    def by_file(self, segment: RecordingSegment, moment: datetime) -> PlaybackRequest:
        """Return what plays the file of a segment from a moment on, or from its beginning (dahua-cgi 10.2).

        Raises NvrNotFoundError for a segment of another origin.
        """
        file = parse_locator(segment.locator)
        if file is None:
            raise NvrNotFoundError("the segment is no file of this recorder")
        wall = self._context.wall()
        # The file's own beginning: the segment may have been cut.
        whole = wall.span_of(file.start, file.end, segment.span)
        end = max(whole.end, segment.span.end)
        start = max(moment, whole.start)
        offset = wall.to_wall(start) - start.replace(tzinfo=None)
        # The slash in front of the absolute path is one too many on purpose.
        address = self._context.address(f"/{quote(file.path, safe='/')}")
        return PlaybackRequest(address, start, end, offset, npt=(start - whole.start).total_seconds())

    async def _twice(self, channel: int, span: TimeSpan, role: StreamRole) -> PlaybackRequest:
        """Return what plays by file although times are known. Raises NvrUnsupportedError where files are not."""
        request = self.by_file(await self._segment(channel, span, role), span.start)
        if not self._plays_files and not await self._ask(request):
            raise NvrUnsupportedError("the clock showed this hour twice, and the recorder cannot play just one of them")
        self._plays_files = True
        return request

    async def _learn(self, channel: int, span: TimeSpan, role: StreamRole) -> str:
        """Ask for the forms in turn; the one that answers is remembered (dahua-cgi 10.1).

        `realmonitor` plays live on firmware that does not know its times: only one that refuses a moment long before
        any footage heeds them. Nothing is learned where the footage may be what is missing.
        """
        if await self._ask(self.by_time(PLAYBACK, channel, span, role)):
            return self._remember(PLAYBACK)
        segment = await self._segment(channel, span, role)
        takes_any = await self._ask(self.by_time(REALMONITOR, channel, span, role))
        if takes_any and not await self._ask(self.by_time(REALMONITOR, channel, _LONG_AGO, role)):
            return self._remember(REALMONITOR)
        if await self._ask(self.by_file(segment, span.start)):
            return self._remember(FILE)
        if takes_any:
            return self._remember(REALMONITOR)
        raise NvrUnsupportedError("the recorder plays nothing back over RTSP")

    def _remember(self, form: str) -> str:
        self._context.quirks.playback_form = form
        return form

    async def _ask(self, request: PlaybackRequest) -> bool:
        """Tell whether the recorder knows the address; raises NvrNoSessionError when it has none left."""
        context = self._context
        context.count("playback_probes")
        guard = context.client.transport.guard
        if isinstance(guard, ProvisionalGuard):
            # RTSP says at once what it means; only a 401 of HTTP needs a second opinion.
            guard = guard.shared
        verdict = await describe(context.rtsp_host, context.rtsp_port, request.address, guard)
        if verdict is Verdict.BUSY:
            raise NvrNoSessionError("the recorder has no playback session left")
        return verdict is Verdict.KNOWN

    async def _segment(self, channel: int, span: TimeSpan, role: StreamRole) -> RecordingSegment:
        found = self._recordings.find(channel, span, role)
        async with aclosing(found) as segments:
            async for segment in segments:
                return segment
        raise NvrNotFoundError("nothing is recorded there")
