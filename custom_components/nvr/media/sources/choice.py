"""Which way footage is had from a recorder: what was learned of each, and what follows from it.

A recorder that plays faster than real time is played: its times are the best, and a seek costs nothing. One that plays
in real time is downloaded from, where the download begins near the asked moment. What failed or fell silent stands
back for a while, longer each time.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
import logging
import time
from typing import Final

from ...core.errors import NvrBusyError, NvrError, NvrTimeoutError
from .base import Way

_LOGGER = logging.getLogger(__name__)
# In seconds: how long a way stands back that broke, that fell silent (each time in a row anew), that is in use.
_BROKE: Final = 10.0
_SILENT: Final = 60.0
_LONGEST: Final = 600.0
_TAKEN: Final = 30.0
# What a download may send before the asked moment for each second that a viewer waits, while nobody knows better.
_LIKELY_SPEED: Final = 8.0
_FASTEST: Final = 60.0
_PATIENCE: Final = 2.0


@dataclass(slots=True)
class WayFacts:
    """What is known of one way. `avoided_until` is on the monotonic clock.

    `real_time`: as measured last, or as the driver `told`, which counts more; None while nobody knows. `speed`: how
    many times faster than real time, where that was measured.
    """

    opened: int = 0
    failed: int = 0
    in_a_row: int = 0
    real_time: bool | None = None
    told: bool = False
    speed: float = 0.0
    avoided_until: float = 0.0
    problem: str = ""


class SourceMemory:
    """What was learned of one recorder while Home Assistant runs."""

    def __init__(self, recorder_id: str = "", monotonic: Callable[[], float] = time.monotonic) -> None:
        """Know nothing."""
        self._recorder_id = recorder_id
        self._monotonic = monotonic
        self._facts = {way: WayFacts() for way in Way}

    def __getitem__(self, way: Way) -> WayFacts:
        """Return what is known of a way."""
        return self._facts[way]

    def is_avoided(self, way: Way) -> bool:
        """Tell whether a way stands back now."""
        return self._facts[way].avoided_until > self._monotonic()

    def tell(self, way: Way, real_time: bool | None) -> None:
        """Take a driver's word for how fast a way is; None says nothing."""
        if real_time is not None:
            self._facts[way].real_time, self._facts[way].told = real_time, True

    def measured(self, way: Way, real_time: bool, speed: float = 0.0) -> None:
        """Note that footage came, and how fast; `speed` 0 says nothing."""
        facts = self._facts[way]
        facts.speed = min(speed, _FASTEST) or facts.speed
        if not facts.told:
            facts.real_time = real_time
        self.worked(way)

    def worked(self, way: Way) -> None:
        """Note that footage came that way."""
        self._facts[way].in_a_row = 0
        self._facts[way].avoided_until = 0.0

    def failed(self, way: Way, error: NvrError, instead: Way) -> None:
        """Note that a way gave nothing, and that another one takes its place."""
        facts = self._facts[way]
        facts.problem = str(error)
        seconds = _TAKEN
        if not isinstance(error, NvrBusyError):
            facts.failed += 1
            facts.in_a_row += 1
            silent = isinstance(error, NvrTimeoutError)
            seconds = min(_LONGEST, (_SILENT if silent else _BROKE) * 2 ** min(facts.in_a_row - 1, 10))
        if not self.is_avoided(way):
            text = "Recorder %s: footage is had by %s for %.0f s, as %s did not work: %s"
            _LOGGER.warning(text, self._recorder_id, instead, seconds, way, error)
        facts.avoided_until = max(facts.avoided_until, self._monotonic() + seconds)

    def order(self, reach: float | None, *, at_once: bool = False) -> list[Way]:
        """Return the ways to try, best first.

        `reach`: how many seconds of footage a download sends before what is wanted; None where there is no download.
        `at_once`: the speed of playback does not matter, for each picture is shown as it comes.
        """
        if reach is None:
            return [Way.PLAYBACK]
        ways = [Way.PLAYBACK, Way.DOWNLOAD]
        if not at_once and self.prefers_download(reach):
            ways.reverse()
        return sorted(ways, key=self.is_avoided)

    def prefers_download(self, reach: float) -> bool:
        """Tell whether a download shows the first picture sooner, and keeps ahead of who watches."""
        playback, download = self._facts[Way.PLAYBACK], self._facts[Way.DOWNLOAD]
        quick = reach <= (download.speed or _LIKELY_SPEED) * _PATIENCE
        return playback.real_time is True and download.real_time is not True and quick

    def as_dict(self) -> Mapping[str, object]:
        """Return it for diagnostics."""
        now = self._monotonic()
        return {
            way.value: {
                "opened": facts.opened,
                "failed": facts.failed,
                "real_time": facts.real_time,
                "speed": round(facts.speed, 1),
                "stands_back_for": round(max(0.0, facts.avoided_until - now), 1),
                "problem": facts.problem,
            }
            for way, facts in self._facts.items()
            if way is not Way.FILE
        }
