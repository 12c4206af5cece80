"""What must never be done to a device of a brand: nothing a driver does asks for sound where that takes it down."""

from contextlib import suppress

import pytest

from custom_components.nvr.core import errors
from custom_components.nvr.core.driver import Driver
from custom_components.nvr.core.models import StreamRole
from tests.simulators.dahua.simulator import DahuaSimulator

from ..helpers import last, listening, search
from ..rigs.dahua import driving

pytestmark = pytest.mark.usefixtures("socket_enabled")

SOUND = ("audio.cgi", "action=getAudio&httptype=singlepart&channel=1")


async def use_everything(driver: Driver) -> set[str]:
    """Ask every role for what it can do; returns the roles that were asked."""
    span = last(20)
    used = {name for name in Driver.__annotations__ if getattr(driver, name, None) is not None} - {
        "info",
        "capabilities",
        "channels",
        "guard",
    }
    assert driver.live is not None
    assert driver.snapshots is not None
    assert driver.recordings is not None
    assert driver.playback is not None
    assert driver.downloads is not None
    driver.live.address(1, StreamRole.MAIN)
    await driver.refresh_channels()
    await driver.identify()
    await driver.ping()
    await driver.snapshots.snapshot(1)
    segments = [each async for each in driver.recordings.search(1, span)]
    await driver.recordings.day_map(1, span.end.year, span.end.month)
    await driver.playback.request(1, span)
    async with driver.downloads.open(min(segments[:-1], key=lambda each: each.size or 0)) as download:
        await anext(aiter(download))
    with suppress(errors.NvrUnsupportedError):
        if driver.key_frames is not None:
            await driver.key_frames.key_frame(1, segments[0].span.start)
        if driver.detections is not None:
            async for _ in driver.detections.find(1, span):
                pass
    for role in (driver.storage, driver.clock, driver.maintenance):
        for name in ("disks", "read", "status"):
            if hasattr(role, name):
                with suppress(errors.NvrUnsupportedError):
                    await getattr(role, name)()
    return used


@pytest.mark.parametrize("profile", ["lorex", "nvr5232"])
async def test_nothing_a_driver_does_asks_for_sound(profile: str) -> None:
    async with DahuaSimulator(profile=profile) as simulator:
        async with driving(simulator) as driver:
            used = await use_everything(driver)
            # A role that is new has to be asked here too.
            assert used <= {
                *("live", "snapshots", "recordings", "detections", "playback", "downloads", "events", "storage"),
                *("clock", "clock_setter", "maintenance", "recording_status", "ptz", "controls", "firmware", "talk"),
            }
            async with listening(driver):
                simulator.motion(1)
            await driver.connect()
            assert await search(driver, 1, last(2)) is not None
        assert not [call for call in simulator.counters.by_call if call.startswith("audio.cgi")]
        assert simulator.counters.audio_outages == 0


async def test_the_page_that_takes_a_device_down_is_kept_from_whoever_asks() -> None:
    async with DahuaSimulator(profile="lorex") as simulator, driving(simulator) as driver:
        client = driver._context.client
        with pytest.raises(errors.NvrUnsupportedError):
            await client.get(*SOUND)
        with pytest.raises(errors.NvrUnsupportedError):
            async with client.stream(*SOUND, lane="download"):
                pass
        assert simulator.counters.audio_outages == 0
        # Without that guard the device goes down, and the judge above would see it.
        client.harmful = frozenset()
        with suppress(errors.NvrError):
            await client.get(*SOUND)
        assert simulator.counters.audio_outages == 1
