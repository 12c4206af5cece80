"""The forms of playback addresses that this family knows."""

from datetime import timedelta

import pytest

from custom_components.nvr.core.models import (
    TimeSpan,
)
from custom_components.nvr.media.rtsp.session import RtspSession
from tests.simulators.dahua.simulator import DahuaSimulator

from ..helpers import last, search
from ..rigs.dahua import driving

pytestmark = pytest.mark.usefixtures("socket_enabled")


@pytest.mark.parametrize(
    ("by_time", "form"), [("playback", "playback"), ("realmonitor", "realmonitor"), ("none", "file")]
)
async def test_the_form_of_playback_is_found_out_once_and_plays(by_time: str, form: str) -> None:
    async with DahuaSimulator(profile="nvr5232") as simulator:
        simulator.set_faults(playback__by_time=by_time)
        async with driving(simulator) as driver:
            assert driver.playback is not None
            segment = next(each for each in await search(driver, 1, last(5)) if not each.open)
            start = segment.span.start + timedelta(seconds=40)
            span = TimeSpan(start, segment.span.end)
            request = await driver.playback.request(1, span)
            assert driver.memory["quirks"]["playback_form"] == form  # type: ignore[index]
            session = await RtspSession.open(request, driver.guard)
            try:
                samples = await session.read()
            finally:
                await session.close()
            assert samples
            assert abs(samples[0].time / 90_000 - start.timestamp()) < 5
            probes = driver.statistics["counters"]["playback_probes"]  # type: ignore[index]
            await driver.playback.request(1, span)
            assert driver.statistics["counters"]["playback_probes"] == probes  # type: ignore[index]
