"""The viewers of a long run: one function each, for one coming and going, from opening to leaving.

Each is told the number of its cycle, and does things a little differently by it: another camera, another moment to go.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
import random
from typing import Any, Final

from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import MockHAClientWebSocket

from custom_components.nvr.core.models import TimeSpan
from custom_components.nvr.exports import export_desk
from custom_components.nvr.media.exports.models import ExportJob
from custom_components.nvr.media_ids import ChannelId
from custom_components.nvr.pictures import exact_picture, thumbnail
from custom_components.nvr.playback import start_playback
from custom_components.nvr.playback_links import PlaybackLink
from custom_components.nvr.shared import shared
from tests.simulators.hikvision import HikvisionSimulator
from tests.simulators.video.osd import _stamp

from .conftest import until
from .export_helpers import export
from .footage_helpers import Player
from .media_viewer import Viewer, Watched
from .recorders import Recorder

ACCEPT: Final = ["avc1", "hvc1"]


@dataclass
class World:
    """A recorder in Home Assistant, and whoever watches."""

    hass: HomeAssistant
    nvr: Recorder
    entry: MockConfigEntry
    client: Any  # a session of its own: the client of tests keeps every answer
    commands: MockHAClientWebSocket
    start: datetime

    async def open(self, number: int) -> tuple[PlaybackLink, Player]:
        """Open ten minutes of one camera after the other; always the same: what was painted once is kept there."""
        span = TimeSpan(self.start, self.start + timedelta(minutes=10))
        link = await start_playback(self.hass, self.entry, 1 + number % 2, span, None)
        return link, Player(self.client, link.path)

    async def watch(self, number: int, kind: str = "playback") -> tuple[Viewer, Watched]:
        """Open a stream over a socket of its own, and wait for the first pictures."""
        viewer = Viewer(self.commands, self.client)
        camera_id = ChannelId(self.entry.entry_id, 1 + number % 2).format()
        how: dict[str, Any] = {"stream": "sub"} if kind == "live" else {"start": self.start.timestamp()}
        watched = await viewer.open(kind, camera_id, accept=ACCEPT, **how)
        await watched.media()
        return viewer, watched

    async def order(self, seconds: float) -> ExportJob:
        """Order an export."""
        return export_desk(self.hass).queue.jobs[await export(self.hass, self.start, seconds)]

    async def forget_the_present(self) -> None:
        """Have the simulator let go of what it painted of the present: it keeps some megabytes, which fill up."""
        studio = self.nvr.studio if isinstance(self.nvr, HikvisionSimulator) else self.nvr.device.studio
        await studio.forget(self.start + timedelta(hours=2))
        _stamp.cache_clear()

    @property
    def at_rest(self) -> bool:
        """Whether no session is open on the recorder, no slot is held and no stream is known."""
        common = shared(self.hass)
        used = [slots.used(self.entry.entry_id) for slots in (common.engine.slots, common.desk.live)]
        return not any(used) and not common.desk.streams() and not any(self.nvr.rtsp.counters.sessions_open.values())

    async def back(self) -> None:
        """Switch the recorder on again and wait until the hub has it back."""
        await self.nvr.power_on()
        hub = self.entry.runtime_data.hub
        await until(lambda: hub.online and hub.link.stream_state == "alive", 60)


async def plays_and_closes(world: World, number: int) -> None:
    """Play, and have it ended."""
    link, player = await world.open(number)
    assert await player.master()
    for name in ("video.m3u8", "init.mp4", "s0.m4s"):
        assert await player.fetch(name)
    await shared(world.hass).links.revoke(link)
    assert world.at_rest


async def plays_and_jumps(world: World, number: int) -> None:
    """Seek far forwards, away from there before the picture has come, and back: as many openings as go at once."""
    link, player = await world.open(number)
    assert await player.fetch("s0.m4s")
    left = world.hass.async_create_task(player.status("s90.m4s"))
    await asyncio.wait({left}, timeout=0.01 * (number % 6))
    left.cancel()
    assert await player.fetch("s45.m4s")
    await asyncio.wait({left})
    await shared(world.hass).links.revoke(link)
    assert world.at_rest


async def plays_and_leaves(world: World, number: int) -> None:
    """Play, and go without a word, as players do."""
    _, player = await world.open(number)
    assert await player.master()
    assert await player.fetch("s0.m4s")
    await until(lambda: world.at_rest)


async def leaves_while_it_opens(world: World, number: int) -> None:
    """Go before the first picture has come, a little later each time."""
    link, player = await world.open(number)
    opening = world.hass.async_create_task(player.status("s0.m4s"))
    await asyncio.wait({opening}, timeout=0.01 * (number % 12))
    opening.cancel()
    await asyncio.wait({opening})
    await shared(world.hass).links.revoke(link)
    await until(lambda: world.at_rest)


async def watches_live(world: World, number: int) -> None:
    """Watch the present, and close the stream, or the socket."""
    viewer, watched = await world.watch(number, "live")
    if number % 2:
        await viewer.control(watched, "close")
    await viewer.close()
    await until(lambda: world.at_rest)
    await world.forget_the_present()


async def watches_and_plays_around(world: World, number: int) -> None:
    """Seek, pause, go on, watch fast and backwards, go step by step, and close the stream, or the socket."""
    viewer, watched = await world.watch(number)
    at = world.start.timestamp()
    for action, value in (
        ("seek", at + 240.4),
        ("pause", None),
        ("resume", None),
        (("speed", 8.0), ("speed", -1.0), ("speed", 2.0), ("speed", -8.0))[number % 4],
        ("step", (1, -1)[number % 2]),
        ("seek", at + 1.3),
    ):
        result = await viewer.control(watched, action, value)
        if action in {"seek", "speed", "step"}:
            told = float(result["actual_start"])
            await watched.until(lambda told=told: len(watched.since(told)) > 1)  # type: ignore[misc]
    if number % 2:
        await viewer.control(watched, "close")
    await viewer.close()
    await until(lambda: world.at_rest)


async def watches_and_vanishes(world: World, number: int) -> None:
    """Watch, and let the connection drop in the middle of it; or ask for a stream and never take it."""
    if number % 5 == 4:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("custom_components.nvr.media.streaming.desk.TOKEN_LIFETIME", 0.02)
            camera_id = ChannelId(world.entry.entry_id, 1 + number % 2).format()
            viewer = Viewer(world.commands, world.client)
            moment = world.start.timestamp()
            answer = await viewer.ask("session/open", kind="playback", camera_id=camera_id, accept=ACCEPT, start=moment)
            assert answer["success"], answer
    else:
        viewer, _ = await world.watch(number, ("playback", "live")[number % 2])
        assert viewer.socket is not None
        assert viewer.socket._conn is not None
        transport = viewer.socket._conn.transport
        assert transport is not None
        if number % 3:
            transport.abort()
        else:
            transport.close()
    await viewer.close()
    await until(lambda: world.at_rest)
    await world.forget_the_present()


async def exports_and_calls_off(world: World, number: int) -> None:
    """Order an export and call it off: while it waits, opens, is written, or is done; the first one is left alone."""
    world.nvr.rtsp.faults.delivery = 40.0 if number else 0.0
    job = await world.order(60)
    queue = export_desk(world.hass).queue
    if number:
        await asyncio.sleep(random.Random(number).uniform(0.0, 0.6))
    else:
        # All that it shows is painted now, and kept by the simulator.
        await until(lambda: not job.active, 60)
    await queue.cancel(job.order.id)
    assert job.state in {"cancelled", "done"}
    assert len(export_desk(world.hass)._ended) <= len(queue.jobs) + 1, "ended jobs are forgotten some day"
    await forget_clips(world, job)
    await until(lambda: world.at_rest)


async def forget_clips(world: World, job: ExportJob) -> None:
    """Delete what an export made."""
    desk = export_desk(world.hass)
    for clip_id in job.clips or ():
        clip = desk.library.get(clip_id)
        assert clip is not None
        await desk.async_delete(clip, None)


async def looks_at_pictures(world: World, number: int) -> None:
    """Look at tiles, and at one very frame; what is kept of them is forgotten each time."""
    common = shared(world.hass)
    at = world.start + timedelta(seconds=8 * (number % 20))
    camera = 1 + number % 2
    shown = [thumbnail(world.hass, world.entry, camera, at + timedelta(seconds=4 * step), 160) for step in range(2)]
    shown.append(exact_picture(world.hass, world.entry, camera, at, width=320, user_id=None))
    if number % 3 == 2:
        going = [asyncio.ensure_future(one) for one in shown]
        await asyncio.wait(going, timeout=0.01 * (number % 10))
        for one in going:
            one.cancel()
        await asyncio.wait(going)
    else:
        assert all(picture.jpeg for picture in await asyncio.gather(*shown))
    await common.pictures.forget_recorder(world.entry.entry_id)
    await until(lambda: world.at_rest)


async def is_rebooted_under(world: World, number: int) -> None:
    """Play while the recorder goes, at another moment each time; it comes back, and so does the picture."""
    link, player = await world.open(number)
    assert await player.fetch("s0.m4s")
    world.nvr.rtsp.faults.delivery = 2.0
    asking = world.hass.async_create_task(player.status("s4.m4s"))
    await asyncio.sleep(0.05 * (number % 4))
    await world.nvr.power_off()
    assert await asking in {200, 503}
    world.nvr.rtsp.faults.delivery = 0.0
    await world.back()
    async with asyncio.timeout(60):
        while await player.status("s5.m4s") != 200:
            await asyncio.sleep(0.1)
    await shared(world.hass).links.revoke(link)
    assert world.at_rest


async def is_rebooted_under_a_stream(world: World, number: int) -> None:
    """Watch over the socket while the recorder goes: the stream ends or waits, and a jump brings the picture back."""
    viewer, watched = await world.watch(number, ("playback", "live")[number % 2])
    await asyncio.sleep(0.05 * (number % 4))
    await world.nvr.power_off()
    if number % 4 == 1:
        await watched.ended()
    await world.back()
    if not watched.opened["session_id"] or number % 2 or watched.ending:
        await viewer.close()
        viewer, watched = await world.watch(number)
    told = (await viewer.control(watched, "seek", world.start.timestamp() + 120.2))["actual_start"]
    await watched.until(lambda: len(watched.since(told)) > 1)
    await viewer.close()
    await until(lambda: world.at_rest)
    await world.forget_the_present()


async def is_rebooted_under_an_export(world: World, number: int) -> None:
    """Export while the recorder goes: called off, nothing is left; left alone, the film is whole in the end."""
    queue = export_desk(world.hass).queue
    queue._delays = (0.05,)
    world.nvr.rtsp.faults.delivery = 20.0
    job = await world.order(30)
    await asyncio.sleep(random.Random(number).uniform(0.0, 0.5))
    await world.nvr.power_off()
    if number % 2:
        await asyncio.sleep(0.02 * (number % 7))
        await queue.cancel(job.order.id)
    world.nvr.rtsp.faults.delivery = 0.0
    await world.back()
    await until(lambda: not job.active, 60)
    assert job.state in ({"cancelled", "done"} if number % 2 else {"done"}), job
    await forget_clips(world, job)
    await until(lambda: world.at_rest)


type Cycle = Callable[[World, int], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Row:
    """A kind of viewer: how often he comes, after how many times memory is looked at, and whether all is goodbye.

    `polite`: each session on the recorder is ended with TEARDOWN.
    """

    cycle: Cycle
    count: int = 200
    warm: int = 50
    polite: bool = True


# What is kept of recorders and bounded fills up during the first fifty times.
ROWS: Final = {
    "playback that is closed": Row(plays_and_closes),
    "playback with jumps": Row(plays_and_jumps),
    "playback that is left": Row(plays_and_leaves),
    "playback that is left while it opens": Row(leaves_while_it_opens),
    "live stream": Row(watches_live),
    "stream with all its controls": Row(watches_and_plays_around),
    "socket that drops": Row(watches_and_vanishes),
    "pictures": Row(looks_at_pictures),
    "export that is called off": Row(exports_and_calls_off, 50, 10),
    "reboot during playback": Row(is_rebooted_under, 160, 50, polite=False),
    "reboot during a stream": Row(is_rebooted_under_a_stream, 160, 50, polite=False),
    "reboot during an export": Row(is_rebooted_under_an_export, 50, 10, polite=False),
}
