"""Learning a recorder: a fixed number of questions, whatever the number of channels (dahua-cgi 18).

The RPC login comes first: it is the one that tells a wrong password from a lock, and what is asked by it needs no 401.
Every answer but the first may be refused alone; what the list of channels needs must not fail unseen, for a channel
that is left out loses its entities.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta, tzinfo
from typing import Final

from ...clock import DeviceClock, measure
from ...errors import (
    NvrBusyError,
    NvrError,
    NvrInsecureLoginError,
    NvrOtherRecorderError,
    NvrPermissionError,
    NvrResponseError,
    NvrTimeoutError,
    NvrUnsupportedError,
)
from ...models import Disk, RecorderKind
from ...tasks import together
from .brands import harmful_pages
from .context import Context
from .mapping import Documents, disk, looks_like_camera, recorder_kind
from .mapping_time import load_zone, ruled_zone, stated_offset, zone_description
from .presence import Presence
from .quirks import Memory
from .refusals import HandleLostError, is_failing
from .source import Source, unless_refused
from .wire import Node, flag, integer
from .wire_config import (
    SystemInfo,
    Volume,
    first_text,
    parse_current_time,
    parse_enabled,
    parse_encode,
    parse_system_info,
    parse_titles,
    parse_version,
    parse_volumes,
)

TIME: Final = ("global.cgi", "action=getCurrentTime")
STORAGE: Final = ("storageDevice.cgi", "action=getDeviceAllInfo")
# What is nice to know is asked for only within this many requests; two are left for the event stream.
_BUDGET: Final = 13
# A clock that runs by itself does not get that far between two readings.
_JUMP: Final = timedelta(minutes=5)
# Whole tables of large recorders take their time (dahua-cgi 2.1).
_LONG: Final = 30.0


@dataclass(slots=True)
class Learned:
    """What connect brings home besides the documents.

    `disks` None when there is no storage, or when it was not told: `storage_failed`.
    """

    documents: Documents
    disks: tuple[Disk, ...] | None = None
    storage_failed: bool = False
    notes: list[str] = field(default_factory=list)


async def identify(context: Context) -> SystemInfo:
    """Read who answers; raises NvrUnsupportedError when it is no device of this family."""
    source, client = Source(context), context.client
    node = await unless_refused(source.ask("magicBox.getSystemInfo"))
    if node is None:
        try:
            node = await source.page("magicBox.cgi", "action=getSystemInfo")
        except NvrResponseError as error:
            raise _stranger(error) from error
    info = parse_system_info(node)
    if info.serial:
        return info
    try:
        # Old cameras tell it in two parts (dahua-cgi 5).
        serial = await source.ask("magicBox.getSerialNo", cgi=("magicBox.cgi", "action=getSerialNo"))
        model = await source.ask("magicBox.getDeviceType", cgi=("magicBox.cgi", "action=getDeviceType"))
    except NvrResponseError as error:
        raise _stranger(error) from error
    info = SystemInfo(first_text(serial, "sn", "serialNumber"), first_text(model, "type", "deviceType"))
    if info.serial:
        return info
    if client.rpc.available or serial is not None:
        raise NvrResponseError("the recorder tells no serial number")
    raise NvrUnsupportedError("this is not an NVR of this family: it does not tell who it is")


def _stranger(error: NvrResponseError) -> NvrError:
    """Return what an odd answer to who it is means: no device of this family, or one that cannot answer just now."""
    if is_failing(error):
        return NvrBusyError(f"the recorder cannot tell who it is now: {error}")
    return NvrUnsupportedError("this is not an NVR of this family: it answers with something else")


async def read_volumes(source: Source) -> list[Volume]:
    """Read disks and cards, none where there is no storage; raises every other refusal (dahua-cgi 7.1)."""
    try:
        return parse_volumes(await source.ask("storage.getDeviceAllInfo", cgi=STORAGE))
    except HandleLostError:
        # RPC2 misses the object where there is no disk, which is an answer.
        return []


class TimeReader:
    """Measures the recorder's clock; knows its zone from the last time unless the clock does not fit it any more."""

    def __init__(self, context: Context) -> None:
        """Hold the context."""
        self._context = context
        self._source = Source(context)
        self._zone: tzinfo | None = None

    async def zone(self) -> tzinfo | None:
        """Return the zone the recorder states: by its IANA name, else by offset and rules (dahua-cgi 7.2)."""
        ntp = await unless_refused(self._source.table("NTP"))
        # Zone files are read from disk.
        named = await asyncio.to_thread(load_zone, zone_description(ntp))
        if named is None:
            offset = stated_offset(ntp)
            rules = None if offset is None else await unless_refused(self._source.table("Locales"))
            named = None if offset is None else ruled_zone(offset, rules)
        self._zone = named
        return named

    async def wall(self) -> str | None:
        """Return what the recorder's clock shows, None when it does not tell."""
        found = await self._source.ask("global.getCurrentTime", cgi=TIME)
        return None if found is None else parse_current_time(None, found)

    async def read(self) -> DeviceClock:
        """Measure zone and skew; without an answer the recorder is taken to keep the time of its zone."""
        if self._zone is None:
            await self.zone()
        clock, known = await self._measured(), self._context.clock
        jumped = known is not None and abs(clock.skew - known.skew) > _JUMP
        if jumped or (clock.zone != self._zone and self._zone is not None):
            # Somebody has set the clock, another zone, or other rules of summer time.
            await self.zone()
            clock = await self._measured()
        self._context.clock = clock
        return clock

    async def _measured(self) -> DeviceClock:
        wall = await self.wall()
        return measure(wall or "", self._zone, self._context.utcnow(), previous=self._context.clock)


@contextmanager
def _on_trial(memory: Memory) -> Iterator[None]:
    """Keep what is learned in the block only if it ends well: who has not told who he is may be another."""
    refused, answered, quirks = dict(memory.refused), set(memory.answered), replace(memory.quirks)
    known = False
    try:
        yield
        known = True
    finally:
        if not known:
            memory.refused, memory.answered, memory.quirks = refused, answered, quirks


class Connect:
    """One connect: asks, and puts together what the driver needs."""

    def __init__(self, context: Context, clock: TimeReader, presence: Presence) -> None:
        """Hold the context."""
        self._context = context
        self._clock = clock
        self._source = Source(context)
        self._presence = presence
        self._asked = context.client.transport.statistics.requests
        # Begun by who answers, which is read before everything else; each document is put into it as it comes.
        self._read: Documents
        self._inputs_asked = False
        self._disks: tuple[Disk, ...] | None = None
        self._storage_failed = False
        self._notes: list[str] = []

    async def run(self, serial: str | None = None) -> Learned:
        """Ask everything; raises NvrUnsupportedError for a box of another family.

        Where `serial` is given, another recorder is asked nothing more and remembered in nothing.
        """
        memory = self._context.memory
        with _on_trial(memory):
            system = await identify(self._context)
            if serial is not None and system.serial != serial:
                raise NvrOtherRecorderError("another recorder answers at the address")
        # The version decides what is remembered of refusals, so nothing is asked before it.
        version, build = await self._version()
        memory.seen_firmware(f"{version} {build}".strip())
        self._context.client.harmful = harmful_pages(version)
        self._read = Documents(system, version=version, build=build)
        await together(self._slots(), self._titles(), self._encode(), self._time(), self._storage(), self._rtsp_port())
        if self._read.encode is None and recorder_kind(self._read) is RecorderKind.CAMERA:
            await self._inputs()
        if self._spare():
            smart = parse_enabled(await self._optional("SmartMotionDetect"))
            self._read = replace(self._read, smart=smart)
        await self._vendor()
        return Learned(self._read, self._disks, self._storage_failed, self._notes)

    def _spare(self) -> bool:
        return self._context.client.transport.statistics.requests - self._asked < _BUDGET

    async def _version(self) -> tuple[str, str]:
        ask = self._source.ask("magicBox.getSoftwareVersion", cgi=("magicBox.cgi", "action=getSoftwareVersion"))
        return parse_version(await unless_refused(ask))

    async def _optional(self, name: str) -> Node | None:
        """Return a table that may be refused, be broken or come too late, the latter with a note."""
        try:
            found = await unless_refused(self._source.table(name, timeout=_LONG))
        except (NvrResponseError, NvrBusyError, NvrTimeoutError) as error:
            self._notes.append(f"failed:{name}:{type(error).__name__}")
            return None
        if found is None:
            self._notes.append(f"refused:{name}")
        return found

    async def _slots(self) -> None:
        """Ask which slots hold a camera: the list of cameras and their states, else the table of remote devices."""
        if looks_like_camera(self._read.system):
            return
        cameras = await unless_refused(self._presence.cameras())
        self._read = replace(self._read, cameras=cameras)
        if cameras is None:
            remotes = await unless_refused(self._presence.remotes())
            self._read = replace(self._read, remotes=remotes)
            # Only what lists no cameras needs to be asked what it is.
            if not remotes:
                await self._class()
                if recorder_kind(self._read) is RecorderKind.CAMERA:
                    return
            if recorder_kind(self._read) is not RecorderKind.NVR:
                await self._inputs()
            elif remotes is None:
                message = "the account may not read the channels of the NVR"
                raise NvrPermissionError(message)
        # Firmware that does not list its cameras does not know their states either, except by the CGI's own page.
        if cameras is not None or self._context.client.rpc.available is False:
            states = await unless_refused(self._presence.states())
            self._read = replace(self._read, states=states)
        if self._read.states is None:
            lost = await unless_refused(self._presence.lost())
            self._read = replace(self._read, lost=lost)

    async def _class(self) -> None:
        ask = self._source.ask("magicBox.getDeviceClass", cgi=("magicBox.cgi", "action=getDeviceClass"))
        found = first_text(await unless_refused(ask), "class", "type")
        self._read = replace(self._read, device_class=found)

    async def _inputs(self) -> None:
        """Ask how many video inputs there are, once."""
        if self._inputs_asked:
            return
        found = await unless_refused(self._source.page("devVideoInput.cgi", "action=getCollect"))
        self._inputs_asked = True
        self._read = replace(self._read, inputs=integer(found, "result"))

    async def _titles(self) -> None:
        titles = parse_titles(await self._optional("ChannelTitle"))
        self._read = replace(self._read, titles=titles)

    async def _encode(self) -> None:
        table = await self._optional("Encode")
        await self._context.client.transport.gate.after_you("control")
        self._read = replace(self._read, encode=None if table is None else parse_encode(table))

    async def _time(self) -> None:
        try:
            await self._clock.read()
        except NvrInsecureLoginError:
            raise
        except (NvrResponseError, NvrBusyError, NvrTimeoutError, NvrPermissionError) as error:
            self._notes.append(f"failed:time:{type(error).__name__}")
            self._context.clock = measure("", None, self._context.utcnow(), previous=self._context.clock)

    async def _rtsp_port(self) -> None:
        if self._context.config.rtsp_port is None:
            table = await self._optional("RTSP")
            # Where it does not tell, the last word stands.
            self._context.told_rtsp_port = integer(table, "Port") or self._context.told_rtsp_port
            self._context.rtsp_on = flag(table, "Enable")

    async def _storage(self) -> None:
        try:
            volumes = await read_volumes(self._source)
        except NvrInsecureLoginError:
            raise
        except (NvrResponseError, NvrBusyError, NvrTimeoutError, NvrPermissionError) as error:
            # Whoever asks for the disks is told why there are none to be seen.
            self._notes.append(f"failed:storage:{type(error).__name__}")
            self._storage_failed = True
            return
        # A camera without a card has no storage, which is no fault (dahua-cgi 7.1).
        self._disks = tuple(disk(place, volume) for place, volume in enumerate(volumes)) or None

    async def _vendor(self) -> None:
        """Ask who sells it, once for all times: it is a name only."""
        memory = self._context.memory
        if memory.vendor is None and self._spare():
            ask = self._source.ask("magicBox.getVendor", cgi=("magicBox.cgi", "action=getVendor"))
            memory.vendor = first_text(await unless_refused(ask), "vendor", "Vendor")
        self._read = replace(self._read, vendor=memory.vendor or "")
