"""Links to clips: nobody's cost anybody else his."""

from datetime import UTC, datetime, timedelta

import pytest

from custom_components.nvr import clip_links
from custom_components.nvr.clip_links import MOST_OF_ONE, ClipLinks, TooManyLinksError
from custom_components.nvr.playback_links import ExpiredLinkError

NOW = datetime(2026, 11, 20, tzinfo=UTC)


def mint(links: ClipLinks, user_id: str | None, *, hours: int = 24, now: datetime = NOW) -> str:
    return links.mint("clip", user_id, now, now + timedelta(hours=hours))[0]


def test_whoever_makes_too_many_loses_his_own_oldest() -> None:
    links = ClipLinks()
    hers, ours = mint(links, "anna"), mint(links, None)
    his = [mint(links, "bert") for _ in range(MOST_OF_ONE + 2)]
    for token in his[:2]:
        with pytest.raises(ExpiredLinkError):
            links.follow(token, NOW)
    for token in (hers, ours, *his[2:]):
        assert links.follow(token, NOW)
    assert len(links) == MOST_OF_ONE + 2


def test_too_many_of_all_are_refused_until_some_are_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clip_links, "MOST_LINKS", 3)
    links = ClipLinks()
    kept = [mint(links, name) for name in ("anna", "bert")]
    mint(links, "cleo", hours=1)
    with pytest.raises(TooManyLinksError):
        mint(links, "dora")
    later = NOW + timedelta(hours=2)
    assert mint(links, "dora", now=later)
    for token in kept:
        assert links.follow(token, later)


def test_whoever_has_his_share_gets_his_next_one_even_when_there_is_room_for_nobody(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    links = ClipLinks()
    for _ in range(MOST_OF_ONE):
        mint(links, "bert")
    monkeypatch.setattr(clip_links, "MOST_LINKS", MOST_OF_ONE)
    assert links.follow(mint(links, "bert"), NOW)
    with pytest.raises(TooManyLinksError):
        mint(links, "anna")
