"""Clock, storage and health of the box (dahua-cgi 7)."""

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Final

from ...clock import DeviceClock, uptime_of
from ...errors import NvrError, NvrInsecureLoginError, NvrPermissionError, NvrUnreachableError, NvrUnsupportedError
from ...models import Disk, SystemStatus
from .connect import TimeReader, read_volumes
from .context import Context
from .mapping import disk
from .refusals import DahuaRefusalError
from .source import Source
from .wire import Node, child, integer, real

# What connect has read counts as fresh for the first question after it.
_FRESH: Final = timedelta(seconds=30)
_HEALTH: Final[tuple[tuple[str, dict[str, object] | None], ...]] = (
    ("magicBox.getUpTime", None),
    ("magicBox.getMemoryInfo", None),
    ("magicBox.getCPUUsage", {"index": 0}),
)


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
        """Return all of them; sizes in MB. No card in a camera is no disk and no error (dahua-cgi 7.1).

        A refusal is no empty list: NvrPermissionError without the right, and whatever else the recorder says.
        """
        found, self._read = self._read, None
        if found is not None and self._context.utcnow() - self._read_at < _FRESH:
            return found
        volumes = await read_volumes(self._source)
        return tuple(disk(place, volume) for place, volume in enumerate(volumes))

    async def temperature(self, _disk: str) -> float:
        """Raise: the recorders that were measured give out no S.M.A.R.T. values (dahua-cgi 7.1)."""
        message = "the recorder does not tell how hot its disks are"
        raise NvrUnsupportedError(message)


class Maintenance:
    """Health of the box itself, as far as it tells."""

    def __init__(self, context: Context) -> None:
        """Hold the context."""
        self._client = context.client
        self._source = Source(context)

    async def status(self) -> SystemStatus:
        """Return uptime and loads; raises NvrUnsupportedError when the recorder tells nothing of them.

        Each may be told alone. Where all is refused and not lacked, the first refusal is raised.
        """
        told: list[Node | None] = []
        refused: list[NvrError] = []
        for method, params in _HEALTH:
            try:
                told.append(await self._source.ask(method, params))
            except NvrInsecureLoginError:
                raise
            except (NvrPermissionError, DahuaRefusalError) as error:
                refused.append(error)
                told.append(None)
        up, memory, load = told
        seconds = integer(up, "info", "Last") if child(up, "info") is not None else integer(up, "Last")
        free, total = real(memory, "free"), real(memory, "total")
        if seconds is None and not total and load is None:
            if refused:
                raise refused[0]
            message = "the recorder does not tell how it feels"
            raise NvrUnsupportedError(message)
        return SystemStatus(
            uptime=uptime_of(seconds),
            cpu=real(load, "usage"),
            memory=round(100 * (total - free) / total, 1) if total and free is not None else None,
        )

    async def reboot(self) -> None:
        """Restart the recorder (dahua-cgi 13); it may be gone before it has answered."""
        with suppress(NvrUnreachableError):
            await self._client.get("magicBox.cgi", "action=reboot", again=False)
