"""What the tests of exports share: ordering one, hearing of its end, and looking at what was made."""

from datetime import datetime
from pathlib import Path
from typing import Any

import av
from homeassistant.core import Context, HomeAssistant
import numpy as np
from pytest_homeassistant_custom_component.common import async_capture_events

from custom_components.nvr.const import DOMAIN
from tests.contract.media.rig import boxes
from tests.simulators.video.timecode import TimeCode, read_timecode

from .conftest import until

FRONT = "camera.front_door"


def media_folder_in(hass: HomeAssistant, tmp_path: Path) -> Path:
    """Give Home Assistant a media folder of the test's own."""
    folder = tmp_path / "media"
    folder.mkdir()
    hass.config.media_dirs = {"local": str(folder)}
    return folder


def files_of(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


async def files_in(hass: HomeAssistant, folder: Path) -> list[Path]:
    """Return all files below a folder."""
    return await hass.async_add_executor_job(files_of, folder)


async def export(hass: HomeAssistant, start: datetime, seconds: float, user_id: str | None = None, **more: Any) -> str:
    """Order an export and return its id."""
    data = {"entity_id": FRONT, "start": start.isoformat(), "duration": {"seconds": seconds}, **more}
    context = Context(user_id=user_id)
    answer = await hass.services.async_call(
        DOMAIN, "export_recording", data, blocking=True, return_response=True, context=context
    )
    assert answer is not None
    assert answer["errors"] == {}
    exports: Any = answer["exports"]
    return str(exports[FRONT]["export_id"])


def watch(hass: HomeAssistant) -> list[Any]:
    """Capture both ends of an export in one list."""
    told = async_capture_events(hass, "nvr_export_finished")
    hass.bus.async_listen("nvr_export_failed", told.append)
    return told


async def finished(told: list[Any], count: int = 1) -> dict[str, Any]:
    """Wait until so many exports are over, and return what was told of the last, which went well."""
    await until(lambda: len(told) >= count, 30)
    assert told[count - 1].event_type == "nvr_export_finished", told[count - 1].data
    return dict(told[count - 1].data)


async def failed(told: list[Any]) -> dict[str, Any]:
    """Wait until the export has failed, and return what was told."""
    await until(lambda: told, 30)
    assert told[0].event_type == "nvr_export_failed", told[0].data
    return dict(told[0].data)


def pictures(path: str) -> list[tuple[float, TimeCode]]:
    """Decode a film as a player does that heeds its edit list: times in the film, and what the pictures say."""
    found = []
    with av.open(path) as film:
        for frame in film.decode(video=0):
            code = read_timecode(np.asarray(frame.to_ndarray(format="gray"), dtype=np.uint8))
            assert code is not None
            assert frame.time is not None
            found.append((frame.time, code))
    return found


def kinds(path: str) -> list[str]:
    """Return the boxes of a film."""
    return [kind for kind, _ in boxes(Path(path).read_bytes())]
