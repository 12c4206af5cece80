"""Everything a test may switch while the Dahua simulator runs, in groups; the control port sets the same by name."""

from dataclasses import dataclass, field

from ..switches import PathFault
from ..webserver import ServerPolicy
from .auth import AuthPolicy
from .footage_faults import DhavFaults, FileFaults, FindFaults, LoadfileFaults, PlaybackFaults


@dataclass(slots=True)
class HttpFaults:
    """How the web server behaves (dahua-cgi 2.1). None: as the profile.

    `connection_limit`: open connections above it are answered 401. `redirect_https`: plain requests are answered 302.
    `strict_action`: `action` must come first in the query.
    """

    close_always: bool | None = None
    odd_heads: bool | None = None
    connection_limit: int = 20
    redirect_https: bool = False
    strict_action: bool = True
    cgi_gone: bool = False


@dataclass(slots=True)
class LoadFaults:
    """How long a request takes, in milliseconds."""

    latency_ms: float = 2.0
    snapshot_ms: float = 20.0


@dataclass(slots=True)
class ConfigFaults:
    """Dialect and failures of configManager. `missing` None: as the profile, else "400", "501" or "200".

    `rtsp_off`: the table says so; the port is served all the same.
    """

    missing: str | None = None
    read_only: bool = False
    rtsp_off: bool = False


@dataclass(slots=True)
class ClockFaults:
    """How the clock is told: `label` None as the profile, else iana | city | index; `fixed` = a dead clock's text."""

    label: str | None = None
    fixed: str | None = None


@dataclass(slots=True)
class ChannelFaults:
    """What LogicDeviceManager says. `state`: None as the profile, else all | ragged (some entries lack the state)."""

    state: str | None = None
    connected_word: str = "Connected"
    needs_instance: bool = False


@dataclass(slots=True)
class RpcFaults:
    """RPC2. `encryption` of the challenge; `idle_seconds` of an idle session; `api_header` must be sent when set."""

    encryption: str = "Default"
    idle_seconds: float = 75.0
    keep_alive: int = 60
    session_limit: int = 20
    api_header: bool = False
    int_session: bool | None = None
    null_handle: bool = False
    request_limit: int = 17_000
    gone: bool = False
    busy: bool = False
    bind_peer: bool = True


@dataclass(slots=True)
class EventFaults:
    """The event stream (dahua-cgi 12.1; 19, item 15).

    `length`: exact | plus2 | oversized | missing | nospace. `blank_lines` after each part. `split`: bytes per TCP
    write, 0 whole. `long_codes`: None as the profile, else take | 400 | 500 | trim. `life`: seconds until the stream
    closes, None as the profile. `data`: whole | truncated | null | none | tricky (braces and semicolons in strings).
    """

    boundary: str = "myboundary"
    heartbeat: float | None = None
    length: str = "exact"
    blank_lines: int = 1
    first_blank: bool = False
    extra_header: bool = False
    split: int = 0
    long_codes: str | None = None
    refuse_all: bool = False
    life: float | None = None
    data: str = "whole"
    silent: bool = False
    status: int = 0
    limit: int = 8
    lose_stops: bool = False
    no_indexes: bool = False


@dataclass(slots=True)
class SnapshotFaults:
    """Stills: ok | 400 | empty | garbage | short | held (as short, and it stays open); `count` 0 = always.

    `base` is the number of the first channel; `zero_too` takes 0 for it besides.
    """

    mode: str = "ok"
    count: int = 0
    base: int = 1
    zero_too: bool = False


@dataclass(slots=True)
class StorageFaults:
    """Disks: `mode` ok | none (answers 400) | error (State=Error) | partition (one IsError=true) | missing."""

    mode: str = "ok"


@dataclass(slots=True)
class Faults:
    """All switches. `paths` maps patterns of "path?action" or RPC methods (fnmatch, `*`) to what happens to them."""

    auth: AuthPolicy = field(default_factory=AuthPolicy)
    server: ServerPolicy = field(default_factory=ServerPolicy)
    http: HttpFaults = field(default_factory=HttpFaults)
    load: LoadFaults = field(default_factory=LoadFaults)
    config: ConfigFaults = field(default_factory=ConfigFaults)
    clock: ClockFaults = field(default_factory=ClockFaults)
    channels: ChannelFaults = field(default_factory=ChannelFaults)
    rpc: RpcFaults = field(default_factory=RpcFaults)
    events: EventFaults = field(default_factory=EventFaults)
    snapshot: SnapshotFaults = field(default_factory=SnapshotFaults)
    storage: StorageFaults = field(default_factory=StorageFaults)
    find: FindFaults = field(default_factory=FindFaults)
    loadfile: LoadfileFaults = field(default_factory=LoadfileFaults)
    file: FileFaults = field(default_factory=FileFaults)
    dhav: DhavFaults = field(default_factory=DhavFaults)
    playback: PlaybackFaults = field(default_factory=PlaybackFaults)
    paths: dict[str, PathFault] = field(default_factory=dict)
    without: frozenset[str] = frozenset()
    rights: frozenset[str] | None = None
