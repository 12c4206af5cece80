"""Live addresses and stills (dahua-cgi 8.2, 8.3)."""

from typing import Final

from ...errors import NvrNotFoundError, NvrResponseError
from ...flights import SharedFlights
from ...models import RecorderKind, RtspAddress, Still, StreamRole
from .context import Context
from .refusals import DahuaRefusalError, is_lacking

_JPEG: Final = b"\xff\xd8\xff"
_END: Final = b"\xff\xd9"
# Less than whoever waits for a picture has patience: Home Assistant gives up after 10 s.
_PICTURE_TIMEOUT: Final = 8.0


class Live:
    """Live streams."""

    def __init__(self, context: Context) -> None:
        """Hold the context."""
        self._context = context

    def address(self, channel: int, role: StreamRole) -> RtspAddress:
        """Return where the profile plays, without a back-channel; raises NvrNotFoundError."""
        profile = self._context.channel(channel).profile(role)
        if profile is None:
            message = f"channel {channel} has no {role} stream"
            raise NvrNotFoundError(message)
        return self._context.address(f"/cam/realmonitor?{profile.stream_id}")


class Snapshots:
    """Live stills, one at a time for the whole recorder: it makes them one after the other (dahua-cgi 8.3)."""

    def __init__(self, context: Context) -> None:
        """Hold the context."""
        self._context = context
        self._flights: SharedFlights[int, Still] = SharedFlights()

    async def snapshot(self, channel: int, *, width: int | None = None, height: int | None = None) -> Still:
        """Return a fresh JPEG; whoever asks meanwhile shares it. Raises NvrNotFoundError for a channel without one.

        The size is the one the recorder is set to: nothing in the request changes it.
        """
        del width, height
        self._context.channel(channel)
        return await self._flights.share(channel, lambda: self._take(channel))

    async def close(self) -> None:
        """End what is under way; whoever waits for it gets NvrUnreachableError."""
        await self._flights.close()

    async def _take(self, channel: int) -> Still:
        try:
            body = await self._ask(channel)
        except DahuaRefusalError as error:
            # 400 says absent, switched off or away alike (dahua-cgi 2.5).
            message = f"the recorder has no picture of channel {channel} now"
            raise NvrNotFoundError(message) from error
        if not body:
            message = f"the recorder has no picture of channel {channel} now"
            raise NvrNotFoundError(message)
        if not body.startswith(_JPEG) or _END not in body[-64:]:
            message = "the recorder sent something that is no whole JPEG"
            raise NvrResponseError(message)
        return Still(body, self._context.utcnow())

    async def _ask(self, channel: int) -> bytes:
        """Ask as this unit counts: from 1, but from 0 some old cameras (dahua-cgi 4).

        That is found out by the first channel of a camera: any other number less one is another channel's picture.
        One that counts from 0 has no lens of the last number, and says so also right after a picture: some take 0 as
        well as 1, and may have refused 1 for a moment.
        """
        kind, quirks = self._context.kind, self._context.quirks
        if kind is not RecorderKind.CAMERA or channel != 1 or quirks.snapshot_base is not None:
            return await self._get(channel - (quirks.snapshot_base == 0))
        body = await self._unless_lacking(1)
        if body is None:
            from_zero = await self._get(0)
            lenses = max((each.number for each in self._context.channels), default=1)
            last = await self._unless_lacking(lenses)
            if last is None:
                if from_zero.startswith(_JPEG):
                    quirks.snapshot_base = 0
                return from_zero
            body = last if lenses == 1 else await self._get(1)
        if body.startswith(_JPEG):
            quirks.snapshot_base = 1
        return body

    async def _unless_lacking(self, number: int) -> bytes | None:
        """Return what is answered for a number, None where there is said to be none."""
        try:
            return await self._get(number)
        except DahuaRefusalError as error:
            if not is_lacking(error):
                raise
            return None

    async def _get(self, number: int) -> bytes:
        query = f"channel={number}"
        return await self._context.client.get("snapshot.cgi", query, lane="snapshot", timeout=_PICTURE_TIMEOUT)
