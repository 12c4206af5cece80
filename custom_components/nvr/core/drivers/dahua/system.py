"""Clock, storage and health of the box (dahua-cgi 7)."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from ...clock import DeviceClock
from ...errors import NvrUnsupportedError
from ...models import Disk, SystemStatus
from .connect import STORAGE, TimeReader
from .context import Context
from .mapping import disk
from .source import Source
from .wire import child, integer, real
from .wire_config import parse_volumes

# What connect has read counts as fresh for the first question after it.
_FRESH: Final = timedelta(seconds=30)


class Clock:
    """The recorder's own clock."""

    def __init__(self, context: Context, reader: TimeReader) -> None:
        """Hold the reader that knows the zone; connect has read the clock once."""
        self._context = context
        self._reader = reader

    @property
    def current(self) -> DeviceClock:
        """The newest reading."""
        return self._context.known_clock()

    async def read(self) -> DeviceClock:
        """Measure zone and skew anew (dahua-cgi 7.2)."""
        return await self._reader.read()


class Storage:
    """Disks and cards."""

    def __init__(self, context: Context, disks: Sequence[Disk] | None = None) -> None:
        """Take what connect has read, if it was told."""
        self._context = context
        self._source = Source(context)
        self._read: tuple[Disk, ...] | None = None if disks is None else tuple(disks)
        self._read_at: datetime = context.utcnow()

    async def disks(self) -> Sequence[Disk]:
        """Return all of them; sizes in MB. No card in a camera is no disk and no error (dahua-cgi 7.1)."""
        found, self._read = self._read, None
        if found is not None and self._context.utcnow() - self._read_at < _FRESH:
            return found
        volumes = parse_volumes(await self._source.ask("storage.getDeviceAllInfo", cgi=STORAGE))
        return tuple(disk(place, volume) for place, volume in enumerate(volumes))


class Maintenance:
    """Health of the box itself, as far as it tells."""

    def __init__(self, context: Context) -> None:
        """Hold the context."""
        self._source = Source(context)

    async def status(self) -> SystemStatus:
        """Return uptime and loads; raises NvrUnsupportedError when the recorder tells nothing of them."""
        ask = self._source.ask
        up = await ask("magicBox.getUpTime")
        memory = await ask("magicBox.getMemoryInfo")
        load = await ask("magicBox.getCPUUsage", {"index": 0})
        seconds = integer(up, "info", "Last") if child(up, "info") is not None else integer(up, "Last")
        free, total = real(memory, "free"), real(memory, "total")
        if seconds is None and not total and load is None:
            message = "the recorder does not tell how it feels"
            raise NvrUnsupportedError(message)
        return SystemStatus(
            uptime=None if seconds is None else timedelta(seconds=seconds),
            cpu=real(load, "usage"),
            memory=round(100 * (total - free) / total, 1) if total and free is not None else None,
        )
