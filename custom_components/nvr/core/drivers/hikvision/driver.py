"""One Hikvision recorder or camera, OEM brands included: the roles put together (hikvision-isapi 17)."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
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
from .client import CHALLENGE_PATH, HikvisionClient
from .connect import INPUTS, PROXIES, PROXY_STATES, Connect, Learned, identify
from .context import Context
from .controls import Controls
from .downloads import Downloads
from .events import USER_CHECK, Events
from .health import ClockSetter, RecordingStatus
from .linkage import Linkage
from .live import Live, Playback, Snapshots
from .mapping import (
    FAMILY,
    Documents,
    analog_inputs,
    build_capabilities,
    build_channels,
    identity,
    proxy_offset,
    recorder_info,
    recorder_kind,
    silent_triggers,
    track_ids,
)
from .ptz import Ptz
from .quirks import Memory
from .recordings import Recordings
from .system import Clock, Maintenance, Storage
from .talk import Talk
from .wire import parse_proxy_channels, parse_proxy_status, parse_video_inputs

_UNKNOWN_INFO: Final = RecorderInfo("", "", "", "", "", RecorderKind.NVR, FAMILY)
# What firmware and settings say: a recorder that has just started may refuse it for a while.
_LASTING: Final = ("capabilities", "triggers", "tracks", "lens_events")


def _utcnow() -> datetime:
    return datetime.now(UTC)


def _completed(documents: Documents, known: Documents | None) -> Documents:
    """Fill in what this connect was refused from what the same box told before with the same firmware."""
    if known is None or known.info != documents.info:
        return documents
    missing = {name: getattr(known, name) for name in _LASTING if getattr(documents, name) is None}
    return replace(documents, **missing)


class HikvisionDriver:
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
        self._gates = gates
        self._search_page = search_page
        gate = Gate(gates)
        transport = HttpTransport(config, session, self.guard, gate, challenge_path=CHALLENGE_PATH)
        learned = Memory.load(memory)
        self._context = Context(config, HikvisionClient(transport, learned, utcnow), learned, utcnow)
        self._documents: Documents | None = None
        self._notes: tuple[str, ...] = ()
        self._inputs_turn = False
        self._event_stream: Events | None = None
        self._stills: Snapshots | None = None
        self.info: RecorderInfo = _UNKNOWN_INFO
        self.capabilities = RecorderCapabilities()
        self.channels: tuple[Channel, ...] = ()
        self.live: LiveSource | None = None
        self.snapshots: SnapshotSource | None = None
        self.recordings: RecordingIndex | None = None
        # eventRecordSearch of newer NVRs has never been seen at work (hikvision-isapi 8.2).
        self.detections: DetectionIndex | None = None
        # Nor is there a page for single pictures of a recording.
        self.key_frames: KeyFrameSource | None = None
        self.playback: PlaybackSource | None = None
        self.downloads: DownloadSource | None = None
        self.events: EventSource | None = None
        self.event_pictures: EventPictures | None = None
        self.event_linkage: EventLinkage | None = None
        self.storage: StorageSource | None = None
        self.clock: ClockSource | None = None
        self.clock_setter: ClockSetterRole | None = None
        self.maintenance: MaintenanceSource | None = None
        # What `onlineUpgrade/version` answers where there is something new was never seen (hikvision-isapi 4.5).
        self.firmware: FirmwareSource | None = None
        self.recording_status: RecordingStatusRole | None = None
        self.ptz: PtzSource | None = None
        self.controls: ControlSource | None = None
        self.talk: TalkSource | None = None

    async def connect(self, serial: str | None = None) -> None:
        """Identify the recorder and learn it, in at most 14 requests; raises core errors only."""
        learned = await Connect(self._context).run(serial)
        learned.documents = _completed(learned.documents, self._documents)
        self._learn(learned)

    async def identify(self) -> str:
        """Return the serial of whoever answers (hikvision-isapi 4.1); raises core errors only."""
        return identity(await identify(self._context))

    def _learn(self, learned: Learned) -> None:
        context, documents = self._context, learned.documents
        context.connects += 1
        kind = recorder_kind(documents)
        self.info = recorder_info(documents, kind)
        context.kind, context.serial = kind, self.info.serial
        context.quirks.proxy_offset = proxy_offset(documents)
        context.tracks = track_ids(documents.tracks)
        self._documents = documents
        silent = silent_triggers(documents.triggers or ())
        notes = list(learned.notes)
        if documents.streams is None:
            notes.append("profiles derived: the list of streams was refused")
        if silent:
            notes.append(f"detections not notified: {len(silent)} of {len(documents.triggers or ())}")
        self._notes = tuple(notes)
        capabilities = build_capabilities(documents, self._gates, self._search_page, self._notes)
        self.capabilities = replace(capabilities, rtsp=context.rtsp_on)
        context.triggers = tuple(documents.triggers or ())
        context.capabilities = self.capabilities
        self._take_channels(documents)
        self._make_roles(learned)

    def _take_channels(self, documents: Documents) -> None:
        memory = self._context.memory
        channels = build_channels(documents, self.info.serial, self.info.kind, load_profiles(memory.profiles))
        self.channels = self._context.channels = channels
        if documents.streams is not None:
            memory.profiles |= {str(channel.number): dump_profiles(channel.profiles) for channel in channels}
        self._tell_events()

    def _tell_events(self) -> None:
        if self._event_stream is not None and self._documents is not None:
            first_ip = analog_inputs(self._documents) + 1
            self._event_stream.channels_changed([channel.number for channel in self.channels], first_ip)

    def _make_roles(self, learned: Learned) -> None:
        """Make the roles once; a second connect must not orphan an event stream that runs."""
        context = self._context
        if self.live is None:
            self.live = Live(context)
            self.snapshots = self._stills = Snapshots(context)
            recordings = Recordings(context)
            self.recordings, self.playback = recordings, Playback(context, recordings)
            self.downloads = Downloads(context)
            self.clock, self.clock_setter = Clock(context), ClockSetter(context)
            self.recording_status = RecordingStatus(context)
            self.event_linkage = Linkage(context)
            self.ptz, self.controls, self.talk = Ptz(context), Controls(context), Talk(context)
            self.events = self.event_pictures = self._event_stream = Events(context)
        self._tell_events()
        # What it had before it has still; asking will tell why it was not given this time, and gives nothing of then.
        if learned.disks is not None or self.storage is not None:
            self.storage = Storage(context, learned.disks)
        if learned.status is not None or self.maintenance is not None:
            self.maintenance = Maintenance(context, learned.status)

    async def refresh_channels(self) -> tuple[Channel, ...]:
        """Read names and online states anew in one or two requests (hikvision-isapi 5.2).

        A hybrid has a list of its IP cameras and one of its own inputs: they take turns.
        """
        documents, client = self._documents, self._context.client
        if documents is None:
            raise NvrUnsupportedError("nothing is known of the recorder before connect")
        self._inputs_turn = documents.inputs is not None and not self._inputs_turn
        if documents.proxies is not None and not self._inputs_turn:
            documents = replace(documents, proxies=parse_proxy_channels(await client.get(PROXIES)))
            if (body := await client.optional(PROXY_STATES)) is not None:
                documents = replace(documents, states=parse_proxy_status(body))
        elif documents.inputs is not None:
            documents = replace(documents, inputs=parse_video_inputs(await client.get(INPUTS)))
        else:
            await self.ping()
        self._documents = documents
        self._take_channels(documents)
        return self.channels

    async def ping(self) -> None:
        """Make the cheapest authenticated request (hikvision-isapi 3.2)."""
        await self._context.client.get(USER_CHECK)

    async def close(self) -> None:
        """End everything that runs; safe to call twice and at any time."""
        if self._stills is not None:
            await self._stills.close()
        await self._context.client.transport.close()

    @property
    def memory(self) -> Mapping[str, object]:
        """What was learned, as plain JSON, to be given back at the next start."""
        return self._context.memory.dump()

    @property
    def statistics(self) -> Mapping[str, object]:
        """Counters and learned facts for diagnostics; no credentials, serials or addresses."""
        context = self._context
        transport = context.client.transport
        documents = self._documents
        return {
            "requests": transport.statistics.requests,
            "refused": transport.statistics.refused,
            "retries": transport.statistics.retries,
            "bytes_received": transport.statistics.bytes_received,
            "lanes": dict(transport.statistics.lanes),
            "most_in_flight": {lane: transport.gate.most_in_flight(lane) for lane in LANES},
            "auth_scheme": str(transport.auth.scheme),
            "quirks": context.quirks.learned(),
            "refused_paths": sorted(context.memory.refused),
            "answers": transport.statistics.answers.dump(),
            "counters": dict(context.counters),
            "events": {} if self._event_stream is None else self._event_stream.counters,
            "triggers_without_notification": silent_triggers(documents.triggers or ()) if documents else (),
            "notes": self._notes,
        }
