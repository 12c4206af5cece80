"""What an export is made of and where it goes: whose right it is, which recorder, what is recorded, which folder."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import UnknownUser
from homeassistant.util import dt as dt_util

from .access import Action, authorize, user_of
from .const import CONF_TRANSCODE, DOMAIN
from .core.errors import NvrAuthError, NvrUnreachableError
from .core.models import Channel, RecordingSegment, StreamRole, TimeSpan, VideoCodec
from .core.timeline import merge
from .footage import RefusedError, channel_of, read_segments
from .hub import NvrHub
from .media.exports.models import ExportJob
from .media.exports.queue import ExportError, NotYetError
from .recording_search import TOLERANCE
from .runtime import NvrConfigEntry

# What a stream takes whose size nobody tells, in bytes per second: 6 Mbit/s.
_GUESSED_RATE: Final = 750_000
_SPARE_ROOM: Final = 1.1
# So young an end may be recorded and not yet be listed, or be listed and not yet be written.
_FRESH: Final = timedelta(minutes=2)
_LISTED_SOON: Final = 20.0


@dataclass(frozen=True, slots=True)
class Source:
    """What is exported: of which recorder and camera, and what is recorded of it."""

    entry: NvrConfigEntry
    hub: NvrHub
    channel: Channel
    segments: Sequence[RecordingSegment]
    role: StreamRole = StreamRole.MAIN

    @property
    def codecs(self) -> set[VideoCodec]:
        """What the pictures are, as far as the recorder says: of the segments, else as the channel is set up."""
        found = {segment.video for segment in self.segments} - {VideoCodec.UNKNOWN}
        profile = self.channel.profile(self.role)
        return found or ({profile.video} if profile is not None else set())

    @property
    def transcodes(self) -> bool:
        """Whether the user agreed to have pictures turned into others here."""
        return bool(self.entry.options.get(CONF_TRANSCODE))

    @property
    def listed(self) -> list[TimeSpan]:
        """What is recorded, seams closed; what is still being written ends now."""
        now = dt_util.utcnow()
        spans = (segment.span for segment in self.segments if segment.span.start < now)
        return list(merge([TimeSpan(span.start, min(span.end, now)) for span in spans], TOLERANCE))

    def reaches(self, end: datetime) -> bool:
        """Tell whether what is listed goes on up to a moment."""
        return any(span.start < end <= span.end + TOLERANCE for span in self.listed)

    def length_in(self, span: TimeSpan) -> float:
        """Return how much of a span is recorded, in seconds."""
        cuts = [listed.clip(span) for listed in self.listed]
        return sum(cut.duration.total_seconds() for cut in cuts if cut is not None)

    def size_of(self, span: TimeSpan) -> int:
        """Return about how many bytes the footage of a span is."""
        size = 0.0
        for segment in self.segments:
            cut, whole = segment.span.clip(span), segment.span.duration.total_seconds()
            if cut is not None and whole:
                rate = segment.size / whole if segment.size else _GUESSED_RATE
                size += rate * cut.duration.total_seconds()
        return round(size * _SPARE_ROOM)


async def find_source(hass: HomeAssistant, job: ExportJob, role: StreamRole = StreamRole.MAIN) -> Source:
    """Return what a job exports, if its owner still may. Raises ExportError and NvrError."""
    order = job.order
    entry: NvrConfigEntry | None = hass.config_entries.async_get_entry(order.recorder_id)
    if entry is None or entry.domain != DOMAIN:
        raise ExportError("no_recorder")
    if entry.state is not ConfigEntryState.LOADED:
        raise NvrUnreachableError("the recorder is not set up")
    hub = entry.runtime_data.hub
    try:
        channel = channel_of(hub, order.channel)
        if not await owner_may(hass, job):
            raise ExportError("not_allowed_export", camera=channel.name)
        if not hub.login_usable:
            hub.driver.guard.check()  # a lock ends, and then it is tried again
            raise NvrAuthError("the login was refused")
        fresh = is_fresh(order.span)
        if fresh and (index := hub.recordings) is not None:
            index.forget_growing(order.channel, role)
        segments = await read_segments(hub, order.channel, order.span, role=role)
    except RefusedError as err:
        raise ExportError(err.key, **err.placeholders) from err
    source = Source(entry, hub, channel, segments, role)
    if fresh and role is StreamRole.MAIN and not source.reaches(order.span.end):
        raise NotYetError("not_listed_yet", _LISTED_SOON, camera=channel.name)
    return source


def is_fresh(span: TimeSpan) -> bool:
    """Tell whether the end of a span was recorded so lately that the recorder may not have written it yet."""
    return dt_util.utcnow() - span.end < _FRESH


async def owner_may(hass: HomeAssistant, job: ExportJob) -> bool:
    """Tell whether whoever ordered an export still may."""
    entry: NvrConfigEntry | None = hass.config_entries.async_get_entry(job.order.recorder_id)
    if entry is None:
        return False
    try:
        user = await user_of(hass, job.order.owner)
    except UnknownUser:
        return False
    if entry.state is not ConfigEntryState.LOADED:
        return True  # nothing can be said of his right now, and nothing is read
    return authorize(hass, user, Action.EXPORT, entry, job.order.channel)


def own_folder(hass: HomeAssistant) -> Path:
    """Return the folder of ours. Its name and those in it begin with a dot.

    Home Assistant shows every file below its media folders to every user; what begins with a dot it leaves out.
    """
    folders = hass.config.media_dirs
    base = folders.get("local") or next(iter(folders.values()), hass.config.path("media"))
    return Path(base) / f".{DOMAIN}"


def resolve_folder(hass: HomeAssistant, folder: str) -> Path:
    """Return the folder that is meant: a name without a root is one in the local media folder."""
    path = Path(folder)
    return path if path.is_absolute() else own_folder(hass).parent / path


def is_allowed(hass: HomeAssistant, folder: Path) -> bool:
    """Tell whether exports may be written there: in the media folders, and where Home Assistant allows it. Blocks."""
    try:
        wanted = folder.resolve()
        if any(wanted.is_relative_to(Path(base).resolve()) for base in hass.config.media_dirs.values()):
            return True
        return folder.is_absolute() and hass.config.is_allowed_path(str(wanted / "clip.mp4"))
    except OSError, RuntimeError:
        return False
