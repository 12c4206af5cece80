"""Where exports are written: under a name nobody takes for a film until it is one. Everything here blocks."""

from collections.abc import Iterable
from contextlib import suppress
import errno
import os
from pathlib import Path
import shutil
from typing import Final

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


def sweep(folders: Iterable[Path]) -> int:
    """Remove what a crash left unfinished and return how many files that were."""
    found = 0
    for folder in folders:
        with suppress(OSError):
            for path in folder.glob(f".*{UNFINISHED}*"):
                path.unlink(missing_ok=True)
                found += 1
    return found
