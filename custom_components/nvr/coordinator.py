"""The slow state of one recorder: names and presence of its channels."""

from typing import Any, override

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.exceptions import ConfigEntryAuthFailed
from homeassistant.helpers.update_coordinator import DataUpdateCoordinator, UpdateFailed

from .behalf import for_nobody
from .const import DOMAIN, LOGGER
from .core.errors import NvrAuthError, NvrError, NvrOtherRecorderError, NvrUnreachableError
from .core.models import Channel
from .errors import error_key, error_placeholders
from .hub import NvrHub


class NvrCoordinator(DataUpdateCoordinator[tuple[Channel, ...]]):
    """Refreshes the hub at the pace its state asks for, and passes on what changes between."""

    config_entry: ConfigEntry[Any]

    def __init__(self, hass: HomeAssistant, entry: ConfigEntry[Any], hub: NvrHub) -> None:
        super().__init__(
            hass,
            LOGGER,
            config_entry=entry,
            name=entry.title,
            update_interval=hub.link.poll_interval,
            always_update=False,
        )
        self.hub = hub
        self._told_elsewhere = False
        # What entities show anew, in the order they came: a listener of the base class is several objects for each.
        self.shown: dict[CALLBACK_TYPE, None] = {}
        self.data = hub.channels
        self.last_update_success = hub.link.connected
        hub.link.refresh_soon = self.async_refresh
        entry.async_on_unload(hub.changed.async_subscribe(self.async_update_listeners))
        # Presence is watched even if the user has disabled every entity.
        entry.async_on_unload(self.async_add_listener(self._show))

    @override
    async def _async_update_data(self) -> tuple[Channel, ...]:
        """Refresh; the grace clocks decide apart from this what counts as offline, and tell the log of it."""
        try:
            channels = await self.hub.link.async_refresh()
        except NvrError as err:
            away = isinstance(err, NvrUnreachableError | NvrOtherRecorderError) and not self.hub.link.connected
            if self.hub.watch.stopped or away:
                # The base class logs only what it believes to be news.
                self._told_elsewhere = True
                self.last_update_success = False
            failure = ConfigEntryAuthFailed if isinstance(err, NvrAuthError) else UpdateFailed
            raise failure(
                translation_domain=DOMAIN,
                translation_key=error_key(err),
                translation_placeholders=error_placeholders(err, self.hub.name),
            ) from err
        else:
            self.last_update_success |= self._told_elsewhere
            self._told_elsewhere = False
            return channels
        finally:
            self.update_interval = self.hub.link.poll_interval

    @callback
    def _show(self) -> None:
        for show in list(self.shown):
            try:
                show()
            except Exception:  # noqa: BLE001 - as in the base class: what one cannot show, others can
                LOGGER.exception("Showing what is new of %s failed", self.name)

    @callback
    @override
    def _schedule_refresh(self) -> None:
        """Who asked for one refresh is not behind all that follow."""
        with for_nobody():
            super()._schedule_refresh()
