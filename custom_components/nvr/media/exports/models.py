"""What is exported, by whom, how far it is, and what came of it. Values, and plain JSON of them; all times are UTC."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime
from enum import StrEnum
from typing import Any, Self, cast

from ...core.models import TimeSpan


class ExportFormat(StrEnum):
    """What is written: the recorder's own files, an MP4 with its pictures as they are, or one that plays everywhere."""

    ORIGINAL = "original"
    MP4 = "mp4"
    H264 = "h264"


class JobState(StrEnum):
    """Where a job is; `waiting` is before its first try, and between two."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class ExportOrder:
    """What somebody asked for. `owner` None is Home Assistant itself; `folder` None is ours.

    `clip`: a clip that gets a version that plays everywhere, instead of a new one.
    """

    id: str
    recorder_id: str
    channel: int
    span: TimeSpan
    format: ExportFormat
    owner: str | None
    created: datetime
    folder: str | None = None
    title: str | None = None
    clip: str | None = None


@dataclass(slots=True)
class ExportJob:
    """An order under way. `covered` and `total` in seconds of footage, `since` monotonic: when this try began."""

    order: ExportOrder
    state: JobState = JobState.WAITING
    attempts: int = 0
    not_before: datetime | None = None
    reason: str | None = None
    details: dict[str, str] = field(default_factory=dict)
    clips: list[str] = field(default_factory=list)
    ended: datetime | None = None
    covered: float = 0.0
    total: float = 0.0
    written: int = 0
    since: float | None = None

    @property
    def active(self) -> bool:
        """Whether it is still to be done."""
        return self.state in {JobState.WAITING, JobState.RUNNING}

    @property
    def fraction(self) -> float:
        """How much of it is done, from 0 to 1."""
        if self.state is JobState.DONE:
            return 1.0
        return min(self.covered / self.total, 0.999) if self.total else 0.0

    def left(self, now: float) -> float | None:
        """Return how many seconds it will still take, if that can be told; `now` is monotonic."""
        if self.state is not JobState.RUNNING or self.since is None or not self.covered or now <= self.since:
            return None
        return (self.total - self.covered) * (now - self.since) / self.covered

    def to_json(self) -> dict[str, Any]:
        """Return what outlives a restart."""
        order = asdict(self.order)
        order["span"] = _span(self.order.span)
        order["created"] = self.order.created.isoformat()
        return {
            "order": order,
            "state": (JobState.WAITING if self.active else self.state).value,
            "attempts": self.attempts,
            "not_before": _text(self.not_before),
            "reason": self.reason,
            "details": self.details,
            "clips": self.clips,
            "ended": _text(self.ended),
        }

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Self:
        """Return a job as it was; raises KeyError, TypeError or ValueError for what we did not write."""
        order = _known(ExportOrder, raw["order"])
        order["span"] = _read_span(order["span"])
        order["format"] = ExportFormat(order["format"])
        order["created"] = datetime.fromisoformat(order["created"])
        return cls(
            ExportOrder(**order),
            JobState(raw["state"]),
            int(raw["attempts"]),
            _moment(raw["not_before"]),
            raw["reason"],
            dict(raw["details"]),
            list(raw["clips"]),
            _moment(raw["ended"]),
        )


@dataclass(frozen=True, slots=True)
class Clip:
    """One finished export. `span` is what was asked for, `gaps` what of it the recorder had no footage of.

    `length` (s) is what plays. `codec` is the RFC 6381 name of its pictures, empty for what no browser plays;
    `spare` a version of it that plays everywhere, beside it.
    """

    id: str
    recorder_id: str
    channel: int
    camera: str
    title: str
    span: TimeSpan
    created: datetime
    owner: str | None
    path: str
    size: int
    mime: str
    codec: str = ""
    width: int = 0
    height: int = 0
    length: float = 0.0
    sound: bool = False
    keep: bool = False
    gaps: tuple[TimeSpan, ...] = ()
    spare: str | None = None
    spare_size: int = 0

    @property
    def bytes(self) -> int:
        """What it takes of the disk, its version that plays everywhere included."""
        return self.size + self.spare_size

    @property
    def needs_spare(self) -> bool:
        """Whether its pictures do not play everywhere and those of its spare do."""
        return self.spare is not None and not self.codec.startswith("avc1")

    def to_json(self) -> dict[str, Any]:
        """Return what outlives a restart."""
        values = asdict(self)
        gaps = [_span(gap) for gap in self.gaps]
        return {**values, "span": _span(self.span), "created": self.created.isoformat(), "gaps": gaps}

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Self:
        """Return a clip as it was; raises KeyError, TypeError or ValueError for what we did not write."""
        values = _known(cls, raw)
        values["span"] = _read_span(values["span"])
        values["created"] = datetime.fromisoformat(values["created"])
        values["gaps"] = tuple(_read_span(gap) for gap in values["gaps"])
        return cls(**values)


def _span(span: TimeSpan) -> list[str]:
    return [span.start.isoformat(), span.end.isoformat()]


def _read_span(raw: list[str]) -> TimeSpan:
    start, end = raw
    return TimeSpan(datetime.fromisoformat(start), datetime.fromisoformat(end))


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _known(kind: type[Any], raw: Mapping[str, Any]) -> dict[str, Any]:
    """Keep what this version knows: an older one may read what a newer one wrote."""
    names = {item.name for item in fields(cast("Any", kind))}
    return {key: value for key, value in raw.items() if key in names}
