"""The picture of the last event of each channel: what the NVR took of it itself, else a still when something begins.

Disabled unless wanted: each event costs the NVR a still where it sends none. As with cameras, a person who may not
watch is refused where he is known; whoever asks by the token in the entity's state is not.
"""

import asyncio
from collections.abc import Callable
import time
from typing import Any, Final, override

from homeassistant.components.image import ImageEntity
from homeassistant.core import Context, HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .access import Action, asking_user, is_content_user, permit
from .const import ATTR_KIND, ATTR_OCCURRED_AT, DOMAIN, LOGGER
from .coordinator import NvrCoordinator
from .core.errors import NvrError
from .core.models import Channel, EventKind, EventPhase, EventPicture, NvrEvent
from .details import details
from .entity import ChannelEntity, add_channel_entities
from .errors import error_key
from .runtime import NvrConfigEntry

PARALLEL_UPDATES = 0

# So many seconds (s) lie between two pictures of a channel: motion begins again and again.
_PAUSE: Final = 5.0
# So long (s) a picture that was announced with the event may take before a still stands in for it.
_PATIENCE: Final = 3.0
# There is nothing to be seen of these, or nothing any more.
_UNSEEN: Final = frozenset({EventKind.VIDEO_LOSS, EventKind.UNKNOWN})


async def async_setup_entry(
    _hass: HomeAssistant, entry: NvrConfigEntry, async_add_entities: AddConfigEntryEntitiesCallback
) -> None:
    """Add a picture per channel; also while the NVR is away, for what is not added is lost."""
    coordinator = entry.runtime_data.coordinator
    add_channel_entities(entry, async_add_entities, lambda channel: (LastEvent(coordinator, channel),))


class LastEvent(ChannelEntity, ImageEntity):
    """What a channel showed when something began."""

    _attr_translation_key = "last_event"
    _attr_content_type = "image/jpeg"
    _attr_entity_registry_enabled_default = False
    _unrecorded_attributes = frozenset({ATTR_OCCURRED_AT})

    def __init__(self, coordinator: NvrCoordinator, channel: Channel) -> None:
        super().__init__(coordinator, channel, "last_event")
        ImageEntity.__init__(self, coordinator.hass)
        self._jpeg: bytes | None = None
        self._taken: float | None = None
        self._wanted: NvrEvent | None = None
        self._shown: NvrEvent | None = None
        self._leave: Callable[[], None] | None = None

    @override
    async def async_added_to_hass(self) -> None:
        """Listen to what happens."""
        await super().async_added_to_hass()
        self.async_on_remove(self.hub.fanout.async_add_listener(self._take))
        self._follow()

    @override
    async def async_will_remove_from_hass(self) -> None:
        """Want no more pictures."""
        if self._leave is not None:
            self._leave()
            self._leave = None
        await super().async_will_remove_from_hass()

    @callback
    def _follow(self) -> None:
        """Have the NVR's own pictures handed over, once it was reached."""
        pictures = self.hub.driver.event_pictures if self.hub.link.reached else None
        if self._leave is None and pictures is not None:
            self._leave = pictures.follow(self.number, self._receive)

    @override
    async def async_image(self) -> bytes | None:
        """Return the picture; a person who may not watch the camera is refused."""
        user = await asking_user(self.hass)
        entry = self.coordinator.config_entry
        if (
            user is not None
            and not is_content_user(user)
            and not permit(self.hass, user, Action.LIVE, entry, self.number, via="image")
        ):
            raise HomeAssistantError(
                translation_domain=DOMAIN,
                translation_key="not_allowed_live",
                translation_placeholders={"camera": self.channel.name if self.channel else self.entity_id},
            )
        return self._jpeg

    @callback
    def _take(self, event: NvrEvent, context: Context) -> None:
        if event.channel != self.number or event.phase is EventPhase.STOP or event.late or event.kind in _UNSEEN:
            return
        now = time.monotonic()
        if self._taken is not None and now - self._taken < _PAUSE:
            return
        self._taken, self._wanted = now, event
        self._follow()
        entry = self.coordinator.config_entry
        entry.async_create_background_task(
            self.hass, self._async_fetch(event, context), f"nvr picture {self.entity_id}"
        )

    @callback
    def _receive(self, picture: EventPicture) -> None:
        """Take what the NVR took of the event that a picture is wanted of, unless who answers there is in doubt."""
        if picture.event == self._wanted and self.hub.link.connected:
            self._show(picture.event, picture.jpeg, None)

    async def _async_fetch(self, event: NvrEvent, context: Context) -> None:
        """Fetch a still, unless a picture of the NVR's own comes; where that fails the last picture stays."""
        if event.pictures:
            await asyncio.sleep(_PATIENCE)
        if event == self._shown:
            return
        try:
            jpeg = await self.hub.async_snapshot(self.number, None, None)
        except NvrError as err:
            LOGGER.debug("No picture of an event of %s (%s)", self.entity_id, error_key(err))
            return
        if event != self._shown:
            self._show(event, jpeg, context)

    @callback
    def _show(self, event: NvrEvent, jpeg: bytes, context: Context | None) -> None:
        self._jpeg, self._shown = jpeg, event
        told: dict[str, Any] = {ATTR_KIND: event.kind, **details(event)}
        self._attr_extra_state_attributes = {name: value for name, value in told.items() if value not in (None, "")}
        self._attr_image_last_updated = event.occurred_at
        if context is not None:
            self.async_set_context(context)
        self.async_write_ha_state()
