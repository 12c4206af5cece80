"""The actions: look for footage, play it, and say where the live streams are.

Registered once for all recorders. An action whose recorder is away, or whose caller lacks the right, says so in words.
"""

import asyncio
from collections.abc import Callable, Coroutine
from datetime import date, timedelta
from functools import partial
from typing import Any, Final

from homeassistant.components.media_player import DOMAIN as MEDIA_PLAYER_DOMAIN, SERVICE_PLAY_MEDIA
from homeassistant.const import ATTR_ENTITY_ID
from homeassistant.core import HomeAssistant, ServiceCall, ServiceResponse, SupportsResponse, callback
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.network import NoURLAvailableError, get_url
from homeassistant.helpers.service import async_register_admin_service
from homeassistant.util import dt as dt_util
from homeassistant.util.json import JsonObjectType
import probatio

from .access import Action
from .action_targets import Camera, permitted_camera, permitted_cameras, refusal
from .const import DOMAIN
from .core.errors import NvrError
from .core.models import EventKind, RecordingKind, TimeSpan
from .detections import CHANNEL_DETECTIONS
from .errors import error_key, translate, translated_errors
from .footage import RefusedError
from .fresh_footage import when_written
from .playback import start_playback
from .players import Player, player_of
from .recording_actions import (
    ATTR_AT,
    ATTR_CURSOR,
    ATTR_DIRECTION,
    ATTR_DURATION,
    ATTR_END,
    ATTR_EVENTS,
    ATTR_KINDS,
    ATTR_LIMIT,
    ATTR_MERGE,
    ATTR_MONTH,
    ATTR_START,
    ATTR_WITHIN,
    asked_span,
    find_recording,
    list_recording_days,
    search_recordings,
)
from .shared import shared
from .snapshot_action import SNAPSHOT_AT, SNAPSHOT_SCHEMA, snapshot_at

ATTR_CAMERA: Final = "camera"
ATTR_INCLUDE_CREDENTIALS: Final = "include_credentials"
ATTR_MEDIA_PLAYER: Final = "media_player"

SEARCH_RECORDINGS: Final = "search_recordings"
LIST_RECORDING_DAYS: Final = "list_recording_days"
FIND_RECORDING: Final = "find_recording"
PLAY_RECORDING: Final = "play_recording"
GET_STREAM_URLS: Final = "get_stream_urls"

_PLAY_DURATION: Final = timedelta(hours=1)
_POSITIVE_PERIOD: Final = probatio.All(cv.time_period, cv.positive_timedelta)


def _month(value: Any) -> date:
    """Read "2026-11", or any date of the month."""
    if isinstance(value, str) and len(value) == len("2026-11"):
        value = f"{value}-01"
    return cv.date(value)


# What a camera's past can be searched for.
EVENT_CHOICES: Final = [kind.value for kind in (*CHANNEL_DETECTIONS, EventKind.DOORBELL, EventKind.PEOPLE_COUNT)]

SEARCH_SCHEMA: Final = probatio.Schema(
    {
        **cv.ENTITY_SERVICE_FIELDS,
        probatio.Optional(ATTR_START): cv.datetime,
        probatio.Optional(ATTR_END): cv.datetime,
        probatio.Optional(ATTR_DURATION): _POSITIVE_PERIOD,
        probatio.Optional(ATTR_KINDS): probatio.All(
            cv.ensure_list, [probatio.In([kind.value for kind in RecordingKind])]
        ),
        probatio.Optional(ATTR_EVENTS): probatio.All(cv.ensure_list, [probatio.In(EVENT_CHOICES)]),
        probatio.Optional(ATTR_MERGE, default=False): cv.boolean,
        probatio.Optional(ATTR_LIMIT, default=100): probatio.All(probatio.Coerce(int), probatio.Range(min=1, max=1000)),
        probatio.Optional(ATTR_CURSOR): cv.string,
    }
)
DAYS_SCHEMA: Final = probatio.Schema(
    {
        **cv.ENTITY_SERVICE_FIELDS,
        probatio.Optional(ATTR_MONTH): _month,
        probatio.Optional(ATTR_START): cv.date,
        probatio.Optional(ATTR_END): cv.date,
    }
)
FIND_SCHEMA: Final = probatio.Schema(
    {
        **cv.ENTITY_SERVICE_FIELDS,
        probatio.Required(ATTR_AT): cv.datetime,
        probatio.Optional(ATTR_DIRECTION, default="nearest"): probatio.In(["nearest", "before", "after"]),
        probatio.Optional(ATTR_WITHIN, default=timedelta(hours=24)): probatio.All(
            _POSITIVE_PERIOD, probatio.Range(max=timedelta(days=31))
        ),
    }
)
PLAY_SCHEMA: Final = probatio.Schema(
    {
        probatio.Required(ATTR_CAMERA): cv.entity_id,
        probatio.Required(ATTR_MEDIA_PLAYER): probatio.All(cv.entity_ids, probatio.Length(min=1)),
        probatio.Required(ATTR_START): cv.datetime,
        probatio.Optional(ATTR_END): cv.datetime,
        probatio.Optional(ATTR_DURATION): _POSITIVE_PERIOD,
    }
)
STREAM_URLS_SCHEMA: Final = probatio.Schema(
    {**cv.ENTITY_SERVICE_FIELDS, probatio.Optional(ATTR_INCLUDE_CREDENTIALS, default=False): cv.boolean}
)

type _Handler = Callable[[HomeAssistant, ServiceCall], Coroutine[Any, Any, ServiceResponse]]


@callback
def async_setup_services(hass: HomeAssistant) -> None:
    """Register the actions; once, from `async_setup`."""
    answering: tuple[tuple[str, _Handler, probatio.Schema], ...] = (
        (SEARCH_RECORDINGS, search_recordings, SEARCH_SCHEMA),
        (LIST_RECORDING_DAYS, list_recording_days, DAYS_SCHEMA),
        (FIND_RECORDING, find_recording, FIND_SCHEMA),
    )
    for name, handler, schema in answering:
        hass.services.async_register(
            DOMAIN, name, partial(handler, hass), schema=schema, supports_response=SupportsResponse.ONLY
        )
    hass.services.async_register(
        DOMAIN,
        SNAPSHOT_AT,
        partial(snapshot_at, hass),
        schema=SNAPSHOT_SCHEMA,
        supports_response=SupportsResponse.OPTIONAL,
    )
    hass.services.async_register(
        DOMAIN,
        PLAY_RECORDING,
        partial(play_recording, hass),
        schema=PLAY_SCHEMA,
        supports_response=SupportsResponse.OPTIONAL,
    )
    async_register_admin_service(
        hass, DOMAIN, GET_STREAM_URLS, partial(get_stream_urls, hass), STREAM_URLS_SCHEMA, SupportsResponse.ONLY
    )


async def play_recording(hass: HomeAssistant, call: ServiceCall) -> ServiceResponse:
    """Play footage on media players; each gets a link of its own, made for the user who called."""
    camera = await permitted_camera(hass, call, call.data[ATTR_CAMERA], Action.PLAYBACK)
    span = _span_to_play(call)
    try:
        base = get_url(hass)
    except NoURLAvailableError as err:
        raise HomeAssistantError(translation_domain=DOMAIN, translation_key="no_url") from err
    try:
        players = [player_of(hass, entity_id) for entity_id in call.data[ATTR_MEDIA_PLAYER]]
    except RefusedError as err:
        raise err.translate(ServiceValidationError) from err
    attempts = (_play_on(hass, call, camera, span, base=base, player=player) for player in players)
    results = await asyncio.gather(*attempts, return_exceptions=True)
    played = [result for result in results if isinstance(result, TimeSpan)]
    for failure in (result for result in results if isinstance(result, BaseException)):
        raise failure
    return {"start": dt_util.as_local(played[0].start).isoformat(), "end": dt_util.as_local(played[0].end).isoformat()}


async def _play_on(
    hass: HomeAssistant, call: ServiceCall, camera: Camera, span: TimeSpan, *, base: str, player: Player
) -> TimeSpan:
    try:
        with translated_errors(camera.entry.title):
            # Whoever is told of something just now wants to see it before the recorder has written it.
            begin = partial(start_playback, hass, camera.entry, camera.channel, span, call.context.user_id)
            link = await when_written(span.start, camera.name, begin)
    except RefusedError as err:
        raise err.translate(HomeAssistantError) from err
    title = f"{camera.name} {dt_util.as_local(link.span.start):%Y-%m-%d %H:%M:%S}"
    started = False
    try:
        await hass.services.async_call(
            MEDIA_PLAYER_DOMAIN,
            SERVICE_PLAY_MEDIA,
            {ATTR_ENTITY_ID: player.entity_id, **player.play_data(f"{base}{link.path}", title)},
            blocking=True,
            context=call.context,
        )
        started = True
    finally:
        if not started:
            await shared(hass).links.revoke(link)
    return link.span


def _span_to_play(call: ServiceCall) -> TimeSpan:
    span = asked_span(call)
    if ATTR_END in call.data or ATTR_DURATION in call.data:
        return span
    return TimeSpan(span.start, min(span.end, span.start + _PLAY_DURATION))


async def get_stream_urls(hass: HomeAssistant, call: ServiceCall) -> ServiceResponse:
    """Answer with the addresses of the live streams, for other software; never with a login unless it is asked for."""
    targets = await permitted_cameras(hass, call, Action.LIVE)
    found: JsonObjectType = {}
    errors = targets.errors()
    for camera in targets.cameras:
        try:
            found[camera.entity_id] = _streams(camera, with_credentials=call.data[ATTR_INCLUDE_CREDENTIALS])
        except NvrError as err:
            errors[camera.entity_id] = {"error": error_key(err), "message": str(translate(err, camera.entry.title))}
        except RefusedError as err:
            errors[camera.entity_id] = refusal(err)
    return {"cameras": found, "errors": errors}


def _streams(camera: Camera, *, with_credentials: bool) -> JsonObjectType:
    channel, live = camera.hub.channel(camera.channel), camera.hub.driver.live
    if live is None or channel is None:
        raise RefusedError("no_live", name=camera.name)
    streams: JsonObjectType = {}
    for profile in channel.profiles:
        address = live.address(channel.number, profile.role)
        streams[profile.role.value] = {
            "url": address.with_credentials() if with_credentials else address.url,
            "codec": profile.video.value,
            "width": profile.width,
            "height": profile.height,
            "fps": profile.fps,
            "audio": profile.audio.value if profile.audio is not None else None,
            "enabled": profile.enabled,
        }
    return {"name": camera.name, "streams": streams}
