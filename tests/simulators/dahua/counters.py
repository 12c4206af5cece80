"""What the simulated recorder counted, so that tests can hold a client to its budgets (dahua-cgi 19, item 21)."""

from collections import Counter
from dataclasses import dataclass, field, fields

# What is going on now, as against what has happened so far.
_PRESENT = frozenset(
    {"active", "rpc_sessions", "finders_open", "event_streams_active", "transfers_active", "snapshots_active"}
)


@dataclass(slots=True)
class Counters:
    """Numbers since the start or the last `reset`. `by_call` names CGI calls "magicBox.cgi?getSerialNo"."""

    requests: int = 0
    by_call: Counter[str] = field(default_factory=Counter)
    by_method: Counter[str] = field(default_factory=Counter)
    by_status: Counter[int] = field(default_factory=Counter)
    connections: int = 0
    refused_connections: int = 0
    pipelined: int = 0
    expectations: int = 0
    bytes_in: int = 0
    bytes_out: int = 0
    active: int = 0
    max_active: int = 0
    unauthorized: int = 0
    auth_failures: int = 0
    stale_nonces: int = 0
    lockouts: int = 0
    logins: int = 0
    logouts: int = 0
    rpc_calls: int = 0
    rpc_errors: int = 0
    rpc_sessions: int = 0
    max_rpc_sessions: int = 0
    finders_open: int = 0
    max_finders_open: int = 0
    finders_made: int = 0
    search_pages: int = 0
    search_items: int = 0
    snapshots: int = 0
    snapshots_active: int = 0
    max_snapshots_active: int = 0
    transfers: int = 0
    transfers_active: int = 0
    max_transfers_active: int = 0
    transfers_aborted: int = 0
    event_streams: int = 0
    event_streams_active: int = 0
    events: int = 0
    writes: int = 0
    reboots: int = 0
    audio_outages: int = 0

    def reset(self) -> None:
        """Zero everything but what is going on now."""
        for item in fields(self):
            if item.name in _PRESENT:
                continue
            value = getattr(self, item.name)
            if isinstance(value, Counter):
                value.clear()
            else:
                setattr(self, item.name, 0)

    def snapshot(self) -> dict[str, object]:
        """Return plain values that JSON can carry."""
        result: dict[str, object] = {}
        for item in fields(self):
            value = getattr(self, item.name)
            result[item.name] = {str(k): v for k, v in value.items()} if isinstance(value, Counter) else value
        return result
