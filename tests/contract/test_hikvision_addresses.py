"""A recorder that names as an address what is none."""

from dataclasses import replace

import pytest

from custom_components.nvr.core.models import Container

from .helpers import last, search
from .rigs.hikvision import recorder

pytestmark = pytest.mark.usefixtures("socket_enabled")


async def test_download_of_a_file_whose_name_is_no_address_goes_by_its_time() -> None:
    async with recorder(channels=1) as (simulator, driver):
        simulator.set_faults(download__by_time=True, download__need_size=False)
        assert driver.downloads is not None
        found = [item for item in await search(driver, 1, last(6)) if not item.open]
        segment = min(found, key=lambda item: item.span.duration)
        async with driver.downloads.open(replace(segment, locator="rtsp://[bad/Streaming/tracks/101/")) as download:
            received = sum([len(chunk) async for chunk in download])
            assert download.container is Container.MPEG_PS
        assert received > 1000
