"""A home with one simulated NVR, and each thing a user does with it as a function that says how it went.

Every function gives "works", "silent" where nothing came, or the key of the error that the user is shown. Each asks
for something else than the last time, so that nothing is answered from what is known already.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from io import BytesIO
import itertools
from pathlib import Path
from typing import Any, Final

import av
from homeassistant.components.camera import async_get_image
from homeassistant.config_entries import SOURCE_REAUTH, ConfigEntryState
from homeassistant.core import Event, HomeAssistant, callback
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import issue_registry as ir
from homeassistant.util import dt as dt_util
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import MockHAClientWebSocket

from custom_components.nvr.const import DOMAIN, EVENT_DETECTION
from custom_components.nvr.core.errors import NvrError
from custom_components.nvr.core.models import TimeSpan
from custom_components.nvr.errors import error_key
from custom_components.nvr.exports import export_desk
from custom_components.nvr.footage import RefusedError
from custom_components.nvr.hub import NvrHub
from custom_components.nvr.media.exports.models import ExportJob, JobState
from custom_components.nvr.media_ids import ChannelId
from custom_components.nvr.pictures import thumbnail
from custom_components.nvr.playback import start_playback
from custom_components.nvr.repairs import async_create_fix_flow
from custom_components.nvr.shared import shared
from tests.simulators.footage import RecordedFile

from .fault_acts import ACTS
from .fault_table import Row
from .footage_helpers import decode
from .happenings import cross_line
from .media_viewer import MEDIA, Viewer
from .recorders import Recorder, family_of

WORKS: Final = "works"
SILENT: Final = "silent"
FRONT: Final = "camera.front_door"
# How long (s) something is waited for that has to come, and that must not come.
_COMES: Final = 25.0
_STAYS_AWAY: Final = 1.5


async def came(condition: Callable[[], object], seconds: float) -> bool:
    """Wait in real time until something is so; False when it does not come."""
    end = asyncio.get_running_loop().time() + seconds
    while not condition():
        if asyncio.get_running_loop().time() >= end:
            return False
        await asyncio.sleep(0.01)
    return True


@dataclass
class FaultHome:
    """The NVR in Home Assistant, with somebody who uses it. `told` are the detections on the bus."""

    hass: HomeAssistant
    nvr: Any
    entry: MockConfigEntry
    client: Any
    commands: MockHAClientWebSocket
    media_folder: Path
    told: list[Event[Any]] = field(default_factory=list)
    edges: list[Event[Any]] = field(default_factory=list)
    turns: Any = field(default_factory=lambda: itertools.count(1))
    before: dict[str, Any] = field(default_factory=dict)

    @property
    def hub(self) -> NvrHub:
        """The hub of the present set-up."""
        hub = self.entry.runtime_data.hub
        assert isinstance(hub, NvrHub)
        return hub

    @property
    def family(self) -> str:
        """Which family the NVR is of."""
        return family_of(self.nvr).key

    @callback
    def listen(self) -> None:
        """Hear what is told on the bus from now on."""
        self.hass.bus.async_listen(EVENT_DETECTION, self.told.append)
        for name in ("nvr_offline", "nvr_online", "nvr_channel_offline", "nvr_channel_online"):
            self.hass.bus.async_listen(name, self.edges.append)

    # -- the fault -----------------------------------------------------------------------------------------------

    async def begin(self, row: Row) -> None:
        """Switch the fault of a line on."""
        for name, value in (*row.also, (row.switch, row.value)):
            if (act := ACTS.get(name)) is not None:
                await act.begin(self.nvr, value)
            else:
                self.before.setdefault(name, self._present(name))
                self.nvr.apply_faults({name: value})

    async def end(self, row: Row) -> None:
        """Switch it off again."""
        for name, value in ((row.switch, row.value), *reversed(row.also)):
            if (act := ACTS.get(name)) is not None:
                await act.end(self.nvr, value)
            else:
                self.nvr.apply_faults({name: self.before.pop(name)})
        self._let_lock_end()
        assert await came(lambda: not self._locked(), 10)

    def _locked(self) -> bool:
        return any(guard.locked_until is not None for guard in shared(self.hass).guards.values())

    def _let_lock_end(self) -> None:
        """Bring the end of a lock near: the simulator has unlocked already, and nobody is told before it is over."""
        common = shared(self.hass)
        end = dt_util.utcnow() + timedelta(seconds=0.5)
        for guard in common.guards.values():
            if guard.locked_until is not None:
                guard._locked_until = end
                common.stores[self.entry.entry_id].memory.locked_until = end
                common.lock_notice(self.entry).async_show(end)

    def _present(self, name: str) -> Any:
        if name.startswith("paths."):
            return None
        owner: Any = self.nvr.rtsp if name.startswith("rtsp.") else self.nvr
        found = owner.faults
        for part in name.removeprefix("rtsp.").split("."):
            found = getattr(found, part)
        return found

    # -- what is seen --------------------------------------------------------------------------------------------

    async def see(self, function: str, expected: str) -> str:
        """Do one thing, and return how it went; what is expected says only how long is waited for it."""
        patience = _STAYS_AWAY if expected == SILENT else _COMES
        try:
            async with asyncio.timeout(90):
                return await FUNCTIONS[function](self, patience)
        except HomeAssistantError as err:
            return _key_of(err)
        except RefusedError as err:
            return err.key
        except NvrError as err:
            return error_key(err)

    def repairs(self) -> dict[str, ir.IssueEntry]:
        """Return the repairs that are told now, by what they say."""
        issues = ir.async_get(self.hass).issues.values()
        return {str(issue.translation_key): issue for issue in issues if issue.active and issue.domain == DOMAIN}

    def asked_for_login(self) -> bool:
        """Tell whether the user is asked for another password."""
        return any(
            flow["context"]["source"] == SOURCE_REAUTH for flow in self.hass.config_entries.flow.async_progress()
        )

    async def log_in(self) -> None:
        """Enter the login that the user is asked for."""
        flows = self.hass.config_entries.flow
        (asking,) = [flow for flow in flows.async_progress() if flow["context"]["source"] == SOURCE_REAUTH]
        login = {"username": self.nvr.options.user, "password": self.nvr.options.password}
        done = await flows.async_configure(asking["flow_id"], login)
        assert done["type"] is FlowResultType.ABORT, done
        await self.hass.async_block_till_done()

    async def confirm(self, key: str) -> None:
        """Read and confirm a notice, as the user does under Repairs."""
        issue = self.repairs()[key]
        flow: Any = await async_create_fix_flow(self.hass, issue.issue_id, issue.data)
        flow.hass, flow.handler, flow.context = self.hass, DOMAIN, {"issue_id": issue.issue_id}
        done = await flow.async_step_confirm({})
        assert done["type"] is FlowResultType.CREATE_ENTRY
        ir.async_delete_issue(self.hass, DOMAIN, issue.issue_id)

    def edge_names(self) -> list[str]:
        """Return the names of what was told of coming and going."""
        return [str(edge.event_type) for edge in self.edges]

    def state(self, entity: str) -> str | None:
        """Return a state; `nvr` in an entity's id stands for the name of the NVR's own device."""
        domain, _, name = entity.partition(".")
        registry = {"hikvision": "nvr_demo", "dahua": "dh_nvr5232_4ks3_i"}[self.family]
        found = self.hass.states.get(f"{domain}.{name.replace('nvr_', f'{registry}_', 1)}")
        return None if found is None else found.state

    # -- moments and files ---------------------------------------------------------------------------------------

    def file(self) -> RecordedFile:
        """Return a file of the first channel that nobody asked for before: of yesterday, each time of another hour."""
        turn = next(self.turns)
        start = self.nvr.clock.day_start(self.nvr.clock.date_of(self.nvr.now()) - timedelta(days=1))
        begin = start + timedelta(hours=2 + turn % 20, minutes=7)
        files: list[RecordedFile] = self.nvr.footage.files(1, begin, begin + timedelta(minutes=20))
        return next(file for file in files if file.start > begin and (file.end - file.start).total_seconds() > 30)

    def days_back(self) -> int:
        """Return how many days to look back: another day each time."""
        return 2 + int(next(self.turns)) % 5

    def channel(self) -> int:
        """Return a channel that was not asked for last time."""
        return 1 + int(next(self.turns)) % 4


def _whole(moment: datetime) -> datetime:
    return moment.replace(microsecond=0)


def _key_of(err: HomeAssistantError) -> str:
    """Return the key of an error that is told in whole words, else the error itself."""
    return err.translation_key if err.translation_key and "{" not in str(err) else repr(err)


async def set_up_again(home: FaultHome, _patience: float) -> str:
    """Set the entry up anew, and compare the cameras with those the NVR has."""
    await home.hass.config_entries.async_reload(home.entry.entry_id)
    await home.hass.async_block_till_done()
    if home.entry.state is not ConfigEntryState.LOADED:
        return home.entry.error_reason_translation_key or ("auth" if home.asked_for_login() else "?")
    if not home.hub.link.connected:
        return await poll(home, 0.0)
    names = {channel.number: channel.name for channel in home.hub.channels}
    wired = {number: _title(channel) for number, channel in home.nvr.device.channels.items() if _is_there(channel)}
    return WORKS if names == wired else f"other names: {names}"


def _title(channel: Any) -> str:
    return str(getattr(channel, "title", None) or channel.name)


def _is_there(channel: Any) -> bool:
    return bool(getattr(channel, "wired", True))


async def poll(home: FaultHome, _patience: float) -> str:
    """Read the state of the channels, as once a minute."""
    coordinator = home.entry.runtime_data.coordinator
    await coordinator.async_refresh()
    await home.hass.async_block_till_done()
    if coordinator.last_update_success:
        return WORKS
    error = coordinator.last_exception
    return str(getattr(error, "translation_key", None) or repr(error))


async def picture(home: FaultHome, _patience: float) -> str:
    """Ask for the camera's picture."""
    image = await async_get_image(home.hass, FRONT)
    return WORKS if image.content.startswith(b"\xff\xd8") else "no picture"


async def event(home: FaultHome, patience: float) -> str:
    """Make the event stream anew, and have somebody cross a line: its begin and its end have to come."""
    opened = _streams_opened(home.nvr)
    home.nvr.cut_events()
    alive = lambda: _streams_opened(home.nvr) > opened and home.hub.link.stream_state == "alive"  # noqa: E731
    if not await came(alive, patience) or not await came(lambda: home.hub.link.connected, patience):
        return SILENT
    for on, phase in ((True, "start"), (False, "stop")):
        home.told.clear()
        cross_line(home.nvr, 1, on=on)
        if not await came(partial(_told, home, "line", phase), patience):
            return SILENT
    return WORKS


def _told(home: FaultHome, kind: str, phase: str) -> bool:
    return any(
        kind in str(event.data["kind"]) and event.data["phase"] == phase and event.data["channel"] == 1
        for event in home.told
    )


def _streams_opened(nvr: Recorder) -> int:
    counters: Any = nvr.counters
    return int(getattr(counters, "alert_streams", 0) or getattr(counters, "event_streams", 0))


async def motion(home: FaultHome, patience: float) -> str:
    """Move before the camera: its binary sensor goes on, and off."""
    sensor = "binary_sensor.front_door_motion"
    home.nvr.motion(1)
    try:
        if not await came(lambda: home.state(sensor) == "on", patience):
            return SILENT
    finally:
        home.nvr.motion(1, on=False)
    return WORKS if await came(lambda: home.state(sensor) == "off", patience) else "stays on"


async def search(home: FaultHome, _patience: float) -> str:
    """Search two hours of one day, and compare with what the NVR holds."""
    start = home.nvr.clock.day_start(home.nvr.clock.date_of(home.nvr.now()) - timedelta(days=home.days_back()))
    start += timedelta(hours=8)
    data = {"entity_id": FRONT, "start": start.isoformat(), "duration": {"hours": 2}, "limit": 1000}
    answer: Any = await home.hass.services.async_call(
        DOMAIN, "search_recordings", data, blocking=True, return_response=True
    )
    if answer["errors"]:
        return str(answer["errors"][FRONT]["error"])
    found = [datetime.fromisoformat(item["start"]) for item in answer["cameras"][FRONT]["segments"]]
    held = [_whole(file.start) for file in home.nvr.footage.files(1, start, start + timedelta(hours=2))]
    return WORKS if found == held else f"{len(found)} of {len(held)} files"


async def long_search(home: FaultHome, _patience: float) -> str:
    """Search all that one camera has recorded, page by page, and count it."""
    number = home.channel()
    entity = home.hub.camera_entity_id(number)
    start, end = home.nvr.footage.oldest() + timedelta(hours=1), home.nvr.now() - timedelta(hours=1)
    data = {"entity_id": entity, "start": start.isoformat(), "end": end.isoformat(), "limit": 1000}
    found, cursor = 0, None
    while True:
        more = data if cursor is None else {**data, "cursor": cursor}
        answer: Any = await home.hass.services.async_call(
            DOMAIN, "search_recordings", more, blocking=True, return_response=True
        )
        if answer["errors"]:
            return str(answer["errors"][entity]["error"])
        found += len(answer["cameras"][entity]["segments"])
        if (cursor := answer["next"]) is None:
            break
    held = len(home.nvr.footage.files(number, start, end))
    return WORKS if found == held else f"{found} of {held} files"


async def days(home: FaultHome, _patience: float) -> str:
    """List the days of one camera that hold footage."""
    today = home.nvr.clock.date_of(home.nvr.now())
    entity = home.hub.camera_entity_id(home.channel())
    assert entity is not None
    data = {"entity_id": entity, "start": (today - timedelta(days=20)).isoformat(), "end": today.isoformat()}
    answer: Any = await home.hass.services.async_call(
        DOMAIN, "list_recording_days", data, blocking=True, return_response=True
    )
    if answer["errors"]:
        return str(answer["errors"][entity]["error"])
    oldest = home.nvr.clock.date_of(home.nvr.footage.oldest())
    held = [(oldest + timedelta(days=number)).isoformat() for number in range((today - oldest).days + 1)]
    found = answer["cameras"][entity]["days"]
    return WORKS if found == held else f"{len(found)} of {len(held)} days"


async def playback(home: FaultHome, _patience: float) -> str:
    """Play a recording as the media browser does, and read the time in its pictures."""
    start = _whole(home.file().start) + timedelta(seconds=10)
    link = await start_playback(home.hass, home.entry, 1, TimeSpan(start, start + timedelta(minutes=4)), None)
    base = link.path.partition("?")[0].rpartition("/")[0]
    pieces = []
    for name in ("master.m3u8", "video.m3u8", "init.mp4", "s0.m4s"):
        async with home.client.get(f"{base}/{name}") as response:
            if response.status != 200:
                return str((await response.json())["code"])
            pieces.append(await response.read())
    await shared(home.hass).links.revoke(link)
    frames = decode(pieces[2] + pieces[3])
    off = [abs((code.time - start).total_seconds() - at) for at, code in frames]
    return WORKS if frames and max(off) < 1.5 else f"pictures are {max(off, default=99):.1f} s off"


async def past_picture(home: FaultHome, _patience: float) -> str:
    """Show a small picture of a moment of the past, as the media browser does."""
    moment = _whole(home.file().start) + timedelta(seconds=12)
    found = await thumbnail(home.hass, home.entry, 1, moment, 160)
    return WORKS if _decodes(found.jpeg) else "no picture"


def _decodes(jpeg: bytes) -> bool:
    with av.open(BytesIO(jpeg), mode="r", format="mjpeg") as container:
        return next(container.decode(video=0)).width > 0


async def clip(home: FaultHome, _patience: float) -> str:
    """Order an export of the NVR's own files."""
    file = home.file()
    start = _whole(file.start) + timedelta(seconds=2)
    data = {"entity_id": FRONT, "start": start.isoformat(), "duration": {"seconds": 8}, "format": "original"}
    answer: Any = await home.hass.services.async_call(
        DOMAIN, "export_recording", data, blocking=True, return_response=True
    )
    if answer["errors"]:
        return str(answer["errors"][FRONT]["error"])
    queue = export_desk(home.hass).queue
    job = queue.jobs[answer["exports"][FRONT]["export_id"]]
    assert await came(lambda: not job.active or _hopeless(job), 60), job
    state, reason = job.state, job.reason
    await queue.cancel(job.order.id)
    return WORKS if state is JobState.DONE else str(reason)


def _hopeless(job: ExportJob) -> bool:
    return job.state is JobState.WAITING and job.attempts >= 4


async def live(home: FaultHome, _patience: float) -> str:
    """Watch the camera in our own viewer."""
    viewer = Viewer(home.commands, home.client)
    camera_id = ChannelId(home.entry.entry_id, 1).format()
    try:
        answer = await viewer.ask("session/open", kind="live", camera_id=camera_id, accept=["avc1"], stream="sub")
        if not answer["success"]:
            return str(answer["error"].get("translation_key") or answer["error"]["code"])
        watched = await viewer.take(answer["result"])
        try:
            await watched.until(
                lambda: watched.ending or sum(message.kind in MEDIA for message in watched.run) >= 3, 20
            )
        except TimeoutError:
            return SILENT
        return WORKS if watched.ending is None else str(watched.ending["reason"])
    finally:
        await viewer.close()


async def health(home: FaultHome, patience: float) -> str:
    """Wait until disks, clock and load were looked at anew."""
    looked: list[int] = []
    deafen = home.entry.runtime_data.health.changed.async_subscribe(looked.append)
    try:
        return WORKS if await came(lambda: len(looked) > 6, patience) else SILENT
    finally:
        deafen()


FUNCTIONS: Final[dict[str, Callable[[FaultHome, float], Awaitable[str]]]] = {
    "set-up": set_up_again,
    "state": poll,
    "picture": picture,
    "event": event,
    "motion": motion,
    "search": search,
    "long search": long_search,
    "days": days,
    "playback": playback,
    "past picture": past_picture,
    "clip": clip,
    "live": live,
    "health": health,
}
