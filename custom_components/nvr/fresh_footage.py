"""Footage of just now: a recorder writes in pieces and lists late, so whoever asks at once waits a little.

An event reaches Home Assistant before anything of it is on the recorder's disks.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Final

from homeassistant.util import dt as dt_util

from .core.errors import NvrNotFoundError
from .footage import RefusedError

# How far behind the present a recorder can show what it has recorded.
_LIVE_EDGE: Final = timedelta(seconds=6)
_LONGEST_WAIT: Final = 15.0
# So young a moment may be recorded and not yet be listed.
_FRESH: Final = timedelta(minutes=2)
_PAUSES: Final = (2.0, 4.0)
_NOT_THERE: Final = frozenset({"no_footage", "no_footage_then"})


async def when_written[T](moment: datetime, camera: str, attempt: Callable[[], Awaitable[T]]) -> T:
    """Return what the attempt returns, once the recorder has the moment; one of just now is tried again, twice.

    Raises RefusedError, in words when the moment is to come or is not listed yet, and what the attempt raises.
    """
    left = (moment + _LIVE_EDGE - dt_util.utcnow()).total_seconds()
    if left > _LONGEST_WAIT:
        raise RefusedError("in_the_future")
    await asyncio.sleep(max(0.0, left))
    for pause in (*_PAUSES, None):
        try:
            return await attempt()
        except (RefusedError, NvrNotFoundError) as err:
            if isinstance(err, RefusedError) and err.key not in _NOT_THERE:
                raise
            if dt_util.utcnow() - moment >= _FRESH:
                raise
        if pause is not None:
            await asyncio.sleep(pause)
    raise RefusedError("not_written_yet", camera=camera)
