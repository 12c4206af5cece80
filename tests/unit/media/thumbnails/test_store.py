"""Pictures on disk: what is kept, what goes first, and what a new start finds."""

from pathlib import Path

import pytest

from custom_components.nvr.media.pool import WorkPool
from custom_components.nvr.media.thumbnails.store import Key, Picture, PictureStore


class Clock:
    """Seconds since 1970 that a test sets."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


def make(folder: Path, pool: WorkPool, clock: Clock, *recorders: str, max_bytes: int = 1000) -> PictureStore:
    return PictureStore(folder, pool, lambda: recorders or ("one",), max_bytes=max_bytes, max_age=100.0, now=clock)


def key(moment: int, recorder: str = "one", **options: int) -> Key:
    return Key(recorder, 1, moment, options.get("width", 320))


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


async def test_the_one_unused_for_longest_goes_first(tmp_path: Path) -> None:
    pool, clock = WorkPool(), Clock()
    store = make(tmp_path, pool, clock)
    await store.load()
    for moment in (1, 2, 3):
        await store.put(key(moment), Picture(bytes(300), moment + 5))
    assert await store.get(key(1)) == Picture(bytes(300), 6)
    await store.put(key(4), Picture(bytes(300), 4))
    assert store.recorded(key(2)) is None
    assert [store.recorded(key(moment)) for moment in (1, 3, 4)] == [6, 8, 4]
    assert store.size == 900
    assert files(tmp_path) == ["one/1-k-1-320-6.jpg", "one/1-k-3-320-8.jpg", "one/1-k-4-320-4.jpg"]
    await store.put(key(1), Picture(bytes(10), 7))
    assert store.size == 610
    assert files(tmp_path)[0] == "one/1-k-1-320-7.jpg"
    await pool.aclose()


async def test_what_is_too_old_is_not_given_out_and_goes(tmp_path: Path) -> None:
    pool, clock = WorkPool(), Clock()
    store = make(tmp_path, pool, clock)
    await store.put(key(1), Picture(b"a", 1))
    clock.now += 100
    assert store.recorded(key(1)) is None
    assert await store.get(key(1)) is None
    await store.put(key(2), Picture(b"b", 2))
    assert files(tmp_path) == ["one/1-k-2-320-2.jpg"]
    await pool.aclose()


async def test_new_start_finds_what_was_kept_and_removes_what_is_of_nobody(tmp_path: Path) -> None:
    pool, clock = WorkPool(), Clock()
    before = make(tmp_path, pool, clock, "one", "gone")
    await before.put(key(1), Picture(b"mine", 11))
    await before.put(key(1, "gone"), Picture(b"not mine", 11))
    (tmp_path / "one" / "1-k-2-320-2.half").write_bytes(b"torn")
    clock.now = (tmp_path / "one" / "1-k-1-320-11.jpg").stat().st_mtime
    store = make(tmp_path, pool, clock)
    await store.load()
    await store.load()
    assert files(tmp_path) == ["one/1-k-1-320-11.jpg"]
    assert await store.get(key(1)) == Picture(b"mine", 11)
    assert store.size == 4
    await pool.aclose()


async def test_removed_recorder_leaves_nothing_and_gets_nothing_more(tmp_path: Path) -> None:
    pool, clock = WorkPool(), Clock()
    store = make(tmp_path, pool, clock, "one", "two")
    await store.put(key(1), Picture(b"a", 1))
    await store.put(key(1, "two"), Picture(b"bb", 1))
    await store.remove("one")
    await store.put(key(2), Picture(b"a", 1))
    await store.load()
    assert store.recorded(key(1)) is None
    assert store.size == 2
    assert files(tmp_path) == ["two/1-k-1-320-1.jpg"]
    await pool.aclose()


async def test_disk_that_takes_nothing_is_no_failure(tmp_path: Path) -> None:
    pool, clock = WorkPool(), Clock()
    (tmp_path / "one").write_bytes(b"a file where a folder belongs")
    store = make(tmp_path, pool, clock)
    await store.put(key(1), Picture(b"a", 1))
    assert store.recorded(key(1)) is None
    # One that was taken away behind our back is simply not there any more.
    (tmp_path / "one").unlink()
    await store.put(key(1), Picture(b"a", 1))
    (tmp_path / "one" / "1-k-1-320-1.jpg").unlink()
    assert await store.get(key(1)) is None
    assert store.size == 0
    await pool.aclose()


@pytest.mark.parametrize("name", ["..", "a/b", "", "x" * 65])
async def test_name_that_leads_elsewhere_is_not_followed(tmp_path: Path, name: str) -> None:
    pool = WorkPool()
    folder = tmp_path / "pictures"
    store = make(folder, pool, Clock())
    await store.put(key(1, name), Picture(b"a", 1))
    await store.remove(name)
    assert files(tmp_path) == []
    await pool.aclose()
