"""The forms of playback addresses that this family knows."""

from datetime import UTC, datetime, timedelta
import re

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


async def test_what_ends_within_a_second_plays_to_its_end() -> None:
    async with DahuaSimulator(profile="nvr5232") as simulator, driving(simulator) as driver:
        start = last(2).start.replace(microsecond=400_000)
        assert driver.playback is not None
        for length in (timedelta(seconds=9.2), timedelta(seconds=0.2)):
            request = await driver.playback.request(1, TimeSpan(start, start + length))
            begin, end = (
                datetime.strptime(found, "%Y_%m_%d_%H_%M_%S").replace(tzinfo=UTC) - request.wire_offset
                for found in re.findall(r"time=(\w+)", request.address.url)
            )
            assert begin <= start < begin + timedelta(seconds=1)
            assert start + length <= end < start + length + timedelta(seconds=1)
