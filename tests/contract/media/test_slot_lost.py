"""A slot that is lost in the very instant in which its holder is asked for something."""

import asyncio

from custom_components.nvr.media.sessions import LossReason

from .rig import parse_run, rig


async def test_who_asks_in_the_instant_in_which_the_slot_is_lost_is_answered() -> None:
    async with rig() as recorder:
        playback = recorder.play()
        await playback.segment(0)
        asking = asyncio.create_task(playback.segment(5))
        await asyncio.sleep(0)
        # It was silent for too long; the request has come since.
        await playback.lose_slot(LossReason.SILENT)
        assert not asking.done()
        async with asyncio.timeout(10):
            assert parse_run(await asking).start
        await playback.close()
