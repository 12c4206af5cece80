"""Where exports are written: under a name nobody takes for a film until it is one. Everything here blocks."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Set as AbstractSet
from contextlib import suppress
import errno
import os
from pathlib import Path
import shutil
from typing import BinaryIO, Final

from ..pool import WorkPool

_HELD = 1 << 20

UNFINISHED: Final = ".nvr-part"
RESERVE: Final = 256 * 1024 * 1024
"""What is left free of a disk: Home Assistant itself may live there."""
LOOK_EVERY: Final = 64 << 20
"""How much is written before the disk is looked at again, in bytes."""


class DiskFullError(OSError):
    """There is not enough room; `needed` and `free` in bytes."""

    def __init__(self, needed: int, free: int) -> None:
        """Keep both figures."""
        super().__init__(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self.needed = needed
        self.free = free


def free_space(folder: Path) -> int:
    """Return the free bytes of the disk a folder is on, or will be; raises OSError."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return shutil.disk_usage(folder).free


def require_space(folder: Path, needed: int) -> None:
    """Raise DiskFullError unless so many bytes fit, and the reserve stays; raises OSError."""
    free = free_space(folder)
    if free < needed + RESERVE:
        raise DiskFullError(needed, max(0, free - RESERVE))


def unfinished(target: Path) -> Path:
    """Return what a film is called while it is made."""
    return target.with_name(f".{target.name.lstrip('.')}{UNFINISHED}")


def prepare(target: Path) -> Path:
    """Make the folder and return the name to write to; what an earlier try left there goes. Raises OSError."""
    target.parent.mkdir(parents=True, exist_ok=True)
    name = unfinished(target)
    discard(name)
    return name


def publish(name: Path, target: Path) -> None:
    """Give a finished film its name, in one step. Raises OSError; another file is never overwritten."""
    if target.exists():
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(target))
    name.replace(target)
    with suppress(OSError):  # some shares cannot sync a folder
        descriptor = os.open(target.parent, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def discard(name: Path) -> None:
    """Remove what is not wanted any more, and what was being made of it; raises OSError."""
    for path in (name, name.with_name(name.name + "2")):
        path.unlink(missing_ok=True)


def withdraw(name: Path, target: Path) -> None:
    """Remove what was made, whether it has got its name or not; another file of that name stays. Raises OSError."""
    if not name.exists():
        target.unlink(missing_ok=True)
    discard(name)


async def save(name: Path, chunks: AsyncIterator[bytes], pool: WorkPool, progress: Callable[[int], None]) -> int:
    """Write what comes to a new file, for good, and return its size; `progress` hears each count of bytes.

    Raises OSError, DiskFullError before the reserve is used up, and what the chunks raise.
    """
    file = await _opened(name, pool)
    waiting: list[bytes] = []
    held = size = looked = 0
    try:
        async for chunk in chunks:
            waiting.append(chunk)
            held += len(chunk)
            if held < _HELD:
                continue
            await pool.run(_write, file, b"".join(waiting))
            progress(held)
            size, held, waiting = size + held, 0, []
            if size - looked >= LOOK_EVERY:
                looked = size
                await pool.run(require_space, name.parent, 0)
        await pool.run(_write, file, b"".join(waiting))
        await pool.run(_have_on_disk, file, size + held)
    finally:
        # Whatever is still being written into it is written first: there is one thread.
        await asyncio.shield(pool.run(file.close))
    return size + held


def _write(file: BinaryIO, data: bytes) -> None:
    """Write all of it: what is not buffered may take less at a time than it was given."""
    rest = memoryview(data)
    while rest:
        rest = rest[file.write(rest) :]


async def _opened(name: Path, pool: WorkPool) -> BinaryIO:
    """Open a new file; whoever is cancelled leaves none open."""
    opening = asyncio.ensure_future(pool.run(name.open, "xb", 0))
    try:
        return await asyncio.shield(opening)
    except asyncio.CancelledError:
        with suppress(OSError):
            (await opening).close()
        raise


def _have_on_disk(file: BinaryIO, size: int) -> None:
    os.fsync(file.fileno())
    require_size(file.fileno(), size)


def require_size(file: int, size: int) -> None:
    """Raise OSError unless an open file is as long as what was written to it: a share may have lost some."""
    if os.fstat(file).st_size != size:
        raise OSError(errno.EIO, os.strerror(errno.EIO))


def sweep(folders: Iterable[Path], half_done: Iterable[str] = (), known: AbstractSet[Path] = frozenset()) -> int:
    """Remove what a crash left unfinished and return how many files that were.

    `half_done` are the jobs that begin anew: a file of theirs that was finished goes, too, unless a clip has it.
    """
    found = 0
    patterns = [f".*{UNFINISHED}*", *(f"*_{job_id}_*" for job_id in half_done)]
    for folder in folders:
        with suppress(OSError):
            for path in {path for pattern in patterns for path in folder.glob(pattern)} - known:
                path.unlink(missing_ok=True)
                found += 1
    return found
