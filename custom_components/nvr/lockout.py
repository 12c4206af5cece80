"""What the user is told of a locked account: a repair issue that counts the minutes down to the end of the lock."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final

from homeassistant.config_entries import ConfigEntry, ConfigEntryState
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers.event import async_track_point_in_utc_time
from homeassistant.util import dt as dt_util

from . import issues

_MINUTE: Final = timedelta(minutes=1)


class LockNotice:
    """The notice of one entry. It outlives the hub: an entry that is not set up yet is locked as well.

    `on_over` is called when the lock's time is up and tells whether somebody finds out now whether the login works
    again; the notice stays until then.
    """

    def __init__(self, hass: HomeAssistant, entry: ConfigEntry[Any]) -> None:
        """Tell nothing yet."""
        self._hass = hass
        self._entry = entry
        self._until: datetime | None = None
        self._followed: datetime | None = None
        self._cancel: CALLBACK_TYPE | None = None
        self.on_over: Callable[[], bool] | None = None

    @callback
    def async_follow(self, until: datetime | None) -> bool:
        """Tell of what is known of a lock now (UTC; None: there is none); True when it was not known here.

        That somebody else has told of it already, who met it with a login he typed, makes no difference.
        """
        known, self._followed = self._followed, until
        if until is None:
            self.async_clear()
            return False
        self.async_show(until)
        return until != known

    @callback
    def async_show(self, until: datetime) -> None:
        """Tell of a lock that ends then (UTC), and go on counting."""
        if until != self._until:
            self._stop()
            self._until = until
            self._count(dt_util.utcnow())

    @callback
    def async_clear(self) -> None:
        """Take the notice back."""
        if self._until is not None:
            self._stop()
            self._until = None
            issues.async_clear(self._hass, self._entry, issues.LOCKED)

    @callback
    def _count(self, _now: datetime) -> None:
        """Tell the minutes that are left, and again when there is one less; the text changes no more often."""
        self._cancel = None
        if self._until is None:
            return
        minutes = -((dt_util.utcnow() - self._until) // _MINUTE)
        if minutes < 1:
            self._over()
            return
        issues.async_locked(self._hass, self._entry, self._until, minutes)
        following = self._until - (minutes - 1) * _MINUTE
        self._cancel = async_track_point_in_utc_time(self._hass, self._count, following)

    @callback
    def _over(self) -> None:
        if self.on_over is not None and self.on_over():
            return
        self.async_clear()
        if self._entry.state is ConfigEntryState.SETUP_RETRY:
            # Home Assistant's own next try may be ten minutes away.
            self._hass.config_entries.async_schedule_reload(self._entry.entry_id)

    def _stop(self) -> None:
        if self._cancel is not None:
            self._cancel()
            self._cancel = None
