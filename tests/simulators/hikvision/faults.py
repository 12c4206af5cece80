"""Everything a test may switch while the simulator runs, in groups; the control port sets the same by dotted name."""

from dataclasses import dataclass, field

from ..switches import PathFault
from ..webserver import ServerPolicy
from .auth import AuthPolicy


@dataclass(slots=True)
class DocumentFaults:
    """How documents are spelled, over the profile's own way (None: as the profile)."""

    namespace: str | None = None
    encoding: str | None = None
    raw_ampersand: bool = False
    newline_numbers: bool = False
    lying_size: int | None = None
    opt_attributes: bool | None = None
    byte_order_mark: bool = False
    missing_online: bool = False
    prefix: str = "isapi"
    redirect_https: bool = False
    streaming_list: bool | None = None
    rtsp_off: bool = False
    channel_events: bool | None = None


@dataclass(slots=True)
class ClockFaults:
    """How the clock is told: suffix right | standard (also in summer) | none; fixed = a dead clock's text.

    `mode`: who keeps it, NTP | manual; a clock that NTP keeps ignores the time it is given when `kept`.
    """

    mode: str = "NTP"
    kept: bool = True
    suffix: str = "right"
    zone_text: str | None = None
    fixed: str | None = None


@dataclass(slots=True)
class LoadFaults:
    """Speed and capacity of the web server. `latency_ms` None: the profile's small default."""

    latency_ms: float | None = None
    scale: float = 1.0
    real: bool = False
    spikes: float = 0.0
    workers: int = 4
    wait: float = 5.0
    busy: bool = False


@dataclass(slots=True)
class SearchFaults:
    """Dialects and failures of ContentMgmt/search (hikvision-isapi 19, item 12).

    `mode`: what Z means, utc | local; `playback_mode`: the same for playback addresses and RTSP, where it differs.
    """

    mode: str = "local"
    playback_mode: str | None = None
    page_cap: int = 64
    total_cap: int = 4000
    position: str = "both"
    strict_uuid: bool = True
    matches: str = "page"
    unknown_track: str = "error"
    window_limit: float = 0.0
    more_empty: bool = False
    types: str = "filter"
    status: int = 0
    uri_host: str | None = None
    uri_port: str = "own"
    uri_break: bool = False
    uri_slash: bool = True
    concurrency: int = 1
    when_busy: str = "wait"
    handles: int = 16
    handle_life: float = 60.0
    strict_handles: bool = False
    retention_shift: int = 0
    latency_ms: float = 0.0
    namespace: str | None = None
    suffix: str = "Z"
    status_tag: str = "responseStatusStrg"
    calendar: str = "ok"
    calendar_empty: bool = False
    calendar_too_long: bool = False
    sub_tracks: bool = False


@dataclass(slots=True)
class DownloadFaults:
    """Dialects and failures of ContentMgmt/download (item 14). The next `drops` end before their first byte."""

    verbs: str = "get,post,query"
    by_name: bool = True
    by_time: bool = False
    need_size: bool = True
    whole_file: bool = True
    container: str = "imkh"
    length: bool = True
    fail_soon: float = 0.0
    ok_status: int = 0
    trickle: bool = False
    cut_after: int = 0
    drops: int = 0
    first_byte: float = 0.0
    rate: float = 0.0
    concurrency: int = 1
    status: int = 0


@dataclass(slots=True)
class SnapshotFaults:
    """Failures of stills: ok | badXmlContent | deviceError | lowPrivilege | empty | garbage; `count` 0 = always."""

    mode: str = "ok"
    as_ok: bool = False
    count: int = 0
    by_proxy: bool | None = None
    refuse_query: bool = False
    latency_ms: float = 0.0
    open: bool = False


@dataclass(slots=True)
class AlertFaults:
    """Shape and failures of alertStream (item 16). `boundary`: plain | angle | quoted | dashes | missing."""

    boundary: str = "plain"
    crlf: bool = False
    lf_only: bool = False
    blank_lines: int = 0
    transfer: str = "raw"
    heartbeat: float = 10.0
    heartbeat_first: bool = True
    heartbeat_channel: int | None = None
    vmd_count: str = "index"
    vmd_period: float = 1.0
    vmd_inactive: bool | None = None
    length_error: int = 0
    no_length: bool = False
    split: int = 0
    replay: int = 0
    silent: bool = False
    status: int = 0
    limit: int = 4
    enforce_center: bool = True


@dataclass(slots=True)
class Faults:
    """All switches. `paths` maps path patterns (fnmatch, `*`) to what happens to them."""

    auth: AuthPolicy = field(default_factory=AuthPolicy)
    server: ServerPolicy = field(default_factory=ServerPolicy)
    documents: DocumentFaults = field(default_factory=DocumentFaults)
    clock: ClockFaults = field(default_factory=ClockFaults)
    load: LoadFaults = field(default_factory=LoadFaults)
    search: SearchFaults = field(default_factory=SearchFaults)
    download: DownloadFaults = field(default_factory=DownloadFaults)
    snapshot: SnapshotFaults = field(default_factory=SnapshotFaults)
    alerts: AlertFaults = field(default_factory=AlertFaults)
    paths: dict[str, PathFault] = field(default_factory=dict)
    disk: str = "ok"
    rights: frozenset[str] | None = None
