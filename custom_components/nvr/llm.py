"""What language models may ask of the recorders, through Home Assistant's Assist: two questions, nothing is changed.

Home Assistant loads this file when its own `llm` integration runs; nothing of ours imports it, so that what changes in
that young interface breaks nothing else. What a model is told is English: it answers in the user's language itself.
"""

import asyncio
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final, override

from homeassistant.components.llm import LLMTools
from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.llm import (
    LLM_API_ASSIST,
    LLMContext,
    Tool,
    ToolAnnotations,
    ToolInput,
    ToolResult,
)
from homeassistant.util import dt as dt_util
from homeassistant.util.json import JsonObjectType, JsonValueType
import probatio

from .action_targets import Camera
from .assist_cameras import Asker, AssistRefusedError, asker_of, exposed_cameras, wanted_cameras
from .assist_events import Happening, happened, local
from .const import DOMAIN
from .core.errors import NvrError
from .core.models import EventKind, TimeSpan
from .errors import translate
from .footage import RefusedError
from .time_parsing import TimeParsingError, span_from

MOST: Final = 20
_USUAL: Final = 6
# Whoever spoke waits for the answer: a recorder that takes longer is told to have not answered.
PATIENCE: Final = 20.0
_LONGEST: Final = timedelta(days=31)
_KINDS: Final = sorted(
    {
        EventKind.MOTION,
        EventKind.PERSON,
        EventKind.VEHICLE,
        EventKind.ANIMAL,
        EventKind.FACE,
        EventKind.PLATE,
        EventKind.DOORBELL,
        EventKind.LINE_CROSSING,
        EventKind.INTRUSION,
        EventKind.LOITERING,
        EventKind.OBJECT_LEFT,
        EventKind.OBJECT_TAKEN,
        EventKind.AUDIO,
        EventKind.TAMPER,
        EventKind.PIR,
        EventKind.FIRE,
        EventKind.SMOKE,
    }
)
_READ_ONLY: Final = ToolAnnotations(read_only=True, destructive=False, idempotent=True, open_world=False)
_CAMERA: Final = probatio.Optional("camera", description="Name of a camera or of an area; left out: all cameras.")
_PROMPT: Final = (
    "Security cameras: use nvr__find_events for who or what was seen and when, nvr__recording_status for whether "
    "cameras record. Cameras know persons and vehicles, not who they are."
)


class _NvrTool(Tool):
    """A question about cameras: refusals are answers that say why."""

    annotations = _READ_ONLY
    integration = DOMAIN

    @override
    async def async_call(self, hass: HomeAssistant, tool_input: ToolInput, llm_context: LLMContext) -> ToolResult:
        """Answer, or say why not."""
        try:
            asked = self.parameters(tool_input.tool_args)
        except probatio.Invalid as err:
            return ToolResult(data={"error": f"Invalid arguments: {err}"}, error=True)
        context = llm_context.context
        try:
            asker = await asker_of(hass, context.user_id if context is not None else None)
            cameras = wanted_cameras(hass, llm_context.assistant, asker, asked.get("camera"))
            return ToolResult(data=await self._answer(hass, cameras, asker, asked))
        except AssistRefusedError as err:
            return ToolResult(data={"error": str(err)}, error=True)

    async def _answer(
        self, hass: HomeAssistant, cameras: list[Camera], asker: Asker, asked: Mapping[str, Any]
    ) -> JsonObjectType:
        raise NotImplementedError


class FindEventsTool(_NvrTool):
    """When was what seen."""

    name = "nvr__find_events"
    title = "Find camera events"
    description = (
        "Find what security cameras saw (persons, vehicles, motion, doorbell presses, number plates), newest first. "
        "Without start the last 24 hours are searched; search further back in steps of days when nothing is found. "
        "For 'somebody at the door' ask for the kinds person and doorbell. An entry of kind 'recording' only says "
        "that the NVR recorded for that reason, not who or what was there: say so. "
        "'not_searched' names cameras that could not be asked: never say that nothing happened there."
    )
    parameters = probatio.Schema(
        {
            _CAMERA: str,
            probatio.Optional("kinds", description="What to look for; left out: everything."): [probatio.In(_KINDS)],
            probatio.Optional("start", description="ISO 8601 date and time; local time without an offset."): str,
            probatio.Optional("end", description="ISO 8601 date and time; left out: now."): str,
            probatio.Optional("limit", description=f"How many, at most {MOST} (default: {_USUAL})."): probatio.All(
                int, probatio.Range(min=1, max=MOST)
            ),
        }
    )

    @override
    async def _answer(
        self, hass: HomeAssistant, cameras: list[Camera], asker: Asker, asked: Mapping[str, Any]
    ) -> JsonObjectType:
        span, limit = _asked_span(asked), asked.get("limit", _USUAL)
        kinds = frozenset(map(EventKind, asked["kinds"])) if asked.get("kinds") else None
        answers = await asyncio.gather(*(_ask(camera, span, kinds, limit) for camera in cameras))
        found = [item for answer in answers if isinstance(answer, list) for item in answer]
        found.sort(key=lambda item: item.start, reverse=True)
        failed = [(camera, answer) for camera, answer in zip(cameras, answers, strict=True) if isinstance(answer, str)]
        names = {camera.entity_id: _name(hass, camera) for camera in cameras}
        told: JsonObjectType = {
            "searched": {"from": local(span.start), "to": local(span.end)},
            "events": [
                item.as_dict(names[item.camera.entity_id], playable=asker.user is not None) for item in found[:limit]
            ],
            "more": len(found) > limit,
        }
        if failed:
            told["not_searched"] = [{"camera": names[camera.entity_id], "reason": why} for camera, why in failed]
        return told


class RecordingStatusTool(_NvrTool):
    """Is it being recorded."""

    name = "nvr__recording_status"
    title = "Get recording status of cameras"
    description = (
        "Tell whether security cameras are recorded now, up to when there is footage, how much of the last 24 hours "
        "is missing, and what is wrong. 'unknown' means that it was not looked at lately: do not call it a fault."
    )
    parameters = probatio.Schema({_CAMERA: str})

    @override
    async def _answer(
        self, hass: HomeAssistant, cameras: list[Camera], asker: Asker, asked: Mapping[str, Any]
    ) -> JsonObjectType:
        return {"cameras": list[JsonValueType](_status(hass, cameras))}


def _status(hass: HomeAssistant, cameras: Iterable[Camera]) -> Iterable[JsonObjectType]:
    for camera in cameras:
        health = camera.entry.runtime_data.health
        recorded = health.recording.health(camera.channel)
        told: JsonObjectType = {
            "camera": _name(hass, camera),
            "nvr_online": camera.hub.online,
            "recording": "unknown" if recorded.recording is None else recorded.recording,
            "problems": list[JsonValueType](health.problems(camera.channel)) if camera.hub.online else ["nvr_offline"],
        }
        if recorded.newest is not None:
            told["newest_footage"] = local(recorded.newest)
        if (oldest := health.recording.oldest(camera.channel)) is not None:
            told["oldest_footage"] = local(oldest)
        if recorded.silent_since is not None:
            told["not_recorded_since"] = local(recorded.silent_since)
        if recorded.missing is not None:
            told["minutes_missing_of_24_h"] = round(recorded.missing.total_seconds() / 60)
        yield told


async def _ask(camera: Camera, span: TimeSpan, kinds: frozenset[EventKind] | None, limit: int) -> list[Happening] | str:
    """Return what happened, or why it cannot be told."""
    try:
        async with asyncio.timeout(PATIENCE):
            return await happened(camera, span, kinds, limit=limit)
    except NvrError as err:
        return str(translate(err, camera.entry.title))
    except RefusedError as err:
        return str(err.translate(HomeAssistantError))
    except TimeoutError:
        return "The NVR did not answer in time."


def _asked_span(asked: Mapping[str, Any]) -> TimeSpan:
    now = dt_util.utcnow()
    start, end = (_moment(asked.get(name), name) for name in ("start", "end"))
    try:
        span = span_from(start, end, None, zone=dt_util.get_default_time_zone(), now=now)
    except TimeParsingError as err:
        raise AssistRefusedError(f"Invalid time span: {err.key.replace('_', ' ')}.") from err
    if span.duration > _LONGEST:
        raise AssistRefusedError(f"The time span is longer than {_LONGEST.days} days: ask for a part of it.")
    return TimeSpan(span.start, min(span.end, now)) if span.start < now else span


def _moment(text: str | None, name: str) -> datetime | None:
    if not text:
        return None
    try:
        return dt_util.parse_datetime(text, raise_on_error=True)
    except ValueError as err:
        raise AssistRefusedError(f"Invalid {name}: {text[:40]!r} is no ISO 8601 date and time.") from err


def _name(hass: HomeAssistant, camera: Camera) -> str:
    state = hass.states.get(camera.entity_id)
    return state.name if state is not None else camera.name


@callback
def async_get_tools(hass: HomeAssistant, llm_context: LLMContext, api_id: str) -> LLMTools | None:
    """Return the questions; None where no NVR lets Assist ask, or no camera of one is exposed to it."""
    if api_id != LLM_API_ASSIST or not exposed_cameras(hass, llm_context.assistant):
        return None
    return LLMTools(tools=[FindEventsTool(), RecordingStatusTool()], prompt=_PROMPT)
