"""Links to footage: unguessable, for one principal, and over in time."""

from datetime import UTC, datetime, timedelta

import pytest

from custom_components.nvr.core.credentials import LoginGuard
from custom_components.nvr.core.models import PlaybackRequest, StreamRole, TimeSpan
from custom_components.nvr.media.engine import MediaEngine, Playback
from custom_components.nvr.playback_links import (
    IDLE_LIFETIME,
    LIFETIME,
    ExpiredLinkError,
    PlaybackLink,
    PlaybackLinks,
    UnknownLinkError,
)

START = datetime(2026, 11, 20, tzinfo=UTC)
SPAN = TimeSpan(START, START + timedelta(hours=1))


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class NoSource:
    """A source nobody may ask: links are made without touching the recorder."""

    async def request(self, channel: int, span: TimeSpan, *, role: StreamRole = StreamRole.MAIN) -> PlaybackRequest:
        raise AssertionError(f"asked for {channel} {span} {role}")


@pytest.fixture(name="clock")
def clock_fixture() -> Clock:
    return Clock()


@pytest.fixture(name="links")
def links_fixture(clock: Clock) -> PlaybackLinks:
    return PlaybackLinks(monotonic=clock)


def playback() -> Playback:
    return MediaEngine().create("nvr", 4, NoSource(), LoginGuard(), 1, SPAN, [SPAN], "user", StreamRole.MAIN)


async def mint(links: PlaybackLinks, user_id: str | None = "user", entry_id: str = "entry") -> PlaybackLink:
    return await links.mint(playback(), entry_id=entry_id, channel=1, span=SPAN, user_id=user_id)


async def test_token_is_unguessable_and_of_its_own(links: PlaybackLinks) -> None:
    tokens = {(await mint(links)).token for _ in range(100)}
    assert len(tokens) == 100
    # 24 random bytes as base64: 192 bits.
    assert {len(token) for token in tokens} == {32}


async def test_link_is_followed_by_its_token_only(links: PlaybackLinks) -> None:
    link = await mint(links)
    assert await links.follow(link.token) is link
    assert link.path == f"/api/nvr/vod/{link.token}/master.m3u8"
    with pytest.raises(UnknownLinkError):
        await links.follow(link.token[:-1])


async def test_link_that_is_used_lasts_until_its_end(links: PlaybackLinks, clock: Clock) -> None:
    link = await mint(links)
    while clock.now < 1000 + LIFETIME - IDLE_LIFETIME:
        clock.now += IDLE_LIFETIME - 1
        assert await links.follow(link.token) is link
    clock.now = 1000 + LIFETIME
    with pytest.raises(ExpiredLinkError):
        await links.follow(link.token)
    assert link.playback.closed


async def test_link_nobody_uses_is_over_sooner(links: PlaybackLinks, clock: Clock) -> None:
    link = await mint(links)
    clock.now += IDLE_LIFETIME
    with pytest.raises(ExpiredLinkError):
        await links.follow(link.token)
    assert link.playback.closed
    assert len(links) == 0


async def test_links_that_are_over_are_cleared_when_one_is_made(links: PlaybackLinks, clock: Clock) -> None:
    old = await mint(links)
    clock.now += IDLE_LIFETIME
    await mint(links)
    assert len(links) == 1
    assert old.playback.closed


async def test_revoked_link_is_known_to_have_been_good(links: PlaybackLinks) -> None:
    link = await mint(links)
    await links.revoke(link)
    await links.revoke(link)
    with pytest.raises(ExpiredLinkError):
        await links.follow(link.token)


async def test_links_end_with_the_recorder_and_all(links: PlaybackLinks) -> None:
    of_entry, rest = await mint(links, entry_id="other"), await mint(links, user_id=None)
    assert links.all() == (of_entry, rest)
    await links.revoke_entry("other")
    assert (of_entry.playback.closed, rest.playback.closed) == (True, False)
    assert links.all() == (rest,)
    await links.revoke_all()
    assert rest.playback.closed
    assert len(links) == 0


async def test_too_many_links_cost_the_one_unused_for_longest(links: PlaybackLinks, clock: Clock) -> None:
    made = []
    for number in range(256):
        clock.now += 1
        made.append(await mint(links, f"user {number}"))
    await links.follow(made[0].token)
    await mint(links)
    assert len(links) == 256
    assert made[1].playback.closed
    assert not made[0].playback.closed


@pytest.mark.parametrize("user_id", ["user", None])
async def test_one_who_leaves_many_behind_loses_his_own_only(
    links: PlaybackLinks, clock: Clock, user_id: str | None
) -> None:
    other = await mint(links, "somebody else")
    made = []
    for _ in range(32):
        clock.now += 1
        made.append(await mint(links, user_id))
    await links.follow(made[0].token)
    await mint(links, user_id)
    assert len(links) == 33
    assert [link for link in (other, *made) if link.playback.closed] == [made[1]]


async def test_ended_tokens_are_forgotten_in_the_end(links: PlaybackLinks) -> None:
    first = await mint(links)
    await links.revoke(first)
    for _ in range(1024):
        await links.revoke(await mint(links))
    with pytest.raises(UnknownLinkError):
        await links.follow(first.token)
