"""What a person sees of footage that is downloaded while he watches, of every family; the painted time judges."""

import pytest

from tests.contract.media.stage import FPS, Stage, inside, stage
from tests.contract.rows import Case, each_family

from .conftest import View, Viewer, late

FRAME = 1 / FPS


async def look(viewer: Viewer, on: Stage, *positions: float) -> None:
    """Seek, and judge what is shown and how often it was asked for."""
    for position in positions:
        opened = on.facts()["download"]["opened"]
        found = await viewer.seek(position)
        assert abs(late(found, viewer.playback)) <= FRAME + 0.01, (position, found)
        assert len(found["requests"]) <= 8
        assert on.facts()["download"]["opened"] - opened <= 2


@pytest.mark.slow
@each_family
async def test_player_seeks_in_a_download(view: View, case: Case) -> None:
    async with stage(case) as on:
        playback = on.play(inside(on.files[2], 100), 450)
        async with view(playback) as viewer:
            await viewer.start()
            await viewer.picture()
            await look(viewer, on, 3.3, 300.4, 299.9, 120.25, 431.7)
            assert await viewer.run("() => player.errors.filter((error) => error.fatal)") == []
        assert on.facts()["download"]["opened"] > 1


@pytest.mark.slow
@each_family
async def test_player_goes_on_when_playback_falls_silent(view: View, case: Case) -> None:
    async with stage(case) as on:
        on.disk.play_fast()
        playback = on.play(inside(on.files[2], 100), 450)
        async with view(playback) as viewer:
            await viewer.start()
            await viewer.picture()
            on.disk.playback_hangs()
            await look(viewer, on, 300.4, 120.25)
            assert on.facts()["playback"]["failed"] == 1
            assert await viewer.run("() => player.errors.filter((error) => error.fatal)") == []
