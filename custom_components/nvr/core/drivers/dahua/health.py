"""The clock, to be set, and what the box says of its recording (dahua-cgi 7.2, 9.4)."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Final

from ...clock import DeviceClock
from ...errors import NvrResponseError
from .connect import TimeReader
from .context import Context
from .source import Source, unless_refused
from .wire import flag

# What is left after a clock was set: it has whole seconds, and the answer travels.
_SET: Final = timedelta(seconds=3)
_HALF_A_SECOND: Final = timedelta(milliseconds=500)


class ClockSetter:
    """Tells the recorder what its clock should show."""

    def __init__(self, context: Context, reader: TimeReader) -> None:
        """Hold the reader that knows the zone; connect has read the clock once."""
        self._context = context
        self._source = Source(context)
        self._reader = reader

    async def set_now(self) -> DeviceClock:
        """Set the clock (dahua-cgi 7.2); a fraction of a second is refused (dahua-cgi 2.1)."""
        zone = self._context.known_clock().zone
        # On its way the time grows older; half a second is the fair guess.
        digits = f"{(self._context.utcnow() + _HALF_A_SECOND).astimezone(zone):%Y-%m-%d %H:%M:%S}"
        if await self._source.ask("global.setCurrentTime", {"time": digits}) is None:
            await self._context.client.cgi("global.cgi", f"action=setCurrentTime&time={digits.replace(' ', '%20')}")
        clock = await self._reader.read()
        if abs(clock.skew) > _SET:
            raise NvrResponseError("the recorder took the time and shows another one")
        return clock


class RecordingStatus:
    """What the manager of recordings says of each channel."""

    at_once = False

    def __init__(self, context: Context) -> None:
        """Hold the context."""
        self._source = Source(context)

    async def recording(self, channels: Sequence[int]) -> Mapping[int, bool]:
        """Return what it says of these; nothing where it has no such question (dahua-cgi 9.4)."""
        found: dict[int, bool] = {}
        for number in channels:
            told = await unless_refused(self._source.ask("recordManager.getState", {"channel": number - 1}))
            if told is None:
                break
            if (state := flag(told, "state")) is not None:
                found[number] = state
        return found
