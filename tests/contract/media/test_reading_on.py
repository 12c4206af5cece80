"""Seeking ahead in an open session: what lies on the way is not kept."""

import pytest

from custom_components.nvr.media import footage

from .rig import Rig, decode, errors, parse_run, rig

# 40 s of the rig's camera are more than twice this, a segment and its head a quarter.
MOST = 500_000


async def measured(recorder: Rig, *segments: int) -> float:
    """Play these segments one after another; return by how much a frame is off at most."""
    playback = recorder.play(120)
    init = await playback.init_segment()
    worst = 0.0
    for k in segments:
        data = await playback.segment(k)
        assert parse_run(data).end == 540_000 * (k + 1)
        worst = max(worst, *map(abs, errors(decode(init, data))))
    return worst


@pytest.mark.parametrize("gop", [1.0, 4.5])
async def test_a_seek_of_forty_seconds_holds_one_segment_at_a_time(monkeypatch: pytest.MonkeyPatch, gop: float) -> None:
    monkeypatch.setattr(footage, "_MAX_BYTES", MOST)
    async with rig(gop=gop) as recorder:
        assert await measured(recorder, 0, 8, 9) <= 0.081
        assert recorder.opened_sessions == 1


async def test_a_seek_back_to_what_was_passed_over_opens_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(footage, "_MAX_BYTES", MOST)
    async with rig() as recorder:
        assert await measured(recorder, 0, 7, 1, 2) <= 0.081
        assert recorder.opened_sessions == 2
