"""The actions of exports and clips: have footage made a file, call that off, and hand out links to what was made."""

from datetime import timedelta
from functools import partial
from typing import Any, Final

from homeassistant.auth.models import User
from homeassistant.core import HomeAssistant, ServiceCall, ServiceResponse, SupportsResponse, callback
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError, Unauthorized
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.network import NoURLAvailableError, get_url
from homeassistant.util import dt as dt_util
from homeassistant.util.json import JsonObjectType
import probatio

from .access import Action, user_of
from .action_targets import Camera, permitted_cameras, refusal
from .audit_rows import AuditKind
from .clip_access import may_see_job, permit_clip
from .clip_view import mint_clip_link
from .const import ATTR_CLIP_ID, ATTR_USER_ID, ATTR_WHAT, DOMAIN
from .core.models import TimeSpan
from .export_source import is_allowed, resolve_folder
from .exports import export_desk
from .footage import RefusedError
from .media.exports.models import Clip, ExportFormat
from .recording_actions import ATTR_DURATION, ATTR_END, ATTR_START, asked_span
from .shared import shared

ATTR_DOWNLOAD: Final = "download"
ATTR_EXPIRES: Final = "expires"
ATTR_EXPORT_ID: Final = "export_id"
ATTR_FOLDER: Final = "folder"
ATTR_FORMAT: Final = "format"
ATTR_LINK_ID: Final = "link_id"
ATTR_PERSON: Final = "person"
ATTR_TITLE: Final = "title"

EXPORT_RECORDING: Final = "export_recording"
CANCEL_EXPORT: Final = "cancel_export"
CREATE_CLIP_LINK: Final = "create_clip_link"
REVOKE_CLIP_LINK: Final = "revoke_clip_link"

LONGEST: Final = timedelta(hours=25)
_LINK_LIFETIME: Final = timedelta(days=1)
_LONGEST_LINK: Final = timedelta(days=30)
_POSITIVE_PERIOD: Final = probatio.All(cv.time_period, cv.positive_timedelta)
_TEXT: Final = probatio.All(cv.string, probatio.Length(min=1, max=100))

EXPORT_SCHEMA: Final = probatio.Schema(
    {
        **cv.ENTITY_SERVICE_FIELDS,
        probatio.Optional(ATTR_START): cv.datetime,
        probatio.Optional(ATTR_END): cv.datetime,
        probatio.Optional(ATTR_DURATION): _POSITIVE_PERIOD,
        probatio.Optional(ATTR_FORMAT, default=ExportFormat.MP4.value): probatio.In(
            [form.value for form in ExportFormat]
        ),
        probatio.Optional(ATTR_TITLE): _TEXT,
        probatio.Optional(ATTR_FOLDER): cv.string,
    }
)
CANCEL_SCHEMA: Final = probatio.Schema({probatio.Required(ATTR_EXPORT_ID): cv.string})
LINK_SCHEMA: Final = probatio.Schema(
    {
        probatio.Required(ATTR_CLIP_ID): cv.string,
        probatio.Optional(ATTR_EXPIRES, default=_LINK_LIFETIME): probatio.All(
            _POSITIVE_PERIOD, probatio.Range(max=_LONGEST_LINK)
        ),
        probatio.Optional(ATTR_PERSON): cv.entity_id,
        probatio.Optional(ATTR_DOWNLOAD, default=False): cv.boolean,
    }
)
REVOKE_SCHEMA: Final = probatio.Schema({probatio.Required(ATTR_LINK_ID): cv.string})


@callback
def async_setup_export_actions(hass: HomeAssistant) -> None:
    """Register the actions; once, from `async_setup`."""
    rows: tuple[tuple[str, Any, probatio.Schema, SupportsResponse], ...] = (
        (EXPORT_RECORDING, export_recording, EXPORT_SCHEMA, SupportsResponse.OPTIONAL),
        (CANCEL_EXPORT, cancel_export, CANCEL_SCHEMA, SupportsResponse.NONE),
        (CREATE_CLIP_LINK, create_clip_link, LINK_SCHEMA, SupportsResponse.ONLY),
        (REVOKE_CLIP_LINK, revoke_clip_link, REVOKE_SCHEMA, SupportsResponse.NONE),
    )
    for name, handler, schema, response in rows:
        hass.services.async_register(DOMAIN, name, partial(handler, hass), schema=schema, supports_response=response)


async def export_recording(hass: HomeAssistant, call: ServiceCall) -> ServiceResponse:
    """Have footage of one or several cameras made files; answer at once with one export for each.

    Raises HomeAssistantError where none is made: whoever asks for no answer would not hear of it.
    """
    targets = await permitted_cameras(hass, call, Action.EXPORT)
    span = _span(call)
    folder = await _folder(hass, call.data.get(ATTR_FOLDER))
    started: JsonObjectType = {}
    refused = dict(targets.refused)
    for camera in targets.cameras:
        try:
            started[camera.entity_id] = _order(hass, call, camera, span, folder)
        except RefusedError as err:
            refused[camera.entity_id] = err
    if refused and not started:
        why = next(iter(refused.values()))
        raise why.translate(HomeAssistantError) from why
    return {"exports": started, "errors": {entity_id: refusal(err) for entity_id, err in refused.items()}}


def _order(
    hass: HomeAssistant, call: ServiceCall, camera: Camera, span: TimeSpan, folder: str | None
) -> JsonObjectType:
    job = export_desk(hass).async_order(
        camera.entry,
        camera.channel,
        span,
        ExportFormat(call.data[ATTR_FORMAT]),
        call.context.user_id,
        folder=folder,
        title=call.data.get(ATTR_TITLE),
    )
    return {"export_id": job.order.id, "state": job.state.value}


def _span(call: ServiceCall) -> TimeSpan:
    if not call.data.keys() & {ATTR_START, ATTR_END, ATTR_DURATION}:
        raise ServiceValidationError(translation_domain=DOMAIN, translation_key="no_span")
    span = asked_span(call)
    if span.duration > LONGEST:
        hours = str(int(LONGEST.total_seconds() // 3600))
        raise ServiceValidationError(
            translation_domain=DOMAIN, translation_key="export_too_long", translation_placeholders={"hours": hours}
        )
    return span


async def _folder(hass: HomeAssistant, folder: str | None) -> str | None:
    if folder is None:
        return None
    path = resolve_folder(hass, folder)
    if not await hass.async_add_executor_job(is_allowed, hass, path):
        raise ServiceValidationError(
            translation_domain=DOMAIN,
            translation_key="clip_folder_not_allowed",
            translation_placeholders={"folder": str(path)},
        )
    return str(path)


async def cancel_export(hass: HomeAssistant, call: ServiceCall) -> None:
    """Call an export off; nothing of it is left."""
    desk = export_desk(hass)
    user = await user_of(hass, call.context.user_id, context=call.context)
    job = desk.queue.jobs.get(call.data[ATTR_EXPORT_ID])
    if job is None or not may_see_job(hass, user, job):
        raise ServiceValidationError(translation_domain=DOMAIN, translation_key="no_export")
    await desk.queue.cancel(job.order.id)


async def create_clip_link(hass: HomeAssistant, call: ServiceCall) -> ServiceResponse:
    """Answer with a link to a clip, for whoever asks or, where an automation or an administrator asks, for a person."""
    caller = await user_of(hass, call.context.user_id, context=call.context)
    clip = export_desk(hass).library.get(call.data[ATTR_CLIP_ID])
    download: bool = call.data[ATTR_DOWNLOAD]
    action = Action.EXPORT if download else Action.PLAYBACK
    if clip is None or not permit_clip(hass, caller, action, clip, via=CREATE_CLIP_LINK):
        raise ServiceValidationError(translation_domain=DOMAIN, translation_key="no_clip")
    principal = await _principal(hass, call, caller)
    if principal is not caller and not permit_clip(hass, principal, action, clip, via=CREATE_CLIP_LINK):
        raise Unauthorized(context=call.context, user_id=principal.id if principal else None)
    user_id = principal.id if principal is not None else None
    try:
        base = get_url(hass, prefer_external=True)
    except NoURLAvailableError as err:
        raise HomeAssistantError(translation_domain=DOMAIN, translation_key="no_url") from err
    # A telephone says as little of what it decodes as the media browser does.
    spare = clip.needs_spare and not download
    lifetime: timedelta = call.data[ATTR_EXPIRES]
    try:
        path, link = mint_clip_link(hass, clip, user_id, lifetime=lifetime, download=download, spare=spare)
    except RefusedError as err:
        raise err.translate(HomeAssistantError) from err
    _tell(hass, clip, user_id)
    expires = dt_util.as_local(link.expires).isoformat()
    return {"url": f"{base}{path}", "path": path, "link_id": link.id, "expires": expires}


async def _principal(hass: HomeAssistant, call: ServiceCall, caller: User | None) -> User | None:
    """Return for whom the link is. Raises Unauthorized where somebody would make one for somebody else."""
    if (person := call.data.get(ATTR_PERSON)) is None:
        return caller
    if caller is not None and not caller.is_admin:
        raise Unauthorized(context=call.context, user_id=caller.id)
    state = hass.states.get(person)
    user_id = state.attributes.get("user_id") if state is not None and state.domain == "person" else None
    if user_id is None:
        raise ServiceValidationError(
            translation_domain=DOMAIN, translation_key="no_login", translation_placeholders={"entity_id": person}
        )
    return await user_of(hass, user_id, context=call.context)


def _tell(hass: HomeAssistant, clip: Clip, user_id: str | None) -> None:
    facts = export_desk(hass).news.facts(clip.recorder_id, clip.channel)
    what = {ATTR_USER_ID: user_id, ATTR_WHAT: "link", ATTR_CLIP_ID: clip.id, "subject": clip.title}
    shared(hass).audit.record(AuditKind.LINK_MADE, {**facts, **what})


async def revoke_clip_link(hass: HomeAssistant, call: ServiceCall) -> None:
    """End a link before its time: whose it is may, and administrators."""
    desk = export_desk(hass)
    user = await user_of(hass, call.context.user_id, context=call.context)
    link = desk.links.find(call.data[ATTR_LINK_ID])
    if link is None or not (user is None or user.is_admin or link.user_id == user.id):
        raise ServiceValidationError(translation_domain=DOMAIN, translation_key="no_link")
    desk.links.revoke(link)
    desk.async_save_soon()
