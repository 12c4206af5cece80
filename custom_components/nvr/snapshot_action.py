"""The action `snapshot_at`: the picture a camera recorded at a moment, as an answer and, if wanted, as a file."""

import asyncio
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from homeassistant.core import HomeAssistant, ServiceCall, ServiceResponse
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers import config_validation as cv
from homeassistant.util import dt as dt_util
from homeassistant.util.json import JsonObjectType
import probatio

from .access import Action, require, user_of
from .action_targets import Camera, permitted_cameras, refusal
from .const import DOMAIN
from .core.errors import NvrError
from .errors import error_key, translate
from .footage import RefusedError
from .media.thumbnails.maker import Thumbnail
from .media_ids import ChannelId, MomentId, content_id
from .picture_log import note_picture
from .pictures import WIDTHS, fresh_picture, picture_path
from .time_parsing import TimeParsingError, earliest

ATTR_FILENAME: Final = "filename"
ATTR_TIME: Final = "time"
ATTR_WIDTH: Final = "width"
SNAPSHOT_AT: Final = "snapshot_at"

_SUFFIXES: Final = frozenset({".jpg", ".jpeg"})

SNAPSHOT_SCHEMA: Final = probatio.Schema(
    {
        **cv.ENTITY_SERVICE_FIELDS,
        probatio.Required(ATTR_TIME): cv.datetime,
        probatio.Optional(ATTR_FILENAME): cv.string,
        probatio.Optional(ATTR_WIDTH): probatio.All(probatio.Coerce(int), probatio.In(WIDTHS)),
    }
)


async def snapshot_at(hass: HomeAssistant, call: ServiceCall) -> ServiceResponse:
    """Answer with the pictures of one moment; raises what went wrong when none could be had."""
    targets = await permitted_cameras(hass, call, Action.PLAYBACK)
    try:
        moment = earliest(call.data[ATTR_TIME], dt_util.get_default_time_zone())
    except TimeParsingError as err:
        raise ServiceValidationError(
            translation_domain=DOMAIN, translation_key=err.key, translation_placeholders=err.placeholders
        ) from err
    path = await _file(hass, call, targets.cameras)
    results = await asyncio.gather(*(_answer(hass, call, camera, moment, path) for camera in targets.cameras))
    found: JsonObjectType = {}
    errors = targets.errors()
    problems: list[HomeAssistantError] = []
    for camera, result in zip(targets.cameras, results, strict=True):
        if isinstance(result, NvrError | RefusedError):
            errors[camera.entity_id], problem = _told(camera, result)
            problems.append(problem)
        else:
            found[camera.entity_id] = result
    if problems and not found:
        raise problems[0]
    return {"cameras": found, "errors": errors} if call.return_response else None


def _told(camera: Camera, err: NvrError | RefusedError) -> tuple[JsonObjectType, HomeAssistantError]:
    if isinstance(err, RefusedError):
        return refusal(err), err.translate(HomeAssistantError)
    told = translate(err, camera.entry.title)
    return {"error": error_key(err), "message": str(told)}, told


async def _answer(
    hass: HomeAssistant, call: ServiceCall, camera: Camera, moment: datetime, path: Path | None
) -> JsonObjectType | NvrError | RefusedError:
    user_id, width = call.context.user_id, call.data.get(ATTR_WIDTH, 0)
    try:
        picture = await fresh_picture(hass, camera.entry, camera.channel, moment, width=width, user_id=user_id)
    except (NvrError, RefusedError) as err:
        return err
    note_picture(hass, camera.entry, camera.channel, picture.recorded_at, user_id, via=SNAPSHOT_AT)
    if path is not None:
        await _save(hass, path, picture)
    shown = picture_path(camera.entry.entry_id, camera.channel, moment, width=width, exact=True)
    return {
        "name": camera.name,
        "time": dt_util.as_local(moment).isoformat(),
        "recorded_at": dt_util.as_local(picture.recorded_at).isoformat(),
        "offset": round((moment - picture.recorded_at).total_seconds(), 3),
        "media_content_id": content_id(MomentId(ChannelId(camera.entry.entry_id, camera.channel), moment)),
        "url": shown,
        "path": str(path) if path is not None else None,
        **_elsewhere(hass, path),
    }


def _elsewhere(hass: HomeAssistant, path: Path | None) -> JsonObjectType:
    """Return under which names Home Assistant itself serves the file."""
    if path is None:
        return {}
    told: JsonObjectType = {}
    if path.is_relative_to(public := Path(hass.config.path("www"))):
        told["public_url"] = f"/local/{path.relative_to(public).as_posix()}"
    for name, folder in hass.config.media_dirs.items():
        if path.is_relative_to(folder):
            told["file_content_id"] = f"media-source://media_source/{name}/{path.relative_to(folder).as_posix()}"
    return told


async def _file(hass: HomeAssistant, call: ServiceCall, cameras: list[Camera]) -> Path | None:
    """Return where the picture is to be written; a file is an export, which is a right of its own."""
    name: str | None = call.data.get(ATTR_FILENAME)
    if name is None:
        return None
    user = await user_of(hass, call.context.user_id, context=call.context)
    for camera in cameras:
        require(hass, user, Action.EXPORT, camera.entry, camera.channel, via=call.service, context=call.context)
    if len(cameras) != 1:
        raise _invalid("one_camera_per_file")
    path = Path(hass.config.path(name))
    if path.suffix.lower() not in _SUFFIXES:
        raise _invalid("not_a_picture_name", path=str(path))
    if not await hass.async_add_executor_job(hass.config.is_allowed_path, str(path)):
        raise _invalid("picture_not_allowed", path=str(path))
    return path


async def _save(hass: HomeAssistant, path: Path, picture: Thumbnail) -> None:
    try:
        await hass.async_add_executor_job(_write, path, picture.jpeg)
    except OSError as err:
        reason = {"path": str(path), "reason": err.strerror or type(err).__name__}
        raise HomeAssistantError(
            translation_domain=DOMAIN, translation_key="not_saved", translation_placeholders=reason
        ) from err


def _write(path: Path, data: bytes) -> None:
    """Write the file wholly or not at all; blocks."""
    path.parent.mkdir(parents=True, exist_ok=True)
    half = path.with_name(f".{path.name}.half")
    try:
        half.write_bytes(data)
        half.replace(path)
    except OSError:
        half.unlink(missing_ok=True)
        raise


def _invalid(key: str, **placeholders: Any) -> ServiceValidationError:
    return ServiceValidationError(translation_domain=DOMAIN, translation_key=key, translation_placeholders=placeholders)
