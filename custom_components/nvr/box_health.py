"""Looks after the box itself: its disks, its load, its moment of start. Seldom, and never in the set-up."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final

from homeassistant.core import CALLBACK_TYPE, callback
from homeassistant.util import dt as dt_util

from .const import LOGGER
from .core.errors import NvrError, NvrUnsupportedError
from .core.models import Disk, DiskState, SystemStatus
from .hub import NvrHub

# The disks were just read by the connect and cost nothing; the load of some recorders costs three requests.
FIRST: Final = 15.0
INTERVAL: Final = timedelta(minutes=10)
# While the recorder is away, or was not reached yet.
_AGAIN: Final = 10.0
_HOLDS: Final = 2.5 * INTERVAL
# An uptime is in whole seconds and travels: a start that moves by less is the same one.
_SAME_START: Final = timedelta(minutes=2)

# A clock further off is wrong: recordings are found by it.
CLOCK_LIMIT: Final = timedelta(seconds=5)

FAULTY: Final = frozenset({DiskState.ERROR, DiskState.OFFLINE, DiskState.UNFORMATTED})


class BoxHealth:
    """What is known of one recorder's disks and load; `on_change` hears when that may differ."""

    def __init__(self, hub: NvrHub, on_change: Callable[[], None]) -> None:
        """Ask nothing before `async_run`."""
        self._hub = hub
        self._on_change = on_change
        self._disks: tuple[tuple[Disk, ...], datetime] | None = None
        self._status: tuple[SystemStatus, datetime] | None = None
        self._tells_nothing = False
        self._judged: datetime | None = None
        self.started_at: datetime | None = None
        self.clock_error: timedelta | None = None
        self.known_disks: dict[str, Disk] = {}
        # By the id of the disk, of those that tell; None while one is asleep or was not asked for long.
        self.temperatures: dict[str, float | None] = {}
        # Whether the recorder can find out what firmware there is; None: not known yet.
        self.tells_firmware: bool | None = None
        self._mute: set[str] = set()
        self._wanted: Counter[str] = Counter()

    @callback
    def async_want_temperature(self, identifier: str) -> CALLBACK_TYPE:
        """Ask how hot a disk is, from now on until the returned function is called."""
        self._wanted[identifier] += 1

        @callback
        def enough() -> None:
            self._wanted[identifier] -= 1

        return enough

    @property
    def disks(self) -> tuple[Disk, ...] | None:
        """All disks, empty bays included; None while nothing is known, or nothing new for long."""
        return self._fresh(self._disks)

    @property
    def status(self) -> SystemStatus | None:
        """How the box feels; None while nothing is known, or nothing new for long."""
        return self._fresh(self._status)

    def disk(self, identifier: str) -> Disk | None:
        """Return a disk as it is now."""
        return next((disk for disk in self.disks or () if disk.id == identifier), None)

    @property
    def faulty(self) -> tuple[Disk, ...] | None:
        """The disks that do not record; an empty bay, a sleeping or a full disk is no fault. None: not known."""
        if (disks := self.disks) is None or all(disk.state is DiskState.UNKNOWN for disk in disks):
            return None
        return tuple(disk for disk in disks if disk.state in FAULTY)

    @property
    def statistics(self) -> dict[str, Any]:
        """What a bug report needs to know."""
        return {
            "disks": [f"{disk.state}:{disk.raw_state}" for disk in self.disks or ()],
            "told": self.status is not None,
        }

    async def async_run(self) -> None:
        """Look after it until cancelled."""
        pause = FIRST
        while True:
            if not self._ready:
                await asyncio.sleep(_AGAIN)
                continue
            await self._read_disks()
            await asyncio.sleep(pause)
            if self._ready:
                await self._read_status()
                await self._read_temperatures()
                await self._find_firmware()
                await self.async_judge_clock()
            pause = INTERVAL.total_seconds() / 2
            await asyncio.sleep(pause)

    @property
    def _ready(self) -> bool:
        return self._hub.online and self._hub.link.connected

    async def _read_disks(self) -> None:
        source = self._hub.driver.storage
        if source is not None and (found := await self._ask(source.disks)) is not None:
            disks = tuple(found)
            self._disks = disks, dt_util.utcnow()
            self.known_disks |= {disk.id: disk for disk in disks if disk.state is not DiskState.EMPTY_BAY}
        self._on_change()

    async def _read_temperatures(self) -> None:
        """Find out once which disks tell, then ask those that somebody wants to know of; never wake one up for it."""
        if (source := self._hub.driver.storage) is None:
            return
        for disk in self.disks or ():
            known = self.temperatures
            if disk.id in self._mute or (disk.id in known and not self._wanted[disk.id]):
                continue
            if disk.state is not DiskState.OK:
                if disk.id in known:
                    known[disk.id] = None
                continue
            degrees = await self._ask(partial(source.temperature, disk.id), lacking=partial(self._mute.add, disk.id))
            if degrees is not None or disk.id in known:
                known[disk.id] = degrees
        self._on_change()

    async def _find_firmware(self) -> None:
        """Find out once whether newer firmware can be asked for."""
        source = self._hub.driver.firmware
        if source is not None and self.tells_firmware is None:
            self.tells_firmware = await self._ask(source.offered)
            self._on_change()

    async def _read_status(self) -> None:
        source = self._hub.driver.maintenance
        if source is not None and not self._tells_nothing:
            status = await self._ask(source.status, lacking=self._mark_silent)
            if status is not None:
                self._take(status)
        self._on_change()

    async def async_judge_clock(self) -> None:
        """Find out whether the clock is wrong: a reading that says so is taken a second time, for answers may be slow.

        `clock_error` is then how far it is ahead, None while it is right or not told.
        """
        if (source := self._hub.driver.clock) is None:
            return
        clock = source.current
        if clock.read_at == self._judged:
            return
        if clock.measured and abs(clock.skew) > CLOCK_LIMIT:
            again = await self._ask(source.read)
            if again is None:
                return
            clock = again
        self._judged = clock.read_at
        if clock.measured:
            self.clock_error = clock.skew if abs(clock.skew) > CLOCK_LIMIT else None
            self._on_change()

    def _take(self, status: SystemStatus) -> None:
        now = dt_util.utcnow()
        self._status = status, now
        if status.uptime is not None:
            started = (now - status.uptime).replace(microsecond=0)
            if self.started_at is None or abs(started - self.started_at) > _SAME_START:
                self.started_at = started

    def _mark_silent(self) -> None:
        self._tells_nothing = True

    async def _ask[T](
        self, question: Callable[[], Awaitable[T]], *, lacking: Callable[[], None] | None = None
    ) -> T | None:
        """Return the recorder's answer, None where it gives none just now; `lacking` hears that it has none at all."""
        try:
            await self._hub.link.async_prove()
            answer = await question()
            await self._hub.link.async_prove()
        except NvrError as err:
            if lacking is not None and isinstance(err, NvrUnsupportedError):
                lacking()
            LOGGER.debug("Looking at the health of %s failed: %s", self._hub.name, err)
            return None
        return answer

    @staticmethod
    def _fresh[T](known: tuple[T, datetime] | None) -> T | None:
        return None if known is None or dt_util.utcnow() - known[1] > _HOLDS else known[0]
