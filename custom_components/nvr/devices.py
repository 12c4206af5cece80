"""One recorder in Home Assistant's registries: its devices, and which entity is the camera of a channel."""

from collections.abc import Iterable, Sequence

from homeassistant.components.binary_sensor import DOMAIN as BINARY_SENSOR_DOMAIN
from homeassistant.components.camera import DOMAIN as CAMERA_DOMAIN
from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import device_registry as dr, entity_registry as er

from .const import CONF_CAMERA_PROFILE, DOMAIN, MAX_ENABLED_ENTITIES, CameraProfile
from .core.driver import ConnectionConfig, TlsMode
from .core.models import Channel, RecorderInfo, StreamRole, VideoCodec


def camera_unique_id(channel: Channel, role: StreamRole) -> str:
    """Return the unique id of the camera entity that plays one profile."""
    return f"{channel.id}_camera_{role}"


def preferred_role(channel: Channel, profile: CameraProfile) -> StreamRole | None:
    """Return which profile the channel's enabled camera plays: by choice, else the best that every browser plays."""
    usable = {item.role: item for item in channel.profiles if item.enabled}
    if not usable:
        return None
    if profile is not CameraProfile.AUTO and StreamRole(profile) in usable:
        return StreamRole(profile)
    for role in (StreamRole.MAIN, StreamRole.SUB):
        if role in usable and usable[role].video is VideoCodec.H264:
            return role
    return StreamRole.MAIN if StreamRole.MAIN in usable else next(iter(usable))


class Devices:
    """The devices of one recorder and its channels."""

    def __init__(self, hass: HomeAssistant, entry: ConfigEntry) -> None:
        """Nothing is registered yet."""
        self._hass = hass
        self._entry = entry
        self._profile = CameraProfile(entry.options.get(CONF_CAMERA_PROFILE, CameraProfile.AUTO))
        self._cameras: dict[int, str | None] = {}
        self._sensors: list[str] | None = None
        self.recorder_id = ""
        self.channel_ids: dict[int, str] = {}
        self.roles: dict[int, StreamRole | None] = {}

    @callback
    def async_register(self, info: RecorderInfo, config: ConnectionConfig, channels: Sequence[Channel]) -> None:
        """Register the recorder, then its channels, and bring what is known of them up to date."""
        registry = dr.async_get(self._hass)
        scheme = "http" if config.tls is TlsMode.OFF else "https"
        host = f"[{config.host}]" if ":" in config.host else config.host
        self.recorder_id = registry.async_get_or_create(
            config_entry_id=self._entry.entry_id,
            identifiers={(DOMAIN, info.serial)},
            connections={(dr.CONNECTION_NETWORK_MAC, info.mac)} if info.mac else set(),
            name=info.name or info.model,
            manufacturer=info.manufacturer or None,
            model=info.model or None,
            serial_number=info.serial,
            sw_version=info.firmware or None,
            hw_version=info.hardware,
            configuration_url=f"{scheme}://{host}:{config.http_port}",
        ).id
        for channel in channels:
            device = registry.async_get_or_create(
                config_entry_id=self._entry.entry_id,
                identifiers={(DOMAIN, channel.id)},
                name=channel.name or f"Channel {channel.number}",
                manufacturer=channel.manufacturer,
                model=channel.model,
                sw_version=channel.firmware,
                via_device_id=self.recorder_id,
            )
            self.channel_ids[channel.number] = device.id
            self.roles[channel.number] = self._sticky_role(channel, self._profile)
        self._cameras.clear()

    @callback
    def async_remove(self, channels: Iterable[Channel]) -> None:
        """Remove what the user leaves out; taken in again it gets its names and areas back from the registry."""
        registry = dr.async_get(self._hass)
        for channel in channels:
            device = registry.async_get_device_by_identifier((DOMAIN, channel.id), self._entry.entry_id)
            if device is not None:
                registry.async_remove_device(device.id)

    def sensor_keys(self, owner: str) -> frozenset[str]:
        """Return the ends of the unique ids of the binary sensors that were registered when this entry was set up.

        `owner` is the begin: the serial of the recorder or the id of a channel. The recorder's hold its channels' too.
        """
        if self._sensors is None:
            entries = er.async_entries_for_config_entry(er.async_get(self._hass), self._entry.entry_id)
            self._sensors = [entry.unique_id for entry in entries if entry.domain == BINARY_SENSOR_DOMAIN]
        begin = f"{owner}_"
        return frozenset(unique_id.removeprefix(begin) for unique_id in self._sensors if unique_id.startswith(begin))

    def has_room(self, number: int) -> bool:
        """Tell whether one more of a channel's entities may be enabled without being asked for."""
        if (device_id := self.channel_ids.get(number)) is None:
            return False
        enabled = er.async_entries_for_device(er.async_get(self._hass), device_id)
        return len(enabled) < MAX_ENABLED_ENTITIES

    def camera_entity_id(self, channel: Channel) -> str | None:
        """Return the enabled camera entity of the channel: of the preferred profile, else of any."""
        if channel.number not in self._cameras:
            self._cameras[channel.number] = self._find_camera(channel)
        return self._cameras[channel.number]

    @callback
    def async_apply_profile(self, channels: Sequence[Channel], applied: str | None) -> None:
        """Enable the cameras of the profile the user now wants instead of those of `applied`, which he wanted before.

        Other cameras stay as they are: whoever enabled one of them wanted it. To be called before the platforms are
        set up, for what is enabled here is loaded by them and not by another reload.
        """
        if applied not in set(CameraProfile) or applied == self._profile:
            return
        for channel in channels:
            before = self._sticky_role(channel, CameraProfile(applied))
            self.roles[channel.number] = wanted = preferred_role(channel, self._profile)
            self._enable_camera(channel, wanted)
            if before is not wanted:
                self._disable_camera(channel, before)
        self._cameras.clear()

    @callback
    def async_forget_cameras(self) -> None:
        """Look the camera entities up anew: the registry changed."""
        self._cameras.clear()

    def _enable_camera(self, channel: Channel, role: StreamRole | None) -> None:
        known = self._known_camera(channel, role)
        if known is None or known.disabled_by is not er.RegistryEntryDisabler.INTEGRATION:
            return
        registry = er.async_get(self._hass)
        # Home Assistant reloads the entry half a minute after somebody enabled an entity of it, unless that was off
        # together with the entry: then the set-up, which is under way here too, brings it by itself.
        registry.async_update_entity(known.entity_id, disabled_by=er.RegistryEntryDisabler.CONFIG_ENTRY)
        registry.async_update_entity(known.entity_id, disabled_by=None)

    def _disable_camera(self, channel: Channel, role: StreamRole | None) -> None:
        known = self._known_camera(channel, role)
        if known is not None and known.disabled_by is None:
            registry = er.async_get(self._hass)
            registry.async_update_entity(known.entity_id, disabled_by=er.RegistryEntryDisabler.INTEGRATION)

    def _sticky_role(self, channel: Channel, profile: CameraProfile) -> StreamRole | None:
        """Return the preferred role; an automatic choice stays with the camera that is already in use."""
        wanted = preferred_role(channel, profile)
        if profile is CameraProfile.AUTO:
            for item in channel.profiles:
                if self._enabled_camera(channel, item.role):
                    return wanted if self._enabled_camera(channel, wanted) else item.role
        return wanted

    def _find_camera(self, channel: Channel) -> str | None:
        roles = dict.fromkeys([self.roles.get(channel.number), *(item.role for item in channel.profiles)])
        return next((found for role in roles if (found := self._enabled_camera(channel, role))), None)

    def _enabled_camera(self, channel: Channel, role: StreamRole | None) -> str | None:
        known = self._known_camera(channel, role)
        return None if known is None or known.disabled_by else known.entity_id

    def _known_camera(self, channel: Channel, role: StreamRole | None) -> er.RegistryEntry | None:
        if role is None:
            return None
        registry = er.async_get(self._hass)
        entity_id = registry.async_get_entity_id(CAMERA_DOMAIN, DOMAIN, camera_unique_id(channel, role))
        return None if entity_id is None else registry.async_get(entity_id)
