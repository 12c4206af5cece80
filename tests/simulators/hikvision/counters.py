"""What the simulated recorder counted, so that tests can hold a client to its budgets (hikvision-isapi 19, item 20)."""

from collections import Counter
from dataclasses import dataclass, field, fields


@dataclass(slots=True)
class Counters:
    """Numbers since the start or the last `reset`."""

    requests: int = 0
    by_path: Counter[str] = field(default_factory=Counter)
    by_status: Counter[int] = field(default_factory=Counter)
    unauthorized: int = 0
    auth_failures: int = 0
    stale_nonces: int = 0
    lockouts: int = 0
    busy: int = 0
    active: int = 0
    max_active: int = 0
    connections: int = 0
    pipelined: int = 0
    expectations: int = 0
    bytes_in: int = 0
    bytes_out: int = 0
    searches: int = 0
    search_pages: int = 0
    search_items: int = 0
    searches_active: int = 0
    max_searches_active: int = 0
    snapshots: int = 0
    downloads: int = 0
    downloads_active: int = 0
    alert_streams: int = 0
    alert_streams_active: int = 0
    events: int = 0
    events_unlinked: int = 0
    posts: int = 0
    post_failures: int = 0
    reboots: int = 0
    writes: int = 0

    def reset(self) -> None:
        """Zero everything but what is going on now."""
        for item in fields(self):
            if item.name.endswith("active") and not item.name.startswith("max"):
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
