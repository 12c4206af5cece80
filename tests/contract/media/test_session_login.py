"""A recorder whose RTSP port takes the password only readable: nothing is sent without the user's consent."""

import pytest

from custom_components.nvr.core.errors import NvrAuthError, NvrInsecureLoginError

from .rig import rig


async def test_basic_over_plain_rtsp_needs_consent_and_nothing_is_sent_without() -> None:
    async with rig() as recorder:
        recorder.server.gatekeeper.scheme = "basic"
        # A wrong one would be counted by the recorder the moment it came.
        recorder.source.password = "wrong-pass-1"
        with pytest.raises(NvrInsecureLoginError, match="readable"):
            await recorder.play().master_playlist()
        assert recorder.server.counters.challenges == 1
        assert recorder.server.counters.auth_failures == 0
        assert recorder.guard.refusals == 0
        assert recorder.opened_sessions == 0


async def test_basic_with_consent_plays_and_a_refusal_counts() -> None:
    async with rig() as recorder:
        recorder.server.gatekeeper.scheme = "basic"
        recorder.source.plain_basic = True
        await recorder.play().segment(0)
        assert recorder.guard.acceptances
        recorder.source.password = "wrong-pass-1"
        with pytest.raises(NvrAuthError):
            await recorder.play().master_playlist()
        assert recorder.server.counters.auth_failures == recorder.guard.refusals == 1


async def test_digest_is_taken_where_both_are_offered() -> None:
    async with rig() as recorder:
        recorder.server.gatekeeper.scheme = "digest-basic"
        await recorder.play().segment(0)
        assert recorder.server.counters.auth_failures == 0
