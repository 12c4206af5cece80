"""Who speaks through the cameras of one recorder: one talker a camera, while he may, and nothing is left open."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final, Literal

from homeassistant.auth.models import User
from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback

from .const import LOGGER
from .core.driver import TalkLine, TalkSource
from .core.errors import NvrBusyError, NvrNotFoundError, NvrUnsupportedError
from .core.models import AudioCodec
from .footage import RefusedError
from .hub import NvrHub
from .media.rtsp.back_channel import open_back_channel
from .media.speech import NoSoundError, encode_speech, speak
from .shared import shared

# How old (s) the recorder's yes to the login may be when it is used for a talk.
_VERIFIED: Final = 2.0

type _Way = Literal["line", "rtsp"]


@dataclass(slots=True)
class _Talk:
    user: User | None
    task: asyncio.Task[None]


class Talks:
    """The talks through one recorder's cameras; they end with the login's use, the talker's right and the unload."""

    def __init__(
        self,
        hass: HomeAssistant,
        entry: ConfigEntry[Any],
        hub: NvrHub,
        *,
        may: Callable[[User | None, int], bool],
        tell: Callable[[User | None, int], None],
    ) -> None:
        """Nobody speaks yet. `may` says who may speak through a channel, `tell` hears that he does."""
        self._hass = hass
        self._entry = entry
        self._hub = hub
        self._may = may
        self._tell = tell
        self._talking: dict[int, _Talk] = {}
        self._ways: dict[int, _Way] = {}
        entry.async_on_unload(hub.streams.async_add(self.async_stop))
        entry.async_on_unload(shared(hass).rights_changed.async_subscribe(self._look_again))

    @property
    def talking(self) -> frozenset[int]:
        """The channels somebody speaks through now."""
        return frozenset(self._talking)

    async def async_say(
        self, number: int, sound: bytes, user: User | None, *, name: str, take_over: bool = False
    ) -> None:
        """Say what a sound file holds through a camera, and return when it has sounded.

        Raises RefusedError in words, and core errors.
        """
        while (other := self._talking.get(number)) is not None:
            if not take_over:
                raise RefusedError("talk_busy", camera=name)
            other.task.cancel()
            await asyncio.wait({other.task})
        saying = self._say(number, sound, user, name=name, take_over=take_over)
        task = self._entry.async_create_background_task(self._hass, saying, f"nvr talk {self._entry.entry_id}")
        self._talking[number] = _Talk(user, task)
        task.add_done_callback(lambda done: self._ended(number, done))
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError:
            task.cancel()
            await asyncio.wait({task})
            raise
        if task.cancelled():
            raise RefusedError("talk_ended", camera=name)
        task.result()

    async def async_stop(self) -> None:
        """End all talks, also on the recorder."""
        tasks = {talk.task for talk in self._talking.values()}
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    @callback
    def _look_again(self) -> None:
        """End the talks of those who may not speak any more."""
        for number, talk in self._talking.items():
            if not self._may(talk.user, number):
                talk.task.cancel()

    @callback
    def _ended(self, number: int, task: asyncio.Task[None]) -> None:
        if (talk := self._talking.get(number)) is not None and talk.task is task:
            del self._talking[number]

    async def _say(self, number: int, data: bytes, user: User | None, *, name: str, take_over: bool) -> None:
        pool = shared(self._hass).engine.pool
        try:
            # Before anything is opened: what holds no sound disturbs nobody.
            sound = await pool.run(encode_speech, data, AudioCodec.G711_ALAW)
        except NoSoundError as err:
            raise RefusedError("no_sound") from err
        await self._hub.link.async_verify(_VERIFIED)
        try:
            async with self._line(number, name=name, take_over=take_over) as line:
                if line.codec is not AudioCodec.G711_ALAW:
                    sound = await pool.run(encode_speech, data, line.codec)
                self._tell(user, number)
                await speak(line, sound)
        except NvrBusyError as err:
            raise RefusedError("talk_busy", camera=name) from err

    @asynccontextmanager
    async def _line(self, number: int, *, name: str, take_over: bool) -> AsyncIterator[TalkLine]:
        if (source := self._hub.driver.talk) is None or not self._hub.link.reached:
            raise RefusedError("no_loudspeaker", camera=name)
        async with AsyncExitStack() as stack:
            for way in self._order(source, number):
                try:
                    line = await stack.enter_async_context(self._open(way, source, number, take_over=take_over))
                except (NvrUnsupportedError, NvrNotFoundError) as err:
                    LOGGER.debug("Channel %d of %s cannot be spoken through by %s: %s", number, name, way, err)
                    continue
                self._ways[number] = way
                yield line
                return
            raise RefusedError("no_loudspeaker", camera=name)

    def _order(self, source: TalkSource, number: int) -> list[_Way]:
        """Return the ways to try: what worked before, else what the family prefers, first."""
        ways: list[_Way] = ["line", "rtsp"] if source.prefers_line else ["rtsp", "line"]
        if self._hub.driver.capabilities.rtsp is False:
            ways.remove("rtsp")
        known = self._ways.get(number)
        return sorted(ways, key=lambda way: way != known)

    def _open(
        self, way: _Way, source: TalkSource, number: int, *, take_over: bool
    ) -> AbstractAsyncContextManager[TalkLine]:
        if way == "line":
            return source.line(number, take_over=take_over)
        return open_back_channel(source.address(number), self._hub.driver.guard)
