"""Where exports are written: under a name nobody takes for a film until it is one. Everything here blocks."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
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


async def save(name: Path, chunks: AsyncIterator[bytes], pool: WorkPool, progress: Callable[[int], None]) -> int:
    """Write what comes to a new file, for good, and return its size; `progress` hears each count of bytes.

    Raises OSError, and what the chunks raise.
    """
    file = await _opened(name, pool)
    waiting: list[bytes] = []
    held = size = 0
    try:
        async for chunk in chunks:
            waiting.append(chunk)
            held += len(chunk)
            if held >= _HELD:
                await pool.run(file.write, b"".join(waiting))
                progress(held)
                size, held, waiting = size + held, 0, []
        await pool.run(file.write, b"".join(waiting))
        await pool.run(_have_on_disk, file)
    finally:
        await pool.run(file.close)
    return size + held


async def _opened(name: Path, pool: WorkPool) -> BinaryIO:
    """Open a new file; whoever is cancelled leaves none open."""
    opening = asyncio.ensure_future(pool.run(name.open, "xb", 0))
    try:
        return await asyncio.shield(opening)
    except asyncio.CancelledError:
        with suppress(OSError):
            (await opening).close()
        raise


def _have_on_disk(file: BinaryIO) -> None:
    os.fsync(file.fileno())


def sweep(folders: Iterable[Path]) -> int:
    """Remove what a crash left unfinished and return how many files that were."""
    found = 0
    for folder in folders:
        with suppress(OSError):
            for path in folder.glob(f".*{UNFINISHED}*"):
                path.unlink(missing_ok=True)
                found += 1
    return found
