"""The actions that move cameras. Each motion ends by itself; who may move is asked each time (`ptz`)."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from typing import Any, Final

from homeassistant.core import HomeAssistant, ServiceCall, callback
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers import config_validation as cv
import probatio

from .access import Action
from .action_targets import Camera, permitted_cameras
from .const import DOMAIN
from .core.controls import PtzMotion, PtzOrder, PtzPreset
from .core.pilot import LONGEST, Pilot
from .errors import translated_errors

ATTR_DURATION: Final = "duration"
ATTR_NAME: Final = "name"
ATTR_NUMBER: Final = "number"
ATTR_PRESET: Final = "preset"
ATTR_RUN: Final = "run"
_AXES: Final = ("pan", "tilt", "zoom", "focus", "iris")
_DURATION: Final = 0.5

PTZ_MOVE: Final = "ptz_move"
PTZ_STOP: Final = "ptz_stop"
PTZ_GO_TO_PRESET: Final = "ptz_go_to_preset"
PTZ_SAVE_PRESET: Final = "ptz_save_preset"
PTZ_PATROL: Final = "ptz_patrol"

_SPEED: Final = probatio.All(probatio.Coerce(float), probatio.Range(min=-100, max=100))
_NUMBER: Final = probatio.All(probatio.Coerce(int), probatio.Range(min=1, max=300))

MOVE_SCHEMA: Final = probatio.Schema(
    {
        **cv.ENTITY_SERVICE_FIELDS,
        **{probatio.Optional(axis): _SPEED for axis in _AXES},
        probatio.Optional(ATTR_DURATION, default=_DURATION): probatio.All(
            probatio.Coerce(float), probatio.Range(min=0.1, max=LONGEST)
        ),
    }
)
STOP_SCHEMA: Final = probatio.Schema({**cv.ENTITY_SERVICE_FIELDS})
GO_TO_SCHEMA: Final = probatio.Schema({**cv.ENTITY_SERVICE_FIELDS, probatio.Required(ATTR_PRESET): cv.string})
SAVE_SCHEMA: Final = probatio.Schema(
    {
        **cv.ENTITY_SERVICE_FIELDS,
        probatio.Required(ATTR_NUMBER): _NUMBER,
        probatio.Optional(ATTR_NAME, default=""): probatio.All(cv.string, probatio.Length(max=32)),
    }
)
PATROL_SCHEMA: Final = probatio.Schema(
    {
        **cv.ENTITY_SERVICE_FIELDS,
        probatio.Required(ATTR_NUMBER): _NUMBER,
        probatio.Optional(ATTR_RUN, default=True): cv.boolean,
    }
)

type _Do = Callable[[Pilot, Camera], Coroutine[Any, Any, None]]


@callback
def async_setup_ptz_actions(hass: HomeAssistant) -> None:
    """Register the actions; once, from `async_setup`."""
    for name, handler, schema in (
        (PTZ_MOVE, _move, MOVE_SCHEMA),
        (PTZ_STOP, _stop, STOP_SCHEMA),
        (PTZ_GO_TO_PRESET, _go_to_preset, GO_TO_SCHEMA),
        (PTZ_SAVE_PRESET, _save_preset, SAVE_SCHEMA),
        (PTZ_PATROL, _patrol, PATROL_SCHEMA),
    ):
        hass.services.async_register(DOMAIN, name, partial(handler, hass), schema=schema)


async def _move(hass: HomeAssistant, call: ServiceCall) -> None:
    """Move for a while; without a speed there is nothing to do."""
    speeds = {axis: call.data[axis] / 100 for axis in _AXES if call.data.get(axis)}
    if not speeds:
        raise ServiceValidationError(translation_domain=DOMAIN, translation_key="no_motion")
    motion = PtzMotion(**speeds)
    await _each(hass, call, lambda pilot, camera: pilot.move(camera.channel, motion, call.data[ATTR_DURATION]))


async def _stop(hass: HomeAssistant, call: ServiceCall) -> None:
    await _each(hass, call, lambda pilot, camera: pilot.stop(camera.channel))


async def _go_to_preset(hass: HomeAssistant, call: ServiceCall) -> None:
    """Go to a preset by its number or by its name; who says a number needs no list of them."""
    wanted = call.data[ATTR_PRESET].strip()

    async def go(pilot: Pilot, camera: Camera) -> None:
        number = int(wanted) if wanted.isdecimal() else _numbered(await pilot.presets(camera.channel), wanted, camera)
        await pilot.order(camera.channel, PtzOrder.GO_TO_PRESET, number)

    await _each(hass, call, go)


async def _save_preset(hass: HomeAssistant, call: ServiceCall) -> None:
    """Store where the camera looks now; that changes the recorder, so it takes the right to."""
    number, name = call.data[ATTR_NUMBER], call.data[ATTR_NAME]
    await permitted_cameras(hass, call, Action.SETTINGS)
    await _each(hass, call, lambda pilot, camera: pilot.order(camera.channel, PtzOrder.SAVE_PRESET, number, name))


async def _patrol(hass: HomeAssistant, call: ServiceCall) -> None:
    order = PtzOrder.START_PATROL if call.data[ATTR_RUN] else PtzOrder.STOP_PATROL
    await _each(hass, call, lambda pilot, camera: pilot.order(camera.channel, order, call.data[ATTR_NUMBER]))


def _numbered(presets: Sequence[PtzPreset], name: str, camera: Camera) -> int:
    for preset in presets:
        if preset.name.casefold() == name.casefold():
            return preset.number
    raise ServiceValidationError(
        translation_domain=DOMAIN,
        translation_key="no_preset",
        translation_placeholders={"name": camera.name, "preset": name},
    )


async def _each(hass: HomeAssistant, call: ServiceCall, do: _Do) -> None:
    """Do it with all cameras at once; of several that fail the first is told, and none is left out for it."""
    targets = await permitted_cameras(hass, call, Action.PTZ)
    for refused in targets.refused.values():
        raise refused.translate(HomeAssistantError)
    results = await asyncio.gather(*(_one(camera, do) for camera in targets.cameras), return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result


async def _one(camera: Camera, do: _Do) -> None:
    with translated_errors(camera.entry.title):
        if (pilot := camera.hub.pilot) is None:
            raise HomeAssistantError(
                translation_domain=DOMAIN, translation_key="not_movable", translation_placeholders={"name": camera.name}
            )
        await do(pilot, camera)
