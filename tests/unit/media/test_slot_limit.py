"""How many sessions a recorder has, learned from its refusals."""

from datetime import UTC, datetime, timedelta

import pytest

from custom_components.nvr.media.slot_limit import FIRST_TRIAL, LONGEST_WAIT, LearnedLimit

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def test_nothing_learned_is_the_ceiling_and_never_none() -> None:
    limit = LearnedLimit()
    assert (limit.of(4), limit.allowed(4, NOW)) == (4, 4)
    assert (limit.of(0), limit.allowed(0, NOW)) == (1, 1)
    assert not limit.opened(4, 4, NOW)
    assert limit.to_json() == {}


def test_refusal_lowers_to_what_is_open_and_never_below_one() -> None:
    limit = LearnedLimit()
    limit.refused(2, NOW)
    assert (limit.of(4), limit.allowed(4, NOW), limit.of(1)) == (2, 2, 1)
    limit.refused(0, NOW)
    assert (limit.of(4), limit.allowed(4, NOW)) == (1, 1)


def test_it_is_tried_again_one_by_one_until_the_ceiling() -> None:
    limit = LearnedLimit()
    limit.refused(1, NOW)
    assert limit.allowed(4, NOW + FIRST_TRIAL - timedelta(seconds=1)) == 1
    later = NOW + FIRST_TRIAL
    assert (limit.of(4), limit.allowed(4, later)) == (1, 2)
    assert not limit.opened(1, 4, later)
    assert limit.opened(2, 4, later)
    assert (limit.of(4), limit.allowed(4, later)) == (2, 3)
    assert limit.opened(3, 4, later)
    assert limit.opened(4, 4, later)
    assert limit == LearnedLimit()


def test_trial_stays_within_the_ceiling() -> None:
    limit = LearnedLimit()
    limit.refused(2, NOW)
    assert limit.allowed(2, NOW + HOUR) == 2


def test_trials_become_rarer_where_they_fail_and_not_where_less_is_left() -> None:
    limit, waits = LearnedLimit(), []
    for _ in range(12):
        limit.refused(2, NOW)
        assert limit.again_at is not None
        waits.append(limit.again_at - NOW)
    assert waits[:3] == [FIRST_TRIAL, 2 * FIRST_TRIAL, 4 * FIRST_TRIAL]
    assert waits[-1] == LONGEST_WAIT
    limit.refused(1, NOW)
    assert limit.again_at == NOW + FIRST_TRIAL
    limit.refused(2, NOW)  # a trial of one more
    assert (limit.most, limit.again_at) == (1, NOW + 2 * FIRST_TRIAL)


def test_it_is_kept_as_json() -> None:
    limit = LearnedLimit()
    limit.refused(2, NOW)
    assert LearnedLimit.from_json(limit.to_json()) == limit


@pytest.mark.parametrize(
    "raw",
    [
        {},
        {"most": 2},
        {"most": 0, "refusals": 1, "again_at": NOW.isoformat()},
        {"most": "2", "refusals": 1, "again_at": NOW.isoformat()},
        {"most": 2, "refusals": -1, "again_at": NOW.isoformat()},
        {"most": 2, "refusals": 1, "again_at": "tomorrow"},
        {"most": 2, "refusals": 1, "again_at": "2026-11-21T12:00:00"},
    ],
)
def test_what_is_odd_is_forgotten(raw: dict[str, object]) -> None:
    assert LearnedLimit.from_json(raw) == LearnedLimit()
