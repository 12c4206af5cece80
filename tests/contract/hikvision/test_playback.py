"""Playback addresses as this family writes them."""

from datetime import UTC, datetime, timedelta
import re
from typing import Any

import pytest

from custom_components.nvr.core import errors
from custom_components.nvr.core.models import TimeSpan
from tests.simulators.hikvision.simulator import HikvisionSimulator

from ..helpers import last, search
from ..judges import is_true, played
from ..rigs.hikvision import driving

pytestmark = pytest.mark.usefixtures("socket_enabled")


async def test_playback_addresses_are_in_the_recorders_own_time() -> None:
    async with HikvisionSimulator(profile="nvr8", utc_offset=480, skew=90.0) as simulator:
        for mode, offset in (("local", timedelta(hours=8, seconds=90)), ("utc", timedelta(seconds=90))):
            simulator.set_faults(search__mode=mode)
            async with driving(simulator) as driver:
                assert driver.playback is not None
                span = last(2, 1)
                request = await driver.playback.request(3, span)
                assert abs(request.wire_offset - offset) <= timedelta(seconds=2)
                wire = (span.start + request.wire_offset).strftime("%Y%m%dT%H%M%SZ")
                assert f":{simulator.rtsp_port}/Streaming/tracks/301/?starttime={wire}&endtime=" in request.address.url
                assert "nvr-test-pass" not in repr(request)
                with pytest.raises(errors.NvrNotFoundError):
                    await driver.playback.request(99, span)


async def test_what_ends_within_a_second_plays_to_its_end() -> None:
    async with HikvisionSimulator(profile="nvr8") as simulator, driving(simulator) as driver:
        start = last(2).start.replace(microsecond=400_000)
        assert driver.playback is not None
        for length in (timedelta(seconds=9.2), timedelta(seconds=0.2)):
            request = await driver.playback.request(3, TimeSpan(start, start + length))
            begin, end = (
                datetime.strptime(found, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC) - request.wire_offset
                for found in re.findall(r"time=(\w+)", request.address.url)
            )
            assert begin <= start < begin + timedelta(seconds=1)
            assert start + length <= end < start + length + timedelta(seconds=1)
            assert (request.start, request.end) == (start, start + length)


@pytest.mark.parametrize(("search_mode", "playback_mode"), [("utc", "local"), ("local", "utc"), ("local", "local")])
@pytest.mark.parametrize("offset", [480, -180])
async def test_playback_may_follow_another_rule_than_search(search_mode: str, playback_mode: str, offset: int) -> None:
    options: dict[str, Any] = {"channels": 1, "utc_offset": offset, "main_size": (320, 180), "h264_only": True}
    async with HikvisionSimulator(profile="nvr8", **options) as simulator:
        simulator.set_faults(search__mode=search_mode, search__playback_mode=playback_mode)
        async with driving(simulator) as driver:
            span = last(1.1, 1)
            await search(driver, 1, span)
            assert driver.memory["quirks"]["playback_z"] == playback_mode  # type: ignore[index]
            memory = dict(driver.memory)
        async with driving(simulator, memory=memory) as driver:
            assert driver.playback is not None
            assert is_true(await played(driver, 1, span), span.start, 1)
