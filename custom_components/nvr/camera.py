"""The live picture of each channel, once per stream profile.

Home Assistant's own views serve it, and they ask entity permissions at most. Who is behind a command, a request or an
action is asked here where it is known, and refused when he may not watch. Pictures by the token in the entity's state,
and a running stream by its address, name nobody.
"""

import asyncio
from collections.abc import Iterator
from contextvars import ContextVar
import time
from typing import Final, override

from homeassistant.components import camera as camera_component, websocket_api
from homeassistant.components.camera import Camera, CameraEntityFeature
from homeassistant.components.stream import CONF_RTSP_TRANSPORT, Stream
from homeassistant.core import Context, HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
from homeassistant.helpers.http import current_request

from .access import Action, asking_user, is_content_user, permit, user_of
from .const import CONF_TWO_WAY_AUDIO, DOMAIN, LOGGER
from .coordinator import NvrCoordinator
from .core.errors import NvrError, NvrTimeoutError
from .core.models import Channel, RtspAddress, RtspTransport, StreamProfile, StreamRole
from .entity import ChannelEntity, add_channel_entities
from .errors import error_key, translate, translated_errors
from .runtime import NvrConfigEntry

PARALLEL_UPDATES = 0
# How old (s) the recorder's yes to the login may be when a stream is begun.
_VERIFIED = 2.0
# How long (s) a picture may take: Home Assistant gives up after ten, without a word of what is wrong.
_PATIENCE: Final = 9.0
# Home Assistant 2026.11 has them: what makes its live view offer a microphone.
_CAPABILITIES: Final = getattr(camera_component, "CameraEntityCapabilities", None)
# Set where an action runs for a camera: on whose behalf.
_IN_ACTION: Final[ContextVar[Context | None]] = ContextVar("nvr_camera_action", default=None)
# Set where Home Assistant asks on nobody's behalf, although somebody's command may have led to it.
_FOR_NOBODY: Final = ContextVar("nvr_camera_for_nobody", default=False)


async def async_setup_entry(
    _hass: HomeAssistant, entry: NvrConfigEntry, async_add_entities: AddConfigEntryEntitiesCallback
) -> None:
    """Add a camera per stream profile; one of them is enabled."""
    coordinator = entry.runtime_data.coordinator

    def cameras(channel: Channel) -> Iterator[NvrCamera]:
        for profile in channel.profiles:
            yield NvrCamera(coordinator, channel, profile)

    add_channel_entities(entry, async_add_entities, cameras)


class NvrCamera(ChannelEntity, Camera):
    """One stream profile of a channel."""

    _attr_supported_features = CameraEntityFeature.STREAM

    def __init__(self, coordinator: NvrCoordinator, channel: Channel, profile: StreamProfile) -> None:
        super().__init__(coordinator, channel, f"camera_{profile.role}")
        Camera.__init__(self)
        self.role: StreamRole = profile.role
        preferred = self.hub.roster.devices.roles.get(channel.number) is profile.role
        if preferred:
            self._attr_name = None
        else:
            self._attr_translation_key = f"camera_{profile.role}"
        self._attr_entity_registry_enabled_default = preferred
        self._attr_brand = channel.manufacturer
        self._attr_model = channel.model
        self._had_source = False
        self._broken_since: float | None = None
        self._talks = bool(coordinator.config_entry.options.get(CONF_TWO_WAY_AUDIO))
        if self._talks and _CAPABILITIES is not None:
            self._attr_camera_entity_capabilities = _CAPABILITIES(two_way_audio=True)

    @property
    @override
    def available(self) -> bool:
        """Also without a picture while the running stream is broken."""
        return super().available and (self.stream is None or self.stream.available)

    @override
    async def async_added_to_hass(self) -> None:
        """Let the stream be stopped when the login may no longer be used."""
        await super().async_added_to_hass()
        self.async_on_remove(self.hub.streams.async_add(self.async_stop_stream))

    @override
    async def async_will_remove_from_hass(self) -> None:
        """Leave no session on the recorder."""
        await self.async_stop_stream()
        await super().async_will_remove_from_hass()

    @override
    async def stream_source(self) -> str | None:
        """Return the address with the login in it; nothing is asked, and the same comes back each time."""
        await self._require_live()
        source = self._source()
        self._had_source = source is not None
        return source

    @override
    async def async_create_stream(self) -> Stream | None:
        """Create the stream, and look after it: a worker that fails may fail for the login's sake.

        It is asked first over HTTP whether the recorder takes the login: a worker's own tries are counted nowhere.
        What goes wrong there is raised for who waits for the stream. To Home Assistant's loop over all cameras that
        are kept running, of other integrations too, there is none: an error would end it.
        """
        await self._require_live()
        try:
            if self._address() is not None:
                await self.hub.link.async_verify(_VERIFIED)
        except NvrError as err:
            if _somebody_waits():
                raise translate(err, self.hub.name) from err
            LOGGER.info("The stream of %s was not begun (%s)", self.entity_id, error_key(err))
            return None
        self._give_login_back()
        if (stream := self.stream) is not None and stream.source != self._source():
            await self.async_stop_stream()
        transport = self.coordinator.config_entry.options.get(CONF_RTSP_TRANSPORT, RtspTransport.TCP)
        self.stream_options[CONF_RTSP_TRANSPORT] = str(transport)
        if (stream := await super().async_create_stream()) is not None:
            stream.set_update_callback(self._async_stream_changed)
        return stream

    @callback
    @override
    def async_set_context(self, context: Context) -> None:
        """Remember for the rest of the action who called it."""
        super().async_set_context(context)
        _IN_ACTION.set(context)

    @override
    async def async_refresh_providers(self, *, write_state: bool = True) -> None:
        """Ask the providers; the address they are asked about is shown to nobody."""
        token = _FOR_NOBODY.set(True)
        try:
            await super().async_refresh_providers(write_state=write_state)
        finally:
            _FOR_NOBODY.reset(token)

    @override
    async def async_camera_image(self, width: int | None = None, height: int | None = None) -> bytes | None:
        """Return a fresh picture; all who ask within a second share it."""
        await self._require_live()
        with translated_errors(self.hub.name):
            try:
                async with asyncio.timeout(_PATIENCE):
                    return await self.hub.async_snapshot(self.number, width, height)
            except TimeoutError:
                raise NvrTimeoutError("no picture in time") from None

    async def _require_live(self) -> None:
        """Refuse a person who may not watch. An action is its caller's, whatever led to it."""
        if _FOR_NOBODY.get():
            return
        if (context := _IN_ACTION.get()) is None:
            user = await asking_user(self.hass)
        else:
            user = await user_of(self.hass, context.user_id, context=context)
        if user is None or is_content_user(user):
            return
        if not permit(self.hass, user, Action.LIVE, self.coordinator.config_entry, self.number, via="camera"):
            raise HomeAssistantError(
                translation_domain=DOMAIN,
                translation_key="not_allowed_live",
                translation_placeholders={"camera": self.channel.name if self.channel else self.entity_id},
            )

    async def async_stop_stream(self) -> None:
        """Stop the stream, also one that is kept running; what the user chose for it stays."""
        if (stream := self.stream) is None:
            return
        self.stream = self._broken_since = None
        outputs = stream.outputs().values()
        settings = stream.dynamic_stream_settings
        preload, settings.preload_stream = settings.preload_stream, False
        try:
            await stream.stop()
        finally:
            settings.preload_stream = preload
            # `stop` forgets the outputs with their timers, which the worker's last segment may just have started.
            for output in outputs:
                output.cleanup()

    @callback
    @override
    def _handle_coordinator_update(self) -> None:
        """Write the state; who streams for us is asked again once there is something to stream."""
        if not self._had_source and self._source() is not None:
            self._had_source = True
            self.hass.async_create_task(self.async_refresh_providers())
        self._give_login_back()
        super()._handle_coordinator_update()

    @callback
    def _async_stream_changed(self) -> None:
        """Find out at once why a running stream broke.

        All streams of a recorder break in the same instant and are tried again in the same one. Until HTTP has shown
        that the login is still good, they have an address without it.
        """
        if (stream := self.stream) is not None and not stream.available:
            if self._broken_since is None and (address := self._address()) is not None:
                self._broken_since = time.monotonic()
                stream.source = address.url
            self.hub.link.async_check_soon()
        self.async_write_ha_state()

    @callback
    def _give_login_back(self) -> None:
        """Let a broken stream be tried again with the login, once the recorder has taken it."""
        if self._broken_since is None or not self.hub.link.accepted_since(self._broken_since):
            return
        if self.stream is not None and (source := self._source()) is not None:
            self.stream.source = source
            self._broken_since = None

    def _address(self) -> RtspAddress | None:
        live = self.hub.driver.live
        if live is None or not self.hub.link.reached:
            return None
        talk = self.hub.driver.talk if self._talks else None
        try:
            return live.address(self.number, self.role) if talk is None else talk.address(self.number, self.role)
        except NvrError:
            return None

    def _source(self) -> str | None:
        """Return the address with the login: not while anybody else might answer there."""
        address = self._address()
        usable = self.hub.link.connected and self.hub.login_usable
        return address.with_credentials() if address is not None and usable else None


def _somebody_waits() -> bool:
    """Tell whether a person's command or request, or an action, is being handled, and so can be told of an error."""
    asked = (websocket_api.current_connection.get(), current_request.get())
    return _IN_ACTION.get() is not None or any(who is not None for who in asked)
