"""A recorder in a home whose functions are used one after the other, while the answers of one endpoint are spoiled."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, Final
from urllib.parse import parse_qs, unquote, urlsplit
from weakref import WeakSet

import aiohttp
from homeassistant.components.camera import async_get_image
from homeassistant.const import STATE_UNAVAILABLE
from homeassistant.core import Event, HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import entity_registry as er
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.nvr import box_health, control_desk, recording_watch
from custom_components.nvr.const import DOMAIN
from custom_components.nvr.core.controls import ControlId, ControlKind, ControlValue
from custom_components.nvr.core.drivers.dahua.events import Events as DahuaEvents
from custom_components.nvr.core.drivers.hikvision.events import Events as HikvisionEvents
from custom_components.nvr.core.errors import NvrError, NvrTimeoutError
from custom_components.nvr.core.models import TimeSpan
from custom_components.nvr.core.transport.http import HttpTransport
from custom_components.nvr.core.transport.idle import IdleLimit
from custom_components.nvr.errors import error_key
from custom_components.nvr.hub import NvrHub
from custom_components.nvr.playback import start_playback
from tests.simulators.hikvision import HikvisionSimulator
from tests.simulators.spoiler import UNENDING, Spoiler, dahua_endpoint, hikvision_endpoint
from tests.simulators.webserver import Request

from .conftest import until
from .recorders import HIKVISION, Recorder, family_of

FRONT, DRIVE, DOME = "camera.front_door", "camera.driveway", "camera.garden"
# The limit (s) on what never comes; any would do.
SOON: Final = 0.25
# What a function may take while something does not answer (s): each question has its limit, and one asks several.
BOUND: Final = 60.0


class Hurry:
    """Shortens every limit on what the spoiler never ends, and no other: the machine may be as slow as it likes."""

    def __init__(self, spoiler: Spoiler) -> None:
        self._spoiler = spoiler
        self._slow: WeakSet[aiohttp.ClientResponse] = WeakSet()
        self._send, self._read, self._idle = HttpTransport._send, HttpTransport._read, IdleLimit.__init__

    def _hangs(self, call: Any, target: str) -> bool:
        body = call.data if isinstance(call.data, bytes) else b""
        split = urlsplit(target)
        query = {name: values[-1] for name, values in parse_qs(split.query).items()}
        request = Request(call.method, target, unquote(split.path), query, {}, "", body)
        return self._spoiler.kind in UNENDING and self._spoiler.name(request) == self._spoiler.endpoint

    def install(self, patch: pytest.MonkeyPatch) -> None:
        """Take effect until the patch is undone."""
        hurry = self

        async def send(self: HttpTransport, call: Any, path: str, authorization: str | None) -> Any:
            slow = hurry._hangs(call, path)
            if slow and (authorization is not None or not call.signed):
                call = replace(call, timeout=SOON)
            answer = await hurry._send(self, call, path, authorization)
            if slow:
                hurry._slow.add(answer.raw)
            return answer

        async def read(self: HttpTransport, raw: Any, patience: float, most: int, *, cut: bool = False) -> bytes:
            return await hurry._read(self, raw, SOON if raw in hurry._slow else patience, most, cut=cut)

        def watch(self: IdleLimit, content: Any, seconds: float) -> None:
            hurry._idle(self, content, SOON if any(raw.content is content for raw in hurry._slow) else seconds)

        patch.setattr(HttpTransport, "_send", send)
        patch.setattr(HttpTransport, "_read", read)
        patch.setattr(IdleLimit, "__init__", watch)


@contextmanager
def in_a_hurry(spoiler: Spoiler) -> Iterator[None]:
    """Wait for nothing that never comes, and leave what goes on in the background to the steps."""
    with pytest.MonkeyPatch.context() as patch:
        Hurry(spoiler).install(patch)
        for module in (box_health, recording_watch, control_desk):
            patch.setattr(module, "FIRST", 3600.0)
        patch.setattr(recording_watch, "PACE", 0.0)
        patch.setattr(recording_watch, "QUIET", 0.0)
        for family in ("hikvision", "dahua"):
            patch.setattr(f"custom_components.nvr.core.drivers.{family}.events.BACK_OFF", (0.05,))
        yield


type Step = Callable[[House], Awaitable[None]]


@dataclass
class House:
    """One recorder with three channels in a home, the last of them a camera that moves."""

    hass: HomeAssistant
    nvr: Recorder
    entry: MockConfigEntry
    bus: list[Event]
    spoiler: Spoiler
    uses: dict[str, frozenset[str]] = field(default_factory=dict)
    first: frozenset[str] = frozenset()
    moments: int = 0

    @property
    def hub(self) -> NvrHub:
        """The hub of the entry as it is loaded now."""
        hub: NvrHub = self.entry.runtime_data.hub
        return hub

    def span(self) -> TimeSpan:
        """Return ten minutes that were not asked for before."""
        self.moments += 1
        now = self.nvr.now().replace(microsecond=0, second=0)
        start = now - timedelta(hours=2, minutes=self.moments)
        return TimeSpan(start, start + timedelta(minutes=10))

    async def act(self, domain: str, action: str, **data: Any) -> Any:
        """Call an action as Home Assistant does."""
        answers = domain == DOMAIN and not action.startswith("ptz")
        return await self.hass.services.async_call(domain, action, data, blocking=True, return_response=answers)

    def entity(self, platform: str, key: str, channel: int | None = 1) -> str | None:
        """Return an entity that has a state, None where there is none."""
        owner = self.nvr.serial if channel is None else f"{self.nvr.serial}_{channel}"
        found = er.async_get(self.hass).async_get_entity_id(platform, DOMAIN, f"{owner}_{key}")
        return found if found is not None and self.hass.states.get(found) is not None else None

    async def forget(self) -> None:
        """Forget what was found of footage, so that it is asked for."""
        if self.hub._recordings is not None:
            await self.hub._recordings.close()
            self.hub._recordings = None


def spoiler_of(nvr: Recorder) -> Spoiler:
    """Stand a spoiler before the pages of a recorder."""
    return Spoiler(nvr._http, hikvision_endpoint if family_of(nvr) is HIKVISION else dahua_endpoint)


def _told(answer: Any) -> None:
    """Raise what an action says of one camera beside its answer."""
    for error in answer["errors"].values():
        assert error["message"], error
        raise HomeAssistantError(translation_domain=DOMAIN, translation_key=error["error"])


async def polls(house: House) -> None:
    coordinator = house.entry.runtime_data.coordinator
    await coordinator.async_refresh()
    if not coordinator.last_update_success:
        assert coordinator.last_exception is not None
        raise coordinator.last_exception


async def proves(house: House) -> None:
    house.hub.link.identity.doubt()
    await house.hub.link.async_prove()


async def learns(house: House) -> None:
    refresh = house.entity("button", "refresh", None)
    await house.act("button", "press", entity_id=refresh)


async def looks(house: House) -> None:
    house.hub._stills._fresh.clear()
    assert (await async_get_image(house.hass, FRONT)).content.startswith(b"\xff\xd8")


async def searches(house: House) -> None:
    await house.forget()
    span = house.span()
    answer = await house.act(
        DOMAIN, "search_recordings", entity_id=DRIVE, start=span.start.isoformat(), end=span.end.isoformat()
    )
    _told(answer)
    assert answer["cameras"][DRIVE]["segments"]


async def lists_days(house: House) -> None:
    await house.forget()
    _told(await house.act(DOMAIN, "list_recording_days", entity_id=DRIVE))


async def detects(house: House) -> None:
    if (index := house.hub.detections) is not None:
        span = house.span()
        async for _ in index.find(1, TimeSpan(span.start - timedelta(hours=4), span.end)):
            pass


async def plays(house: House) -> None:
    await house.forget()
    await start_playback(house.hass, house.entry, 1, house.span(), None)


async def pictures_the_past(house: House) -> None:
    if (source := house.hub.key_frames) is not None:
        await source.key_frame(1, house.span().start)


async def downloads(house: House) -> None:
    if (source := house.hub.downloads) is None or house.hub.recordings is None:
        return
    async for segment in house.hub.recordings.search(1, house.span()):
        async with source.open(segment) as download:
            async for _ in download:
                break
        break


async def finds_controls(house: House) -> None:
    """Ask for every page as the survey does; what fails is told to nobody, and is no reason to stop."""
    desk = house.hub.desk
    desk._take_certain()
    for page in desk._pages():
        await desk._look(page)
    await house.hass.async_block_till_done()


_WRITTEN: Final[dict[str, dict[ControlKind, ControlValue]]] = {
    "hikvision": {ControlKind.MOTION_DETECTION: True, ControlKind.ALARM_OUTPUT: True, ControlKind.BRIGHTNESS: 40},
    "dahua": {ControlKind.MOTION_DETECTION: True, ControlKind.ALARM_OUTPUT: True},
}


async def switches(house: House) -> None:
    """Write one control of each page that is written; each has its own end."""
    failed: NvrError | None = None
    for kind, value in _WRITTEN[family_of(house.nvr).key].items():
        which = next((which for which in house.hub.desk.known.controls if which.kind is kind), ControlId(kind, 1))
        try:
            await house.hub.desk.async_write(which, value)
        except NvrError as err:
            failed = err
    if failed is not None:
        raise failed


async def moves(house: House) -> None:
    await house.act(DOMAIN, "ptz_move", entity_id=DOME, pan=40, duration=0.1)
    await asyncio.sleep(0.15)
    await house.act(DOMAIN, "ptz_stop", entity_id=DOME)


async def goes_to_a_preset(house: House) -> None:
    await house.act(DOMAIN, "ptz_go_to_preset", entity_id=DOME, preset="Home")


async def sets_the_clock(house: House) -> None:
    await house.act("button", "press", entity_id=house.entity("button", "set_clock", None))


async def looks_after_recording(house: House) -> None:
    recording = house.entry.runtime_data.health.recording
    recording._told_at = None
    await recording._turn(1)


async def looks_after_the_box(house: House) -> None:
    box = house.entry.runtime_data.health.box
    for _ in range(2):  # the first question is answered by what connecting has read
        await box._read_disks()
        await box._read_status()
    await box.async_judge_clock()


async def links_events(house: House) -> None:
    """Have the recorder tell us of a detection, which it does not do at first."""
    if house.hub.driver.event_linkage is not None:
        assert isinstance(house.nvr, HikvisionSimulator)
        house.nvr.triggers._written.clear()
        await learns(house)
        await house.entry.runtime_data.health.async_link()


async def hears_again(house: House) -> None:
    """Have the event stream made anew."""
    source = house.hub.driver.events
    assert isinstance(source, HikvisionEvents | DahuaEvents)
    before = source.connections
    house.nvr.cut_events()
    try:
        async with asyncio.timeout(2):
            while source.connections == before or house.hub.link.stream_state != "alive":
                await asyncio.sleep(0.01)
            while not house.hub.link.connected:
                await asyncio.sleep(0.01)
    except TimeoutError:
        raise NvrTimeoutError("no event stream") from None


async def hears(house: House) -> None:
    """Hear that a motion begins and ends."""
    for on in (True, False):
        house.bus.clear()
        house.nvr.motion(2, on=on)
        phase = "start" if on else "stop"
        await until(lambda phase=phase: any(event.data["phase"] == phase for event in house.bus), 5)  # type: ignore[misc]


STEPS: Final[dict[str, Step]] = {
    step.__name__: step
    for step in (
        polls,
        proves,
        learns,
        looks,
        searches,
        lists_days,
        detects,
        plays,
        pictures_the_past,
        downloads,
        finds_controls,
        switches,
        moves,
        goes_to_a_preset,
        sets_the_clock,
        looks_after_recording,
        looks_after_the_box,
        links_events,
        hears_again,
        hears,
    )
}


# What is tried again after each endpoint was spoiled: people at a camera, a search, an automation; with its channel.
ALIVE: Final = {"looks": 1, "searches": 2, "hears": 2}
# What an answer may take of memory: the most that is read of one, and what the sockets hold on the way.
MOST_OF_ONE_ANSWER: Final = 24 * 1024 * 1024
# What shows a camera and what happens there.
SHOWN: Final = ("camera.", "event.", "binary_sensor.")


async def outcome(house: House, step: Step) -> str:
    """Use one function: "" where it works, else the key of the words it fails with; anything else is raised."""
    failed: NvrError | HomeAssistantError | None = None
    try:
        async with asyncio.timeout(BOUND):
            await step(house)
    except (NvrError, HomeAssistantError) as err:
        failed = err
    if failed is None:
        return ""
    if isinstance(failed, NvrError):
        return error_key(failed)
    if str(failed) == "Unable to get image":  # Home Assistant's own patience with a camera
        return "timeout"
    assert failed.translation_domain == DOMAIN, repr(failed)
    assert failed.translation_key
    return failed.translation_key


async def tour(house: House) -> None:
    """Use every function while all is well, and note which endpoints each of them asks."""
    for name, step in STEPS.items():
        before = house.spoiler.asked.copy()
        assert (told := await outcome(house, step)) == "", (name, told)
        house.uses[name] = frozenset(house.spoiler.asked - before)


def shown(hass: HomeAssistant) -> set[str]:
    """Return what shows cameras and their events, and can be used."""
    return {
        state.entity_id
        for state in hass.states.async_all()
        if state.entity_id.startswith(SHOWN) and state.state != STATE_UNAVAILABLE
    }


def lives(house: House, name: str, kind: str) -> bool:
    """Whether a function needs nothing of the spoiled endpoint.

    Who answers is proved before anything is believed, when there was a doubt; a list of channels in which numbers
    are others is a list of other channels.
    """
    needed = house.uses[name] | house.uses["proves"]
    if name == "hears":
        needed |= house.uses["hears_again"] - house.uses["polls"]
    if kind == "odd":
        needed |= house.uses["polls"]
        if house.hub.channel(ALIVE[name]) is None:
            return False
    return house.spoiler.endpoint not in needed


async def spoil(house: House, endpoint: str, kind: str) -> None:
    """Spoil an endpoint, use what needs it and what does not, heal it, and use it again."""
    spoiler = house.spoiler
    before = shown(house.hass)
    spoiler.spoil(endpoint, kind)
    using = [name for name in STEPS if endpoint in house.uses[name]]
    if endpoint in house.uses["proves"] and kind != "odd":
        # Nobody was away: who answers is in no doubt, and nothing depends on it.
        await outcome(house, learns)
        for name in ALIVE:
            assert await outcome(house, STEPS[name]) == "", (endpoint, kind, name)
    for name in using:
        await outcome(house, STEPS[name])
    for name in ALIVE:
        if lives(house, name, kind):
            assert (told := await outcome(house, STEPS[name])) == "", (endpoint, kind, name, told)
    if kind != "odd":
        assert before <= shown(house.hass), (endpoint, kind, before - shown(house.hass))
    assert spoiler.longest <= MOST_OF_ONE_ANSWER, (endpoint, kind, spoiler.longest)
    assert_login_untouched(house)
    spoiler.heal()
    await heals(house, using, (endpoint, kind))


async def heals(house: House, using: list[str], what: object) -> None:
    """See that each function works again with the endpoint that it asks."""
    deadline = asyncio.get_running_loop().time() + 30
    await outcome(house, polls)
    for name in using:
        while (told := await outcome(house, STEPS[name])) != "":
            assert asyncio.get_running_loop().time() < deadline, (what, name, told)
            await asyncio.sleep(0.05)


def assert_login_untouched(house: House) -> None:
    """See that no password was refused, and that nobody is asked for another."""
    assert house.nvr.counters.auth_failures == 0
    assert house.hub.driver.guard.refusals == 0
    assert not house.hub.link.login_refused
    assert not house.hass.config_entries.flow.async_progress_by_handler(DOMAIN)
