"""Everything a test may switch while the simulator runs, in groups; the control port sets the same by dotted name."""

from dataclasses import dataclass, field, fields, is_dataclass
from enum import Enum
from typing import Any

from .auth import AuthPolicy
from .webserver import ServerPolicy


@dataclass(slots=True)
class PathFault:
    """What happens to requests whose path matches a pattern, `count` times (0: always).

    `kind`: status (a ResponseStatus), ok-status (the same under HTTP 200), html, empty, garbage, truncated, doctype,
    body (`body`, as latin-1, in place of the document), drop (connection reset), hang.
    """

    kind: str = "status"
    status: int = 403
    code: int = 4
    sub: str = "notSupport"
    count: int = 0
    delay: float = 0.0
    method: str = ""
    body: str = ""


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
    channel_events: bool | None = None


@dataclass(slots=True)
class ClockFaults:
    """How the clock is told: suffix right | standard (also in summer) | none; fixed = a dead clock's text."""

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
    codec: str = "recorded"
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


def apply(faults: object, changes: dict[str, Any]) -> None:
    """Set switches by dotted name, e.g. {"search.page_cap": 40}. Raises ValueError for an unknown one."""
    for name, value in changes.items():
        *groups, last = name.split(".", 1) if not name.startswith("paths.") else ("paths", name[6:])
        target = faults
        for group in groups:
            target = getattr(target, group, None)
        if isinstance(target, dict):
            if value is None:
                target.pop(last, None)
            else:
                target[last] = PathFault(**value)
            continue
        if not is_dataclass(target) or last not in {item.name for item in fields(target)}:
            msg = f"no such switch: {name}"
            raise ValueError(msg)
        setattr(target, last, _fit(getattr(target, last), value))


def describe(faults: object) -> dict[str, object]:
    """Return all switches as plain values."""
    result: dict[str, object] = {}
    if not is_dataclass(faults):
        return result
    for item in fields(faults):
        value = getattr(faults, item.name)
        if is_dataclass(value):
            result[item.name] = describe(value)
        elif isinstance(value, dict):
            result[item.name] = {key: describe(one) for key, one in value.items()}
        else:
            result[item.name] = sorted(value) if isinstance(value, frozenset) else value
    return result


def _fit(old: object, value: object) -> object:
    """Turn a JSON value into the type the switch has."""
    if isinstance(old, Enum):
        return type(old)(value)
    if isinstance(old, bool):
        return bool(value)
    if isinstance(old, float) and isinstance(value, int | float):
        return float(value)
    if isinstance(value, list):
        return frozenset(value)
    return value
