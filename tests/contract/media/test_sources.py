"""Which way footage comes, of recorders of all families, and that nobody who watches can tell by the picture."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from custom_components.nvr.core.errors import NvrError
from custom_components.nvr.core.models import TimeSpan
from custom_components.nvr.media.sources import download as download_module
from tests.contract.helpers import until
from tests.contract.rows import Case, each_family

from .rig import decode, errors
from .stage import FPS, inside, stage


@each_family
async def test_a_recorder_that_plays_in_real_time_is_downloaded_from(case: Case) -> None:
    async with stage(case) as on:
        first = on.play(inside(on.files[2]))
        assert "EXTINF:6.0," in await first.media_playlist()
        await on.see(first, 0, 1, 7, 3)
        assert on.facts()["playback"]["real_time"] is True
        assert on.facts()["download"]["real_time"] is False
        await first.close()
        # Known by now: the next one opens no playback session at all.
        sessions = on.facts()["playback"]["opened"]
        second = on.play(inside(on.files[3]))
        await on.see(second, 0, 5)
        assert on.facts()["playback"]["opened"] == sessions


@each_family
async def test_a_recorder_that_plays_fast_is_played(case: Case) -> None:
    async with stage(case) as on:
        on.disk.play_fast()
        await on.see(on.play(inside(on.files[2])), 0, 6)
        assert on.facts()["download"]["opened"] == 0


@each_family
async def test_a_download_goes_on_in_the_next_file(case: Case) -> None:
    async with stage(case) as on:
        playback = on.play(on.files[2].span.end - timedelta(seconds=13), 40)
        await on.see(playback, 0, 1, 2, 3)


@pytest.mark.slow
@each_family
async def test_parts_of_a_file_follow_one_another_without_a_seam(case: Case) -> None:
    async with stage(case) as on:
        playback = on.play(inside(on.files[2], 300), 150)
        init = await playback.init_segment()
        data = [await playback.segment(k) for k in range(25)]
        wrong = errors(decode(init, *data), playback.span.start)
        assert max(map(abs, wrong)) <= 1 / FPS + 0.002
        # Each frame once, and none of them missing.
        assert 150 * FPS - 2 <= len(wrong) <= 150 * FPS + 1


@each_family
async def test_playback_that_hangs_is_replaced_by_a_download(case: Case, caplog: pytest.LogCaptureFixture) -> None:
    async with stage(case) as on:
        on.disk.playback_hangs()
        playback = on.play(inside(on.files[2]))
        await on.see(playback, 0, 4)
        facts = on.facts()
        assert facts["playback"]["failed"] == 1
        assert facts["playback"]["stands_back_for"] > 0
        assert "footage is had by download" in caplog.text
        # Nobody waits for it again soon.
        await playback.close()
        await on.see(on.play(inside(on.files[3])), 0)
        assert on.facts()["playback"]["failed"] == 1


@each_family
@pytest.mark.parametrize("trouble", [pytest.param("silent", marks=pytest.mark.slow), "cut"])
async def test_a_download_that_fails_is_replaced_by_playback(
    case: Case, trouble: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download_module, "SILENCE", 1.5)
    async with stage(case) as on:
        first = on.play(inside(on.files[2], 20), 300)
        await on.see(first, 0)
        assert on.facts()["download"]["opened"] == 1
        on.disk.play_fast()
        on.disk.downloads(silent=trouble == "silent", cut_after=20_000 if trouble == "cut" else 0)
        await on.see(first, 40, 41)
        assert on.facts()["download"]["failed"] == 1
        assert on.facts()["playback"]["stands_back_for"] == 0


@pytest.mark.slow
@each_family
async def test_when_both_fail_it_is_told_and_not_tried_for_ever(case: Case) -> None:
    async with stage(case) as on:
        on.disk.playback_hangs()
        on.disk.downloads(silent=True)
        playback = on.play(inside(on.files[2]))
        for _ in range(7):
            with pytest.raises(NvrError):
                await playback.master_playlist()
        assert on.facts()["playback"]["opened"] <= 6
        assert on.facts()["download"]["opened"] <= 6


@each_family
async def test_who_leaves_ends_the_download(case: Case) -> None:
    async with stage(case) as on:
        on.disk.downloads(rate=400_000)
        playback = on.play(inside(on.files[2]), 300)
        await playback.init_segment()
        await playback.segment(0)
        assert on.rig.open_things().downloads == 1
        waiting = asyncio.create_task(playback.segment(4))
        await asyncio.sleep(0.05)
        await playback.close()
        await until(lambda: not on.rig.open_things().downloads)
        with pytest.raises(NvrError):
            await waiting


@pytest.mark.slow
@each_family
async def test_who_waits_for_the_downloads_gets_them(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download_module, "_TURN", 0.0)
    async with stage(case) as on:
        playback = on.play(inside(on.files[2], 5))
        await on.see(playback, 0)
        assert on.facts()["download"]["opened"] == 1
        assert on.driver.downloads is not None

        async def export() -> int:
            assert on.driver.downloads is not None
            span = TimeSpan(on.files[3].span.start, on.files[3].span.start + timedelta(seconds=20))
            async with on.driver.downloads.open(replace(on.files[3], span=span)) as download:
                return sum([len(chunk) async for chunk in download])

        exporting = asyncio.create_task(export())
        on.disk.play_fast()
        for index in range(1, 9):
            await on.see(playback, index)
        assert await exporting > 10_000
        assert on.facts()["playback"]["opened"] == 2
