"""Constants of the Home Assistant side."""

from datetime import timedelta
from enum import StrEnum
import logging
from typing import Final

from homeassistant.const import Platform

DOMAIN: Final = "nvr"
LOGGER: Final = logging.getLogger(__package__)

PLATFORMS: Final = (
    Platform.BINARY_SENSOR,
    Platform.BUTTON,
    Platform.CAMERA,
    Platform.EVENT,
    Platform.IMAGE,
    Platform.LIGHT,
    Platform.NUMBER,
    Platform.SELECT,
    Platform.SENSOR,
    Platform.SIREN,
    Platform.SWITCH,
    Platform.UPDATE,
)

# Entry data, beside host, port, username and password.
CONF_FAMILY: Final = "family"
CONF_FINGERPRINT: Final = "fingerprint"
CONF_PLAIN_BASIC: Final = "plain_basic"
CONF_TLS: Final = "tls"

# Entry options.
CONF_ACCESS: Final = "access"
CONF_ASSIST: Final = "assist"
CONF_AUDIT_DAYS: Final = "audit_days"
CONF_CAMERA_PROFILE: Final = "camera_profile"
CONF_CLIP_DAYS: Final = "clip_days"
CONF_CLIP_SIZE: Final = "clip_size"
CONF_GRACE_TIME: Final = "grace_time"
CONF_HOLD_TIME: Final = "hold_time"
CONF_IGNORED_CHANNELS: Final = "ignored_channels"
CONF_IGNORED_DETECTIONS: Final = "ignored_detections"
CONF_PLAYBACK_SLOTS: Final = "playback_slots"
CONF_RTSP_PORT: Final = "rtsp_port"
CONF_RTSP_TRANSPORT: Final = "rtsp_transport"
CONF_TRANSCODE: Final = "transcode"
CONF_TWO_WAY_AUDIO: Final = "two_way_audio"

DEFAULT_AUDIT_DAYS: Final = 90
DEFAULT_GRACE_TIME: Final = 30
MAX_ENABLED_DETECTIONS: Final = 4
# Of one channel, that nobody asked for.
MAX_ENABLED_ENTITIES: Final = 8

EVENT_ONLINE: Final = f"{DOMAIN}_online"
EVENT_OFFLINE: Final = f"{DOMAIN}_offline"
EVENT_CHANNEL_ONLINE: Final = f"{DOMAIN}_channel_online"
EVENT_CHANNEL_OFFLINE: Final = f"{DOMAIN}_channel_offline"
EVENT_DETECTION: Final = f"{DOMAIN}_event"
EVENT_EXPORT_FAILED: Final = f"{DOMAIN}_export_failed"
EVENT_EXPORT_FINISHED: Final = f"{DOMAIN}_export_finished"
EVENT_MEDIA_ACCESSED: Final = f"{DOMAIN}_media_accessed"
EVENT_STREAM_STARTED: Final = f"{DOMAIN}_stream_started"
EVENT_STREAM_STOPPED: Final = f"{DOMAIN}_stream_stopped"

ATTR_CHANNEL: Final = "channel"
ATTR_CHANNEL_NAME: Final = "channel_name"
ATTR_CLIP_ID: Final = "clip_id"
ATTR_DIRECTION: Final = "direction"
ATTR_DOWNTIME: Final = "downtime"
ATTR_DURATION: Final = "duration"
ATTR_ENTRY_ID: Final = "entry_id"
ATTR_EVENT_ID: Final = "event_id"
ATTR_FACE: Final = "face"
ATTR_KIND: Final = "kind"
ATTR_LATE: Final = "late"
ATTR_MEDIA_CONTENT_ID: Final = "media_content_id"
ATTR_OCCURRED_AT: Final = "occurred_at"
ATTR_PHASE: Final = "phase"
ATTR_PLATE: Final = "plate"
ATTR_PORT: Final = "port"
ATTR_RAW_TYPE: Final = "raw_type"
ATTR_REASON: Final = "reason"
ATTR_RECEIVED_AT: Final = "received_at"
ATTR_REGION: Final = "region"
ATTR_RULE: Final = "rule"
ATTR_SESSION_ID: Final = "session_id"
ATTR_SINCE: Final = "since"
ATTR_TARGET: Final = "target"
ATTR_USER_ID: Final = "user_id"
ATTR_WHAT: Final = "what"

# Reading names and states of all channels costs one or two requests (performance 1: at most two a minute).
POLL_STEADY: Final = timedelta(seconds=60)
POLL_WITHOUT_EVENTS: Final = timedelta(seconds=30)
POLL_OFFLINE: Final = timedelta(seconds=20)
POLL_FAILING: Final = timedelta(seconds=8)
POLL_REFUSED: Final = timedelta(minutes=5)


class CameraProfile(StrEnum):
    """Which stream profile the enabled camera of a channel plays."""

    AUTO = "auto"
    MAIN = "main"
    SUB = "sub"
