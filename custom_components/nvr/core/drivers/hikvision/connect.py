"""Learning a recorder: a fixed number of documents, whatever the number of channels (hikvision-isapi 17, 2).

The first request settles the login, the rest follow at once within the gate's width. Every document but the first may
be refused alone; what a channel list needs must not fail unseen, for a channel that is left out loses its entities.
"""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field, replace
from typing import Final

from ...clock import DeviceClock, measure, unmeasured
from ...errors import (
    NvrBusyError,
    NvrNotFoundError,
    NvrOtherRecorderError,
    NvrPermissionError,
    NvrResponseError,
    NvrTimeoutError,
    NvrUnsupportedError,
)
from ...models import Disk, SystemStatus
from ...tasks import together
from ...transport.gate import Lane
from .context import Context
from .mapping import Documents, disk, identity, is_camera_type, system_status
from .wire import (
    DeviceCapabilities,
    DeviceInfo,
    parse_capabilities,
    parse_channel_events,
    parse_device_info,
    parse_ports,
    parse_proxy_channels,
    parse_proxy_status,
    parse_rtsp,
    parse_status,
    parse_storage,
    parse_streams,
    parse_time,
    parse_tracks,
    parse_triggers,
    parse_video_inputs,
)

DEVICE_INFO: Final = "/ISAPI/System/deviceInfo"
CAPABILITIES: Final = "/ISAPI/System/capabilities"
TIME: Final = "/ISAPI/System/time"
STATUS: Final = "/ISAPI/System/status"
PORTS: Final = "/ISAPI/Security/adminAccesses"
PROXIES: Final = "/ISAPI/ContentMgmt/InputProxy/channels"
PROXY_STATES: Final = "/ISAPI/ContentMgmt/InputProxy/channels/status"
INPUTS: Final = "/ISAPI/System/Video/inputs/channels"
STREAMS: Final = "/ISAPI/Streaming/channels"
TRIGGERS: Final = "/ISAPI/Event/triggers"
LENS_EVENTS: Final = "/ISAPI/Event/channels/capabilities"
TRACKS: Final = "/ISAPI/ContentMgmt/record/tracks"
STORAGE: Final = "/ISAPI/ContentMgmt/Storage"


@dataclass(slots=True)
class Learned:
    """What connect brings home besides the documents; storage and status None when the recorder lacks them."""

    documents: Documents
    disks: tuple[Disk, ...] | None = None
    status: SystemStatus | None = None
    notes: list[str] = field(default_factory=list)


async def identify(context: Context) -> DeviceInfo:
    """Read who answers; raises NvrUnsupportedError when it is no device of this family."""
    try:
        return parse_device_info(await context.client.first(DEVICE_INFO))
    except NvrNotFoundError as error:
        message = "this is not an NVR of this family: it does not know the first document"
        raise _stranger(message) from error
    except NvrResponseError as error:
        message = "this is not an NVR of this family: it answers with something else"
        raise _stranger(message) from error


def _stranger(message: str) -> NvrUnsupportedError:
    error = NvrUnsupportedError(message)
    error.about = DEVICE_INFO
    return error


class Reader:
    """Reads the documents of one connect; notes what was refused or broken."""

    def __init__(self, context: Context) -> None:
        """Hold the context."""
        self._context = context
        self.notes: list[str] = []

    async def optional[T](self, path: str, parse: Callable[[bytes], T], lane: Lane = "control") -> T | None:
        """Return a document that may be refused, be broken or come too late, each with a note."""
        name = path.removeprefix("/ISAPI/")
        try:
            body = await self._context.client.optional(path, lane=lane)
            if body is not None:
                await self._context.client.after_you(lane)
                return parse(body)
        except (NvrResponseError, NvrBusyError, NvrTimeoutError) as error:
            self.notes.append(f"failed:{name}:{type(error).__name__}")
            return None
        self.notes.append(f"refused:{name}")
        return None

    async def required[T](self, path: str, parse: Callable[[bytes], T]) -> T | None:
        """Return a document that may be refused, but must not fail otherwise."""
        body = await self._context.client.optional(path)
        if body is None:
            self.notes.append(f"refused:{path.removeprefix('/ISAPI/')}")
            return None
        await self._context.client.after_you("control")
        try:
            return parse(body)
        except NvrResponseError as error:
            error.about = path
            raise

    async def time(self) -> DeviceClock:
        """Measure the clock; when it is not told, the reading before stands, else UTC: not `measured`."""
        # Every recorder has a clock: one that refuses it is still starting, and is asked again at each connect.
        self._context.memory.refused.pop(TIME, None)
        found = await self.optional(TIME, parse_time)
        self._context.memory.refused.pop(TIME, None)
        now = self._context.utcnow()
        if found is None:
            return unmeasured(self._context.clock, now)
        return measure(found.local_time, found.zone, now, previous=self._context.clock)


class Connect:
    """One connect: reads, and puts together what the driver needs."""

    def __init__(self, context: Context) -> None:
        """Hold the context."""
        self._context = context
        self._reader = Reader(context)
        # Begun by who answers, which is read before everything else; each document is put into it as it comes.
        self._read: Documents
        self._disks: tuple[Disk, ...] | None = None
        self._status: SystemStatus | None = None
        self._caps: asyncio.Future[DeviceCapabilities | None] = asyncio.get_running_loop().create_future()

    async def run(self, serial: str | None = None) -> Learned:
        """Read everything; raises NvrUnsupportedError for a box of another family.

        Where `serial` is given, another recorder is asked nothing more and remembered in nothing.
        """
        info = await identify(self._context)
        if serial is not None and identity(info) != serial:
            message = "another recorder answers at the address"
            raise NvrOtherRecorderError(message)
        self._context.memory.seen_firmware(f"{info.firmware} {info.build}".strip())
        self._read = Documents(info)
        await together(*self._work(info))
        lenses = {stream.channel for stream in self._read.streams or () if stream.channel}
        # Cameras of the G2 generation fail on the whole list of triggers (hikvision-isapi 2.4): this names the kinds.
        if self._read.triggers is None or (is_camera_type(info) and len(lenses) > 1):
            events = await self._reader.optional(LENS_EVENTS, parse_channel_events)
            self._read = replace(self._read, lens_events=events)
        learned = Learned(self._read, notes=self._reader.notes)
        learned.disks, learned.status = self._disks, self._status
        return learned

    def _work(self, info: DeviceInfo) -> list[Coroutine[object, object, None]]:
        """Return what is read at once, what others wait for and what takes long first."""
        return [
            self._capabilities(),
            self._triggers(),
            self._streams(),
            self._recorder_channels(info),
            self._tracks(),
            self._clock(),
            self._ports(),
            self._states(info),
            self._wired(info),
            self._storage(),
            self._health(),
        ]

    async def _triggers(self) -> None:
        found = await self._reader.optional(TRIGGERS, parse_triggers)
        self._read = replace(self._read, triggers=found)

    async def _streams(self) -> None:
        found = await self._reader.optional(STREAMS, parse_streams)
        self._read = replace(self._read, streams=found)

    async def _tracks(self) -> None:
        # The search lane is idle and makes a fourth connection the recorder is known to bear.
        found = await self._reader.optional(TRACKS, parse_tracks, lane="search")
        self._read = replace(self._read, tracks=found)

    async def _capabilities(self) -> None:
        try:
            found = await self._reader.optional(CAPABILITIES, parse_capabilities)
        except BaseException:
            self._caps.cancel()
            raise
        self._read = replace(self._read, capabilities=found)
        self._caps.set_result(found)

    async def _has_proxies(self, info: DeviceInfo) -> bool:
        """A box that calls itself a camera is asked for IP channels only if it says it has some."""
        if not is_camera_type(info):
            return True
        caps = await asyncio.shield(self._caps)
        return caps is not None and (caps.proxy_inputs or 0) > 1

    async def _recorder_channels(self, info: DeviceInfo) -> None:
        if not await self._has_proxies(info):
            return
        found = await self._reader.required(PROXIES, parse_proxy_channels)
        if found is None and info.device_type.upper() == "NVR":
            # An NVR has this list: what refuses it is the account. Asking again must be possible.
            self._context.memory.refused.pop(PROXIES, None)
            message = "the account may not read the channels of the NVR"
            raise NvrPermissionError(message)
        self._read = replace(self._read, proxies=found)

    async def _states(self, info: DeviceInfo) -> None:
        if await self._has_proxies(info):
            found = await self._reader.optional(PROXY_STATES, parse_proxy_status)
            self._read = replace(self._read, states=found)

    async def _wired(self, info: DeviceInfo) -> None:
        """Ask for analog inputs where there are some, and for the lenses of a camera."""
        caps = await asyncio.shield(self._caps)
        if is_camera_type(info):
            found = await self._reader.optional(INPUTS, parse_video_inputs)
        elif caps is None or caps.analog_inputs or (not caps.proxy_inputs and info.device_type.upper() != "NVR"):
            found = await self._reader.required(INPUTS, parse_video_inputs)
        else:
            return
        self._read = replace(self._read, inputs=found)

    async def _clock(self) -> None:
        self._context.clock = await self._reader.time()

    async def _ports(self) -> None:
        found = await self._reader.optional(PORTS, lambda body: (parse_ports(body), parse_rtsp(body)))
        if found is not None:
            self._context.ports, self._context.rtsp_on = found

    async def _storage(self) -> None:
        volumes = await self._reader.optional(STORAGE, parse_storage)
        if volumes is not None:
            self._disks = tuple(disk(volume) for volume in volumes)

    async def _health(self) -> None:
        status = await self._reader.optional(STATUS, parse_status)
        if status is not None:
            self._status = system_status(status)
