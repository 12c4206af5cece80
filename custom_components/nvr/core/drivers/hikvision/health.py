"""The clock, to be set, and what the box says of its recording (hikvision-isapi 4.3, 4.4)."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from ...clock import DeviceClock
from ...errors import NvrResponseError
from .connect import TIME
from .context import Context
from .system import read_clock
from .wire import parse_time
from .wire_health import parse_working_status, wall_like, with_text

WORKING_STATUS: Final = "/ISAPI/System/workingstatus?format=json"
_MANUAL: Final = "manual"
# What is left after a clock was set: it has whole seconds, and the answer travels.
_SET: Final = timedelta(seconds=3)
_HALF_A_SECOND: Final = timedelta(milliseconds=500)


class ClockSetter:
    """Writes the clock's document back with another time in it."""

    def __init__(self, context: Context) -> None:
        """Hold the context; connect has read the clock once."""
        self._context = context

    async def set_now(self) -> DeviceClock:
        """Set the clock; where it is kept by another one (NTP) it is set by hand, and then left to that again."""
        client = self._context.client
        body = await client.get(TIME)
        mode = parse_time(body).mode
        await self._write(body)
        clock = await read_clock(self._context)
        if abs(clock.skew) > _SET and mode.lower() not in {"", _MANUAL}:
            try:
                await self._write(with_text(await client.get(TIME), "timeMode", _MANUAL))
            finally:
                await client.put(TIME, with_text(await client.get(TIME), "timeMode", mode), again=True)
            clock = await read_clock(self._context)
        if abs(clock.skew) > _SET:
            raise NvrResponseError("the recorder took the time and shows another one")
        return clock

    async def _write(self, body: bytes) -> None:
        zone = self._context.known_clock().zone
        # On its way the time grows older; half a second is the fair guess.
        now: datetime = (self._context.utcnow() + _HALF_A_SECOND).astimezone(zone)
        text = wall_like(parse_time(body).local_time, f"{now:%Y-%m-%dT%H:%M:%S}")
        await self._context.client.put(TIME, with_text(body, "localTime", text), again=True)


class RecordingStatus:
    """The JSON state that some recorders have."""

    at_once = True

    def __init__(self, context: Context) -> None:
        """Hold the context."""
        self._context = context

    async def recording(self, channels: Sequence[int]) -> Mapping[int, bool]:
        """Return what it says of these; nothing where it is not served, or counts its channels another way."""
        body = await self._context.client.optional(WORKING_STATUS)
        if body is None:
            return {}
        told = parse_working_status(body)
        if not {channel.number for channel in self._context.channels} <= told.keys():
            return {}
        return {number: told[number] for number in channels if number in told}
