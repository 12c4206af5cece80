"""The clips there are, and which of them have to go."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from .models import Clip


@dataclass(frozen=True, slots=True)
class Retention:
    """How long clips of a recorder are kept, and how much room they may take (bytes); None is without a limit."""

    days: int | None = None
    size: int | None = None


def outdated(clips: Iterable[Clip], rules: Mapping[str, Retention], now: datetime) -> list[Clip]:
    """Return the clips to delete, oldest first; those that are kept for ever are neither deleted nor counted. Pure.

    Clips of a recorder without a rule stay.
    """
    gone: list[Clip] = []
    by_recorder: dict[str, list[Clip]] = {}
    for clip in clips:
        if not clip.keep:
            by_recorder.setdefault(clip.recorder_id, []).append(clip)
    for recorder_id, found in by_recorder.items():
        rule = rules.get(recorder_id, Retention())
        room = rule.size
        for clip in sorted(found, key=lambda clip: clip.created, reverse=True):
            old = rule.days is not None and now - clip.created > timedelta(days=rule.days)
            if old or (room is not None and room < clip.bytes):
                gone.append(clip)
            elif room is not None:
                # One that goes takes no room: a single clip that is too large does not drive out all the others.
                room -= clip.bytes
    return sorted(gone, key=lambda clip: clip.created)


class ClipLibrary:
    """All clips, by their ids."""

    def __init__(self) -> None:
        """Know none yet."""
        self._clips: dict[str, Clip] = {}

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._clips)

    def all(self) -> list[Clip]:
        """Return them, the newest footage first."""
        return sorted(self._clips.values(), key=lambda clip: (clip.span.start, clip.created), reverse=True)

    def get(self, clip_id: str) -> Clip | None:
        """Return a clip."""
        return self._clips.get(clip_id)

    def put(self, clip: Clip) -> None:
        """Take a clip, or what has become of one."""
        self._clips[clip.id] = clip

    def change(self, clip_id: str, *, title: str | None = None, keep: bool | None = None) -> Clip:
        """Rename a clip, or keep it for ever, or no longer; raises KeyError."""
        clip = self._clips[clip_id]
        clip = replace(clip, title=clip.title if title is None else title, keep=clip.keep if keep is None else keep)
        self._clips[clip_id] = clip
        return clip

    def remove(self, clip_id: str) -> None:
        """Forget a clip."""
        self._clips.pop(clip_id, None)


def files_of(clip: Clip) -> list[Path]:
    """Return the files of a clip."""
    return [Path(clip.path), *([Path(clip.spare)] if clip.spare else [])]


def delete_files(clip: Clip) -> None:
    """Remove the files of a clip; one that is gone already is no failure. Blocks; raises OSError."""
    for path in files_of(clip):
        path.unlink(missing_ok=True)


def vanished(clips: Iterable[Clip]) -> set[str]:
    """Return the clips whose file is not there, or is not what was written. Blocks."""
    return {clip.id for clip in clips if not is_there(clip)}


def is_there(clip: Clip) -> bool:
    """Tell whether the file of a clip is there and whole. Blocks."""
    try:
        return Path(clip.path).stat().st_size == clip.size
    except OSError:
        return False
