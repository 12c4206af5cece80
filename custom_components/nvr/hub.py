"""One recorder in Home Assistant: what it is, what it has, whether it is there."""

from collections import defaultdict
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import Event, HomeAssistant, callback
from homeassistant.helpers import entity_registry as er
from homeassistant.util import dt as dt_util

from .announce import Announcer
from .connection import connection_config, session_factory
from .const import (
    CONF_CAMERA_PROFILE,
    CONF_FAMILY,
    CONF_GRACE_TIME,
    CONF_HOLD_TIME,
    CONF_IGNORED_DETECTIONS,
    CONF_PLAYBACK_SLOTS,
    DEFAULT_GRACE_TIME,
    LOGGER,
    CameraProfile,
)
from .control_desk import ControlDesk
from .core.clock import DeviceClock
from .core.driver import ControlSource, DetectionIndex, DownloadSource, Driver, KeyFrameSource, PlaybackSource
from .core.errors import NvrError, NvrNotFoundError, NvrUnsupportedError
from .core.families import build_driver
from .core.models import Channel, EventKind, RecorderInfo, StreamRole
from .core.pilot import Pilot
from .core.recording_index import CachedRecordingIndex
from .edges import Edge
from .errors import error_key
from .fanout import EventFanout
from .link import RecorderLink
from .media.streaming.meter import StreamMeter
from .persistence import RECORDER, MemoryStore
from .proven import (
    ProvenControls,
    ProvenDetections,
    ProvenDownloads,
    ProvenKeyFrames,
    ProvenPlayback,
    ProvenPtz,
    ProvenRecordings,
)
from .roster import Roster
from .shared import NvrShared
from .signals import Signal
from .slot_use import SlotUse
from .stills import Stills
from .streams import Streams
from .watch import Watch


class NvrHub:
    """One recorder. All but the coroutines answer at once from what is known."""

    def __init__(self, hass: HomeAssistant, entry: ConfigEntry[Any], shared: NvrShared, store: MemoryStore) -> None:
        """Prepare; nothing is sent before `async_start`."""
        options = entry.options
        config = connection_config(entry.data, options)
        self.hass = hass
        self.entry = entry
        self._store = store
        self._stills = Stills()
        self.meters = defaultdict[tuple[int, StreamRole], StreamMeter](StreamMeter)
        self._recordings: CachedRecordingIndex | None = None
        self._pilot: Pilot | None = None
        self.changed = Signal[()]()
        self.channels_added = Signal[tuple[Channel, ...]]()
        self.roster = Roster(hass, entry, store, config)
        self.streams = Streams(hass, entry, shared)
        self.sessions = SlotUse(shared.engine.slots, entry.entry_id, lambda: self.playback_slots)
        self.announcer = Announcer(hass, entry, self.roster)
        grace = timedelta(seconds=options.get(CONF_GRACE_TIME, DEFAULT_GRACE_TIME))
        self.watch = Watch(hass, grace, store, self._on_edge)
        guard = shared.guard(entry.entry_id, config)
        if (until := store.memory.locked_until) is not None:
            guard.keep_silent(until)
        self._lock = shared.lock_notice(entry)
        self.driver: Driver = build_driver(
            entry.data[CONF_FAMILY],
            config,
            session_factory(hass),
            store.memory.driver,
            utcnow=dt_util.utcnow,
            guard=guard,
        )
        self.link = RecorderLink(
            hass,
            entry,
            self.driver,
            self.watch,
            self._lock,
            on_channels=self._take_channels,
            on_change=self.changed.async_send,
            on_refused=self.streams.async_refused,
            on_locked=self._locked,
            on_replaced=self._shut_out,
            hold=options.get(CONF_HOLD_TIME),
        )
        self.desk = ControlDesk(hass, entry, store, self)
        self._listen_to_login = partial(guard.listen, self.link.async_login_news)
        self._deafen: Callable[[], None] | None = None
        self.fanout = EventFanout(
            hass,
            payload=self.announcer.payload,
            first_seen=self.roster.async_saw,
            stream_state=self.link.async_stream_state,
            on_life=self.watch.async_life,
            ignored=frozenset(EventKind(kind) for kind in options.get(CONF_IGNORED_DETECTIONS, ())),
        )

    @property
    def info(self) -> RecorderInfo:
        """Who the recorder says it is, or said last."""
        return self.driver.info if self.link.reached else self._store.memory.info or self.driver.info

    @property
    def name(self) -> str:
        """What people call it."""
        return self.entry.title

    @property
    def channels(self) -> tuple[Channel, ...]:
        """The imported channels, as last known."""
        return self.roster.channels

    def channel(self, number: int) -> Channel | None:
        """Return an imported channel that exists."""
        return self.roster.get(number)

    @property
    def login_usable(self) -> bool:
        """Whether the login may be given to anybody who would send it: streams, playback."""
        return self.link.login_usable

    @property
    def online(self) -> bool:
        """Whether it can be used now: reached, not announced as offline, and its login not refused."""
        return self.link.reached and not self.link.login_refused and self.watch.online(RECORDER) is not False

    def channel_online(self, number: int) -> bool | None:
        """Return what was announced of a channel; None when the recorder does not say."""
        return self.watch.online(number)

    def channel_available(self, number: int) -> bool:
        """Tell whether the channel can be used now."""
        return self.online and self.roster.get(number) is not None and self.watch.online(number) is not False

    @property
    def recordings(self) -> CachedRecordingIndex | None:
        """What is stored; None when the recorder lacks a search or was not reached yet."""
        if not self.link.reached or self.driver.recordings is None or self.driver.clock is None:
            return None
        if self._recordings is None:
            proven = ProvenRecordings(self.driver.recordings, self.link.async_prove)
            self._recordings = CachedRecordingIndex(proven, self.driver.clock)
        return self._recordings

    @property
    def detections(self) -> DetectionIndex | None:
        """What happened; None when the recorder keeps no list of it or was not reached yet."""
        if not self.link.reached or self.driver.detections is None:
            return None
        return ProvenDetections(self.driver.detections, self.link.async_prove)

    @property
    def playback(self) -> PlaybackSource | None:
        """Footage to watch; None when the recorder plays none or was not reached yet."""
        if not self.link.reached or self.driver.playback is None:
            return None
        return ProvenPlayback(self.driver.playback, self.link.async_prove)

    @property
    def downloads(self) -> DownloadSource | None:
        """Footage as original bytes; None when the recorder gives out none or was not reached yet."""
        if not self.link.reached or self.driver.downloads is None:
            return None
        return ProvenDownloads(self.driver.downloads, self.link.async_prove)

    @property
    def key_frames(self) -> KeyFrameSource | None:
        """Single pictures of the past; None when the recorder has none or was not reached yet."""
        if not self.link.reached or self.driver.key_frames is None:
            return None
        return ProvenKeyFrames(self.driver.key_frames, self.link.async_prove)

    @property
    def pilot(self) -> Pilot | None:
        """Who moves cameras, and stops them; None when the recorder moves none or was not reached yet."""
        if self._pilot is None and self.link.reached and self.driver.ptz is not None:
            self._pilot = Pilot(ProvenPtz(self.driver.ptz, self.link.async_prove), self._still_moving)
        return self._pilot

    @property
    def controls(self) -> ControlSource | None:
        """What can be switched and set; None when the recorder was not reached yet."""
        if not self.link.reached or self.driver.controls is None:
            return None
        return ProvenControls(self.driver.controls, self.link.async_prove)

    @property
    def clock(self) -> DeviceClock | None:
        """The newest reading of the recorder's clock."""
        return self.driver.clock.current if self.link.reached and self.driver.clock is not None else None

    @property
    def playback_slots(self) -> int:
        """How many playback sessions may be open at once."""
        chosen = self.entry.options.get(CONF_PLAYBACK_SLOTS)
        return int(chosen) if chosen else self.driver.capabilities.playback_sessions

    @property
    def device_id(self) -> str:
        """The recorder's device."""
        return self.roster.devices.recorder_id

    def channel_device_id(self, number: int) -> str | None:
        """Return the device of a channel."""
        return self.roster.devices.channel_ids.get(number)

    def camera_entity_id(self, number: int) -> str | None:
        """Return the enabled camera entity of a channel."""
        channel = self.roster.get(number)
        return None if channel is None else self.roster.devices.camera_entity_id(channel)

    async def async_snapshot(self, number: int, width: int | None, height: int | None) -> bytes:
        """Return a JPEG at most a second old; raises core errors."""
        if self.roster.get(number) is None:
            raise NvrNotFoundError("no such channel")
        await self.link.async_prove()
        if (source := self.driver.snapshots) is None:
            raise NvrUnsupportedError("the recorder has no stills")
        jpeg = await self._stills.get(source, number, width, height)
        await self.link.async_prove()
        return jpeg

    async def async_start(self) -> None:
        """Connect; while the recorder is away start from memory. Raises core errors when neither is possible."""
        self._deafen = self._listen_to_login()
        self._lock.on_over = self._unlocked
        try:
            await self.link.async_refresh()
        except NvrError as err:
            if self._store.memory.info is None:
                # Whoever was never known does not come back: the set-up that succeeds one day is the first sight.
                self.watch.async_forget(RECORDER)
            if self.link.login_refused or self.roster.async_recall() is None:
                raise
            if self.watch.online(RECORDER) is False:
                LOGGER.warning("%s is still offline (%s)", self.name, error_key(err))
        self.desk.async_recall()
        self.desk.async_start()
        memory = self._store.memory
        profile = CameraProfile(self.entry.options.get(CONF_CAMERA_PROFILE, CameraProfile.AUTO))
        self.roster.devices.async_apply_profile(self.channels, memory.profile)
        memory.profile = profile

        @callback
        def forget_names(_event: Event[er.EventEntityRegistryUpdatedData]) -> None:
            self.roster.devices.async_forget_cameras()
            self.fanout.async_forget_payloads()

        self.entry.async_on_unload(self.hass.bus.async_listen(er.EVENT_ENTITY_REGISTRY_UPDATED, forget_names))

    async def async_stop(self) -> None:
        """End everything that runs, here and on the recorder, and keep what was learned."""
        if self._deafen is not None:
            self._deafen()
            self._deafen = None
        self._lock.on_over = None
        self.watch.async_stop()
        if self._pilot is not None:
            # What moves is stopped while the recorder can still be told.
            await self._pilot.close()
        await self._stills.close()
        await self.streams.async_stop()
        if self._recordings is not None:
            # Searches that go on for nobody: the recorder still listens to their end.
            await self._recordings.close()
        await self.link.async_close()
        if self.link.reached:
            self._store.memory.driver = self.driver.memory
        if self._store.memory.info is not None:
            await self._store.async_save()

    def _take_channels(self, channels: tuple[Channel, ...]) -> None:
        """Take the channels as the recorder lists them now."""
        added = self.roster.async_take(self.driver.info, self.driver.capabilities, channels)
        self.watch.async_up(RECORDER)
        for channel in self.channels:
            if channel.online:
                self.watch.async_up(channel.number)
            elif channel.online is False:
                self.watch.async_down(channel.number, "camera_offline")
        for number in self.watch.numbers - {channel.number for channel in self.channels} - {RECORDER}:
            self.watch.async_forget(number)
        self.fanout.async_forget_payloads()
        self.link.events.async_start(self.fanout)
        if added:
            self.channels_added.async_send(added)
        self.changed.async_send()

    @callback
    def _locked(self) -> None:
        """End what plays with the login, and remember the lock: a restart does not end it."""
        self._store.memory.locked_until = self.driver.guard.locked_until
        self._store.async_save_soon()
        self.streams.async_locked()

    @callback
    def _unlocked(self) -> bool:
        """See what became of a lock whose time is up; False where nobody will: the login is refused."""
        if self.link.login_refused or self.link.refresh_soon is None:
            return False
        self.link.async_refresh_now()
        return True

    @callback
    def _still_moving(self, number: int, err: NvrError) -> None:
        LOGGER.warning("%s could not be told to stop the camera of channel %d (%s)", self.name, number, error_key(err))

    @callback
    def _shut_out(self) -> None:
        """Another recorder is at the address: end what plays from there, and keep nothing it may have told."""
        self._recordings = None
        self.streams.async_locked()
        self.entry.async_create_background_task(self.hass, self._stills.close(), f"nvr stills {self.entry.entry_id}")

    def _on_edge(self, number: int, edge: Edge) -> None:
        """Tell of an edge; while the recorder is away nothing is known of its channels."""
        if number == RECORDER and not edge.online:
            self.link.async_learn_anew()
            for channel in self.channels:
                self.watch.async_pause(channel.number)
        self.announcer.async_edge(number, edge)
        self.changed.async_send()
