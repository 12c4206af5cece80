"""What a recorder can do, learned once at connect: typed facts, never flags by name or model."""

from dataclasses import dataclass, field

from .models import EventKind, RecordingKind


@dataclass(frozen=True, slots=True)
class GateWidths:
    """How many requests of each lane may be under way at once on one recorder (hikvision-isapi 2.5)."""

    control: int = 3
    search: int = 1
    download: int = 1
    snapshot: int = 2
    # A stop must not wait behind what is slow, nor pass the motion it ends.
    ptz: int = 1


@dataclass(frozen=True, slots=True)
class RecorderCapabilities:
    """Facts about one recorder. `search_page` is the number of items asked for per page.

    `rtsp` False: it is switched off there, and nothing plays; None where the recorder does not say.
    """

    gates: GateWidths = GateWidths()
    playback_sessions: int = 4
    search_page: int = 40
    search_kinds: frozenset[RecordingKind] = frozenset()
    event_kinds: frozenset[EventKind] = frozenset()
    sub_track: bool = False
    playback_speeds: tuple[float, ...] = (1.0,)
    download_by_time: bool | None = None
    download_by_name: bool | None = None
    range: bool = False
    keep: bool = False
    size_known: bool = False
    event_history: bool = False
    rtsp: bool | None = None
    alarm_inputs: int = 0
    alarm_outputs: int = 0
    notes: tuple[str, ...] = field(default=())
