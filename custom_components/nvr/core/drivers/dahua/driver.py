"""One Dahua recorder or camera, OEM brands included: the roles put together (dahua-cgi 18)."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final

import aiohttp

from ...capabilities import GateWidths, RecorderCapabilities
from ...credentials import LoginGuard
from ...driver import (
    ClockSetter as ClockSetterRole,
    ClockSource,
    ConnectionConfig,
    ControlSource,
    CredentialGuard,
    DetectionIndex,
    DownloadSource,
    EventLinkage,
    EventPictures,
    EventSource,
    FirmwareSource,
    KeyFrameSource,
    LiveSource,
    MaintenanceSource,
    PlaybackSource,
    PtzSource,
    RecordingIndex,
    RecordingStatus as RecordingStatusRole,
    SnapshotSource,
    StorageSource,
    TalkSource,
)
from ...errors import NvrUnsupportedError
from ...learned import dump_profiles, load_profiles
from ...models import Channel, RecorderInfo, RecorderKind
from ...transport.gate import LANES, Gate
from ...transport.http import HttpTransport
from .brands import audio_reboots
from .client import CHALLENGE_PATH, DahuaClient
from .connect import TIME, Connect, Learned, TimeReader, identify
from .context import Context
from .controls import Controls
from .detections import Detections
from .downloads import Downloads
from .events import Events
from .finder import Finders
from .firmware import Firmware
from .health import ClockSetter, RecordingStatus
from .key_frames import KeyFrames
from .live import Live, Snapshots
from .mapping import (
    FAMILY,
    WIDTHS,
    Documents,
    build_capabilities,
    build_channels,
    recorder_info,
    recorder_kind,
    renewed,
)
from .playback import Playback
from .presence import Presence
from .provisional import ProvisionalGuard
from .ptz import Ptz
from .quirks import Memory
from .recordings import Recordings
from .source import Source, unless_refused
from .system import Clock, Maintenance, Storage
from .talk import Talk
from .wire_config import parse_titles

_UNKNOWN_INFO: Final = RecorderInfo("", "", "", "", "", RecorderKind.NVR, FAMILY)
# Which cameras are attached changes seldom, and their list is long (dahua-cgi 6, 18).
_LIST_LIFE: Final = timedelta(minutes=15)


def _utcnow() -> datetime:
    return datetime.now(UTC)


class DahuaDriver:
    """Implements core.driver.Driver. Roles are None until `connect` has found that the recorder has them."""

    def __init__(
        self,
        config: ConnectionConfig,
        session: aiohttp.ClientSession | Callable[[], aiohttp.ClientSession] | None = None,
        *,
        memory: Mapping[str, object] | None = None,
        utcnow: Callable[[], datetime] = _utcnow,
        guard: CredentialGuard | None = None,
        gates: GateWidths | None = None,
        search_page: int | None = None,
    ) -> None:
        """Send nothing yet. `memory` is what an earlier driver of this recorder learned; `gates` and on are knobs."""
        self.guard: CredentialGuard = guard if guard is not None else LoginGuard(utcnow=utcnow)
        self._gates = gates or WIDTHS
        self._search_page = search_page
        transport = HttpTransport(
            config, session, ProvisionalGuard(self.guard), Gate(self._gates), challenge_path=CHALLENGE_PATH
        )
        learned = Memory.load(memory)
        self._context = Context(config, DahuaClient(transport, learned, utcnow), learned, utcnow)
        self._presence = Presence(self._context)
        self._source = Source(self._context)
        self._time = TimeReader(self._context)
        self._documents: Documents | None = None
        self._listed_at: datetime | None = None
        self._notes: tuple[str, ...] = ()
        self._lists: Detections | None = None
        self._finders: Finders | None = None
        self._pictures: KeyFrames | None = None
        self._event_stream: Events | None = None
        self._stills: Snapshots | None = None
        self.info: RecorderInfo = _UNKNOWN_INFO
        self.capabilities = RecorderCapabilities()
        self.channels: tuple[Channel, ...] = ()
        self.live: LiveSource | None = None
        self.snapshots: SnapshotSource | None = None
        self.recordings: RecordingIndex | None = None
        self.detections: DetectionIndex | None = None
        self.playback: PlaybackSource | None = None
        self.downloads: DownloadSource | None = None
        self.events: EventSource | None = None
        self.event_pictures: EventPictures | None = None
        # Its events need no linkage: whoever attaches is told (dahua-cgi 12.1).
        self.event_linkage: EventLinkage | None = None
        self.storage: StorageSource | None = None
        self.clock: ClockSource | None = None
        self.clock_setter: ClockSetterRole | None = None
        self.maintenance: MaintenanceSource | None = None
        self.firmware: FirmwareSource | None = None
        self.recording_status: RecordingStatusRole | None = None
        self.ptz: PtzSource | None = None
        self.controls: ControlSource | None = None
        self.talk: TalkSource | None = None

    @property
    def key_frames(self) -> KeyFrameSource | None:
        """Single pictures of the past, until the recorder refuses them; that is remembered for a day."""
        return self._pictures if self._pictures is not None and self._pictures.offered else None

    async def connect(self, serial: str | None = None) -> None:
        """Identify the recorder and learn it, in at most 13 requests on present firmware; raises core errors only."""
        learned = await Connect(self._context, self._time, self._presence).run(serial)
        self._listed_at = self._context.utcnow()
        self._learn(learned)

    async def identify(self) -> str:
        """Return the serial of whoever answers (dahua-cgi 5); raises core errors only."""
        return (await identify(self._context)).serial

    def _learn(self, learned: Learned) -> None:
        context, documents = self._context, learned.documents
        if not documents.titles and self._documents is not None:
            # Names that were not told this time are still what they were.
            documents = renewed(documents, titles=self._documents.titles)
        context.connects += 1
        kind = recorder_kind(documents)
        self.info = recorder_info(documents, kind)
        context.kind, context.serial = kind, self.info.serial
        self._documents = documents
        notes = list(learned.notes)
        if documents.encode is None:
            notes.append("profiles derived: the table of encoders was refused")
        if context.client.rpc.available is False:
            notes.append("no RPC2: all questions go by the CGI")
        if audio_reboots(documents.version):
            notes.append("audio.cgi is never asked: it reboots this firmware")
        self._notes = tuple(notes)
        capabilities = build_capabilities(documents, self._gates, self._search_page, self._notes)
        self.capabilities = replace(capabilities, rtsp=context.rtsp_on)
        context.capabilities = self.capabilities
        self._take_channels(documents)
        self._make_roles(learned)

    def _take_channels(self, documents: Documents) -> None:
        memory = self._context.memory
        channels = build_channels(documents, self.info.serial, self.info.kind, load_profiles(memory.profiles))
        self.channels = self._context.channels = channels
        if documents.encode is not None:
            memory.profiles |= {str(channel.number): dump_profiles(channel.profiles) for channel in channels}

    def _make_roles(self, learned: Learned) -> None:
        """Make the roles once; a second connect must not orphan an event stream that runs."""
        context = self._context
        if self.live is None:
            self.live = Live(context)
            self.snapshots = self._stills = Snapshots(context)
            recordings = Recordings(context)
            self._finders = recordings.finders
            self.recordings, self.playback = recordings, Playback(context, recordings)
            self._lists = Detections(context, recordings.finders)
            self._pictures = KeyFrames(context)
            self.downloads = Downloads(context)
            self.clock, self.clock_setter = Clock(context, self._time), ClockSetter(context, self._time)
            self.recording_status = RecordingStatus(context)
            self.ptz, self.controls, self.talk = Ptz(context), Controls(context), Talk(context)
            self.events = self._event_stream = Events(context, read_clock=self._time.read)
        # What was not told this time is asked for when it is wanted, and not taken from before.
        known = learned.disks is not None or learned.storage_failed
        self.storage = Storage(context, learned.disks) if known else None
        if context.client.rpc.available:
            self.maintenance, self.detections = Maintenance(context), self._lists
            self.firmware = Firmware(context)
        self.capabilities = replace(self.capabilities, event_history=self.detections is not None)
        context.capabilities = self.capabilities

    async def refresh_channels(self) -> tuple[Channel, ...]:
        """Read names and online states anew in two requests; every quarter of an hour the list of cameras too."""
        documents = self._documents
        if documents is None:
            raise NvrUnsupportedError("nothing is known of the recorder before connect")
        titles = await unless_refused(self._source.table("ChannelTitle"))
        if titles is None:
            await self.ping()
        documents = renewed(documents, titles=None if titles is None else parse_titles(titles))
        if self.info.kind is not RecorderKind.CAMERA:
            documents = await self._renew_presence(documents)
        self._documents = documents
        self._take_channels(documents)
        return self.channels

    async def _renew_presence(self, documents: Documents) -> Documents:
        before = documents.states
        # What is not told any more, or refused, is not known: an old word would keep a lost camera alive.
        if before is not None:
            documents = replace(documents, states=await unless_refused(self._presence.states()) or {})
        else:
            documents = replace(documents, lost=await unless_refused(self._presence.lost()))
        now = self._context.utcnow()
        if self._listed_at is None or now - self._listed_at >= _LIST_LIFE or _slots_changed(before, documents.states):
            self._listed_at = now
            if documents.cameras is not None:
                documents = renewed(documents, cameras=await unless_refused(self._presence.cameras()))
            elif documents.remotes is not None:
                documents = renewed(documents, remotes=await unless_refused(self._presence.remotes()))
        return documents

    async def ping(self) -> None:
        """Make the cheapest authenticated request; raises when the recorder is away."""
        rpc = self._context.client.rpc
        if rpc.available is not False:
            try:
                await rpc.call("global.getCurrentTime")
            except NvrUnsupportedError:
                pass
            else:
                return
        await self._context.client.get(*TIME)

    async def close(self) -> None:
        """End everything that runs and log out; safe to call twice and at any time."""
        if self._stills is not None:
            await self._stills.close()
        # What is open on the recorder is given back while it can still be asked.
        await asyncio.gather(*(each.close() for each in (self._lists, self._finders) if each is not None))
        await self._context.client.close()

    @property
    def memory(self) -> Mapping[str, object]:
        """What was learned, as plain JSON, to be given back at the next start."""
        return self._context.memory.dump()

    @property
    def statistics(self) -> Mapping[str, object]:
        """Counters and learned facts for diagnostics; no credentials, serials or addresses."""
        context = self._context
        transport = context.client.transport
        return {
            "requests": transport.statistics.requests,
            "refused": transport.statistics.refused,
            "retries": transport.statistics.retries,
            "bytes_received": transport.statistics.bytes_received,
            "lanes": dict(transport.statistics.lanes),
            "most_in_flight": {lane: transport.gate.most_in_flight(lane) for lane in LANES},
            "auth_scheme": str(transport.auth.scheme),
            "rpc": {
                "available": context.client.rpc.available,
                "logins": context.client.rpc.generation,
                "calls": context.client.rpc.calls,
            },
            "quirks": context.quirks.learned(),
            "refused_paths": sorted(context.memory.refused),
            "answers": transport.statistics.answers.dump(),
            "counters": dict(context.counters),
            "events": {} if self._event_stream is None else self._event_stream.counters,
            "notes": self._notes,
        }


def _slots_changed(before: Mapping[int, str] | None, after: Mapping[int, str] | None) -> bool:
    """Tell whether a slot was filled or emptied, which its list of cameras then shows."""
    if not before or not after:
        return False

    def filled(states: Mapping[int, str]) -> set[int]:
        return {place for place, state in states.items() if state.lower() not in {"", "empty"}}

    return filled(before) != filled(after)
