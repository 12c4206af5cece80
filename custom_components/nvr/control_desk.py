"""The controls of one recorder in Home Assistant: what there is, what it holds, and who may wait for it.

What a recorder can do is found out once for each firmware, page by page with a breath between, and remembered. From
then on only pages are read that somebody shows, in turns, one in two minutes whatever their number: settings change
seldom, what we change ourselves is read back at once, and of the requests that a recorder is sent at rest (four a
minute at most) others have a better use.
"""

import asyncio
from collections import Counter
from collections.abc import Container, Sequence
from contextlib import suppress
import time
from typing import Any, Final, Protocol

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback

from .control_memory import KnownControls
from .core.controls import Control, ControlId, ControlPage, ControlValue
from .core.driver import ControlSource
from .core.errors import (
    NvrError,
    NvrNotFoundError,
    NvrPermissionError,
    NvrResponseError,
    NvrUnreachableError,
    NvrUnsupportedError,
)
from .core.models import Channel
from .core.pilot import Pilot
from .persistence import MemoryStore
from .signals import Signal

# Seconds: before the first question, between those that find out what there is, between those in turns, and where
# there is nothing to ask or nobody to answer.
FIRST: Final = 30.0
BREATH: Final = 2.0
TURN: Final = 120.0
REST: Final = 30.0
# Of our own making: what a head can do is asked of another role.
HEADS: Final = "ptz"


class Recorder(Protocol):
    """What the desk needs of the recorder it belongs to."""

    @property
    def controls(self) -> ControlSource | None:
        """What can be switched and set; None when it was not reached yet."""

    @property
    def pilot(self) -> Pilot | None:
        """Who moves cameras; None when it moves none or was not reached yet."""

    @property
    def channels(self) -> tuple[Channel, ...]:
        """The imported channels."""

    @property
    def online(self) -> bool:
        """Whether it can be asked now."""


class ControlDesk:
    """Finds out, reads and writes; entities show what it knows."""

    def __init__(
        self,
        hass: HomeAssistant,
        entry: ConfigEntry[Any],
        store: MemoryStore,
        recorder: Recorder,
    ) -> None:
        """Know what the store remembers; nothing is asked before `async_start`."""
        self._hass = hass
        self._entry = entry
        self._store = store
        self._recorder = recorder
        self._known = KnownControls()
        self._watched: Counter[ControlPage] = Counter()
        self._read_at: dict[ControlPage, float] = {}
        self._read_heads: set[ControlPage] = set()
        self._failed: set[ControlPage] = set()
        self._wake = asyncio.Event()
        self._writing = asyncio.Lock()
        self.found = Signal[()]()
        self.changed = Signal[()]()

    @property
    def known(self) -> KnownControls:
        """What is known to be there; values as far as they were read since the start."""
        return self._known

    @property
    def surveyed(self) -> bool:
        """Whether all that may be there was asked for."""
        return self._known.asked.union(self._failed).issuperset(self._uncertain())

    @property
    def statistics(self) -> dict[str, object]:
        """What is known, for diagnostics: kinds and pages, no values and no names."""
        kinds = Counter(which.kind.value for which in self._known.controls)
        return {
            "controls": dict(sorted(kinds.items())),
            "heads": sorted(self._known.heads),
            "asked": len(self._known.asked),
            "failed": sorted(f"{page.name} {page.channel or ''}".strip() for page in self._failed),
            "shown": len(self._watched),
            "surveyed": self.surveyed,
        }

    @property
    def unread(self) -> frozenset[ControlPage]:
        """What is shown and was not read since the start."""
        return frozenset(self._watched.keys() - self._read_at.keys())

    def get(self, which: ControlId) -> Control | None:
        """Return a control as last told."""
        return self._known.controls.get(which)

    def lost(self, page: ControlPage) -> bool:
        """Whether the page could not be read the last time."""
        return page in self._failed

    @callback
    def async_recall(self) -> None:
        """Take what was found out before, unless the firmware is another one."""
        memory = self._store.memory
        firmware = memory.info.firmware if memory.info is not None else ""
        if memory.controls.firmware != firmware:
            memory.controls = KnownControls(firmware)
        self._known = memory.controls

    @callback
    def async_start(self) -> None:
        """Begin to find out, in the background and not at once."""
        self._entry.async_create_background_task(self._hass, self._run(), f"nvr controls {self._entry.entry_id}")

    @callback
    def async_watch(self, page: ControlPage) -> CALLBACK_TYPE:
        """Read the page in turns until the returned function is called."""
        self._watched[page] += 1
        self._wake.set()

        @callback
        def leave() -> None:
            self._watched[page] -= 1
            if not self._watched[page]:
                del self._watched[page]

        return leave

    async def async_read(self, page: ControlPage) -> None:
        """Read a page now; raises core errors."""
        if page.name == HEADS:
            await self._read_head(page)
            return
        self._take(page, await self._controls().read(page))

    async def async_write(self, which: ControlId, value: ControlValue) -> None:
        """Change one thing, and know what the recorder made of it; raises core errors."""
        # Two that read before either writes would each undo the other.
        async with self._writing:
            if (control := self.get(which)) is None:
                message = "the recorder has no such setting any more"
                raise NvrNotFoundError(message)
            self._take(control.page, await self._controls().write(control, value))

    def _controls(self) -> ControlSource:
        if (source := self._recorder.controls) is None:
            message = "the recorder was not reached yet"
            raise NvrUnreachableError(message)
        return source

    def _pages(self) -> list[ControlPage]:
        source = self._recorder.controls
        if source is None:
            return []
        there = {channel.number for channel in self._recorder.channels}
        found = [page for page in source.pages() if page.channel is None or page.channel in there]
        if self._recorder.pilot is not None:
            online = (channel for channel in self._recorder.channels if channel.online is not False)
            found += [ControlPage(HEADS, channel.number) for channel in online]
        return found

    def _take_certain(self) -> None:
        """Take what needs no question; one that was asked for, and is not there, is not believed in again."""
        known = self._known
        if (source := self._recorder.controls) is None:
            return
        there = {channel.number for channel in self._recorder.channels}
        fresh = [
            control
            for control in source.certain()
            if control.id not in known.controls and control.page not in known.asked and control.id.channel in there
        ]
        if fresh:
            known.controls.update((control.id, control) for control in fresh)
            self._remember()
            self.found.async_send()

    def _uncertain(self) -> list[ControlPage]:
        """Return what can only be found out by asking."""
        source = self._recorder.controls
        certain = {control.page for control in source.certain()} if source is not None else set()
        return [page for page in self._pages() if page not in certain]

    def _next(self) -> tuple[ControlPage, float] | None:
        """Return what to read now and how long to rest after it."""
        for page in self._uncertain():
            if page not in self._known.asked and page not in self._failed:
                return page, BREATH
        watched = sorted(self._watched, key=lambda page: self._read_at.get(page, 0.0))
        if not watched:
            return None
        return watched[0], TURN if watched[0] in self._read_at else BREATH

    async def _run(self) -> None:
        await asyncio.sleep(FIRST)
        while True:
            step = None
            if self._recorder.online:
                self._take_certain()
                step = self._next()
            rest = REST if step is None or not await self._look(step[0]) else step[1]
            self._wake.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(rest):
                    await self._wake.wait()
                    await asyncio.sleep(BREATH)

    async def _look(self, page: ControlPage) -> bool:
        """Read a page on nobody's behalf: what fails is no news to anybody. False where it is better to wait."""
        self._read_at[page] = time.monotonic()
        try:
            await self.async_read(page)
        except NvrUnsupportedError, NvrNotFoundError:
            self._known.asked.add(page)
            self._drop(page, frozenset())
            self._remember()
            self.changed.async_send()
        except NvrPermissionError, NvrResponseError:
            # A right may be given at any time, so the next start asks again.
            self._failed.add(page)
            self.changed.async_send()
        except NvrError:
            # Away, busy, or its login is locked: that is told elsewhere.
            return False
        return True

    async def _read_head(self, page: ControlPage) -> None:
        pilot, number = self._recorder.pilot, page.channel
        if pilot is None or number is None:
            return
        # What a head can do it can still; its presets are edited where the NVR shows its menu.
        asked = page in self._read_heads
        abilities = self._known.heads[number] if asked else await pilot.abilities(number)
        self._read_heads.add(page)
        presets = tuple(await pilot.presets(number)) if abilities.presets else ()
        known = self._known
        news = number not in known.heads
        known.heads[number], known.presets[number] = abilities, presets
        self._noted(page, news=news)

    def _take(self, page: ControlPage, controls: Sequence[Control]) -> None:
        there = {channel.number for channel in self._recorder.channels}
        wanted = {item.id: item for item in controls if item.id.channel is None or item.id.channel in there}
        news = not wanted.keys() <= self._known.controls.keys()
        self._drop(page, wanted)
        self._known.controls.update(wanted)
        self._noted(page, news=news)

    def _drop(self, page: ControlPage, kept: Container[ControlId]) -> None:
        """Let go of what the recorder does not have any more; its entities stay, unavailable."""
        known = self._known.controls
        for which in [which for which, item in known.items() if item.page == page and which not in kept]:
            del known[which]

    def _noted(self, page: ControlPage, *, news: bool) -> None:
        self._failed.discard(page)
        self._read_at[page] = time.monotonic()
        if news or page not in self._known.asked:
            self._known.asked.add(page)
            self._remember()
        if news:
            self.found.async_send()
        self.changed.async_send()

    def _remember(self) -> None:
        info = self._store.memory.info
        self._known.firmware = info.firmware if info is not None else ""
        self._store.memory.controls = self._known
        self._store.async_save_soon()
