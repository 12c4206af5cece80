"""Clock, storage and health of the box (hikvision-isapi 4.3, 4.4, 13)."""

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Final

from ...clock import DeviceClock, measure
from ...errors import NvrNotFoundError, NvrUnreachableError, NvrUnsupportedError
from ...models import Disk, SystemStatus
from .connect import STATUS, STORAGE, TIME
from .context import Context
from .mapping import disk, system_status
from .wire import parse_status, parse_storage, parse_time
from .wire_health import parse_temperature

REBOOT: Final = "/ISAPI/System/reboot"
_SMART: Final = "/ISAPI/ContentMgmt/Storage/hdd/{}/SMARTTest/status"
# What connect has read counts as fresh for the first question after it.
_FRESH: Final = timedelta(seconds=30)


class _Primed[T]:
    """A value read at connect, given once while it is fresh."""

    def __init__(self, value: T | None, moment: datetime) -> None:
        self._value = value
        self._moment = moment

    def take(self, now: datetime) -> T | None:
        value, self._value = self._value, None
        return value if now - self._moment < _FRESH else None


async def read_clock(context: Context) -> DeviceClock:
    """Measure zone and skew anew for all roles (hikvision-isapi 4.3); what was known stays when that fails."""
    found = parse_time(await context.client.get(TIME))
    context.clock = measure(found.local_time, found.zone, context.utcnow(), previous=context.clock)
    return context.clock


class Clock:
    """The recorder's own clock."""

    def __init__(self, context: Context) -> None:
        """Hold the context; connect has read the clock once."""
        self._context = context

    @property
    def current(self) -> DeviceClock:
        """The newest reading."""
        return self._context.known_clock()

    async def read(self) -> DeviceClock:
        """Measure zone and skew anew (hikvision-isapi 4.3)."""
        return await read_clock(self._context)


class Storage:
    """Disks and network volumes."""

    def __init__(self, context: Context, disks: Sequence[Disk] | None) -> None:
        """Take what connect has read, if it was told."""
        self._context = context
        self._primed = _Primed(None if disks is None else tuple(disks), context.utcnow())

    async def disks(self) -> Sequence[Disk]:
        """Return all of them, empty bays included; sizes in MB (hikvision-isapi 13)."""
        primed = self._primed.take(self._context.utcnow())
        if primed is not None:
            return primed
        return tuple(disk(volume) for volume in parse_storage(await self._context.client.get(STORAGE)))

    async def temperature(self, disk: str) -> float:
        """Return what the disk's own sensor shows (hikvision-isapi 13); network volumes and old firmware have none."""
        message = "the recorder does not tell how hot the disk is"
        try:
            body = await self._context.client.get(_SMART.format(disk))
        except (NvrUnsupportedError, NvrNotFoundError) as error:
            raise NvrUnsupportedError(message) from error
        if (degrees := parse_temperature(body)) is None:
            raise NvrUnsupportedError(message)
        return degrees


class Maintenance:
    """Health of the box itself."""

    def __init__(self, context: Context, status: SystemStatus | None) -> None:
        """Take what connect has read, if it was told."""
        self._context = context
        self._primed = _Primed(status, context.utcnow())

    async def status(self) -> SystemStatus:
        """Return uptime and loads (hikvision-isapi 4.4)."""
        primed = self._primed.take(self._context.utcnow())
        if primed is not None:
            return primed
        return system_status(parse_status(await self._context.client.get(STATUS)))

    async def reboot(self) -> None:
        """Restart the recorder (hikvision-isapi 4.5); it may be gone before it has answered."""
        with suppress(NvrUnreachableError):
            await self._context.client.put(REBOOT)
