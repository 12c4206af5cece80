"""Pictures on disk: bounded in size and age, the one unused for longest goes first, and nothing of a removed recorder.

A file tells all about itself by its name, `<recorder>/<channel>-<kind>-<moment>-<width>-<recorded>.jpg` in
milliseconds since 1970, so that a restart needs only to list the folder. Writing, reading and removing block and run
in the engine's threads; the list of what there is belongs to the event loop.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
import re
import shutil
import time

from ..pool import WorkPool

MAX_BYTES = 128 * 1024 * 1024
MAX_AGE = 7 * 24 * 3600.0
_NAME = re.compile(r"(\d{1,5})-([ke])-(\d{1,15})-(\d{1,5})-(\d{1,15})\.jpg", re.ASCII)
_RECORDER = re.compile(r"[0-9A-Za-z_-]{1,64}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Key:
    """Which picture: `moment` in milliseconds since 1970; `exact` is the very frame, else the key picture of its slot.

    `width` 0 is the size it was recorded in.
    """

    recorder_id: str
    channel: int
    moment: int
    width: int
    exact: bool = False


@dataclass(frozen=True, slots=True)
class Picture:
    """A JPEG, and when its picture was recorded, in milliseconds since 1970."""

    jpeg: bytes = field(repr=False)
    recorded: int


@dataclass(slots=True)
class _Kept:
    path: Path
    size: int
    made: float
    recorded: int


class PictureStore:
    """All pictures of all recorders. `now` is in seconds since 1970."""

    def __init__(
        self,
        folder: Path,
        pool: WorkPool,
        recorders: Callable[[], Collection[str]],
        *,
        max_bytes: int = MAX_BYTES,
        max_age: float = MAX_AGE,
        now: Callable[[], float] = time.time,
    ) -> None:
        """Nothing is read before `load`; `recorders` tells which recorders there are."""
        self._folder = folder
        self._pool = pool
        self._recorders = recorders
        self._max_bytes = max_bytes
        self._max_age = max_age
        self._now = now
        self._kept: OrderedDict[Key, _Kept] = OrderedDict()
        self._size = 0
        self._loaded = False
        self._loading = asyncio.Lock()
        self._removed: set[str] = set()

    @property
    def size(self) -> int:
        """How many bytes are kept."""
        return self._size

    async def load(self) -> None:
        """Read what an earlier run left, once; what it left of recorders that are gone is removed."""
        async with self._loading:
            if self._loaded:
                return
            found = await self._pool.run(_scan, self._folder, self._recorders())
            self._loaded = True
            for key, kept in found:
                if key not in self._kept and key.recorder_id not in self._removed:
                    self._kept[key] = kept
                    self._size += kept.size
            await self._drop()

    def recorded(self, key: Key) -> int | None:
        """Return when the picture was recorded, if it is kept; asks no disk."""
        kept = self._kept.get(key)
        return None if kept is None or self._is_old(kept) else kept.recorded

    async def get(self, key: Key) -> Picture | None:
        """Return a picture that is kept."""
        kept = self._kept.get(key)
        if kept is None or self._is_old(kept):
            return None
        self._kept.move_to_end(key)
        try:
            data = await self._pool.run(kept.path.read_bytes)
        except OSError:
            self._forget(key)
            return None
        return Picture(data, kept.recorded)

    async def put(self, key: Key, picture: Picture) -> None:
        """Keep a picture, and drop those that are too old or too many. A disk that is full keeps nothing."""
        if not _RECORDER.fullmatch(key.recorder_id) or key.recorder_id in self._removed:
            return
        path = self._folder / key.recorder_id / _name(key, picture.recorded)
        try:
            await self._pool.run(_write, path, picture.jpeg)
        except OSError:
            return
        if key.recorder_id in self._removed:  # meanwhile
            await self._pool.run(_remove_folder, self._folder, key.recorder_id)
            return
        before = self._forget(key, but=path)
        self._kept[key] = _Kept(path, len(picture.jpeg), self._now(), picture.recorded)
        self._size += len(picture.jpeg)
        await self._drop(before)

    async def remove(self, recorder_id: str) -> None:
        """Remove all pictures of a recorder, for good."""
        self._removed.add(recorder_id)
        for key in [key for key in self._kept if key.recorder_id == recorder_id]:
            self._forget(key)
        await self._pool.run(_remove_folder, self._folder, recorder_id)

    def _is_old(self, kept: _Kept) -> bool:
        return self._now() - kept.made >= self._max_age

    def _forget(self, key: Key, *, but: Path | None = None) -> Path | None:
        """Take a picture off the list; returns the file that is to be removed."""
        if (kept := self._kept.pop(key, None)) is None:
            return None
        self._size -= kept.size
        return None if kept.path == but else kept.path

    async def _drop(self, replaced: Path | None = None) -> None:
        """Remove what is too old, and of the rest what was unused for longest while there is too much."""
        gone = [replaced] + [self._forget(key) for key, kept in list(self._kept.items()) if self._is_old(kept)]
        while self._size > self._max_bytes and len(self._kept) > 1:
            gone.append(self._forget(next(iter(self._kept))))
        if paths := [path for path in gone if path is not None]:
            await self._pool.run(_remove_files, paths)


def _name(key: Key, recorded: int) -> str:
    kind = "e" if key.exact else "k"
    return f"{key.channel}-{kind}-{key.moment}-{key.width}-{recorded}.jpg"


def _scan(folder: Path, recorders: Collection[str]) -> list[tuple[Key, _Kept]]:
    """Return what is there, oldest first; what is no picture of ours, or half written, is removed."""
    found: list[tuple[Key, _Kept]] = []
    with suppress(OSError):
        for entry in list(folder.iterdir()):
            if entry.name not in recorders:
                _remove_folder(folder, entry.name)
                continue
            found += _scan_recorder(entry)
    return sorted(found, key=lambda pair: pair[1].made)


def _scan_recorder(folder: Path) -> Iterator[tuple[Key, _Kept]]:
    with suppress(OSError):
        for path in list(folder.iterdir()):
            told = _NAME.fullmatch(path.name)
            if told is None:
                path.unlink()
                continue
            key = Key(folder.name, int(told[1]), int(told[3]), int(told[4]), told[2] == "e")
            status = path.stat()
            yield key, _Kept(path, status.st_size, status.st_mtime, int(told[5]))


def _write(path: Path, data: bytes) -> None:
    """Write a file that is there wholly or not at all; only Home Assistant's user may read it."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    half = path.with_suffix(".half")
    try:
        half.write_bytes(data)
        half.replace(path)
    except OSError:
        half.unlink(missing_ok=True)
        raise


def _remove_files(paths: Collection[Path]) -> None:
    for path in paths:
        with suppress(OSError):
            path.unlink(missing_ok=True)


def _remove_folder(folder: Path, name: str) -> None:
    if _RECORDER.fullmatch(name):
        shutil.rmtree(folder / name, ignore_errors=True)
