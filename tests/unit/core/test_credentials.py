"""The count of refused logins."""

from datetime import UTC, datetime, timedelta

import pytest

from custom_components.nvr.core.credentials import LoginGuard
from custom_components.nvr.core.driver import CredentialGuard
from custom_components.nvr.core.errors import NvrAuthError, NvrLockedError

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


def test_guard_fills_the_protocol() -> None:
    guard: CredentialGuard = LoginGuard()
    guard.check()
    assert guard.usable


def test_guard_two_refusals_end_it_until_reset() -> None:
    guard = LoginGuard()
    guard.refused()
    guard.check()
    guard.refused()
    assert not guard.usable
    with pytest.raises(NvrAuthError):
        guard.check()
    guard.accepted()
    with pytest.raises(NvrAuthError):
        guard.check()
    guard.reset()
    guard.check()
    assert guard.refusals == 0


def test_guard_success_forgets_one_refusal() -> None:
    guard = LoginGuard()
    guard.refused()
    guard.accepted()
    guard.refused()
    guard.check()


def test_guard_lock_is_silent_ten_seconds_longer() -> None:
    clock = Clock()
    guard = LoginGuard(utcnow=clock)
    guard.locked(NOW + timedelta(seconds=1800))
    end = NOW + timedelta(seconds=1810)
    assert guard.locked_until == end
    clock.now = end - timedelta(seconds=1)
    with pytest.raises(NvrLockedError) as caught:
        guard.check()
    assert caught.value.until == end
    clock.now = end
    guard.check()
    assert guard.locked_until is None


def test_guard_lock_is_never_shortened_and_unknown_ends_are_half_an_hour() -> None:
    guard = LoginGuard(utcnow=Clock())
    guard.locked(None)
    until = guard.locked_until
    assert until == NOW + timedelta(minutes=30, seconds=10)
    guard.locked(NOW + timedelta(seconds=5))
    assert guard.locked_until == until
    guard.reset()
    assert guard.usable


def test_guard_goes_on_with_a_lock_from_before() -> None:
    clock = Clock()
    guard = LoginGuard(utcnow=clock)
    guard.keep_silent(NOW)
    guard.check()
    guard.keep_silent(NOW + timedelta(minutes=4))
    assert guard.locked_until == NOW + timedelta(minutes=4)


def test_guard_counts_a_lock_and_the_refusals_before_it_as_one() -> None:
    clock = Clock()
    guard = LoginGuard(utcnow=clock)
    guard.refused()
    guard.locked(NOW + timedelta(seconds=5))
    guard.locked(NOW + timedelta(seconds=5), tried=True)  # told again of the same one
    assert guard.refusals == 1
    clock.now += timedelta(minutes=1)
    guard.check()
    guard.accepted()
    assert guard.refusals == 0


@pytest.mark.parametrize("tried", [True, False])
def test_guard_locks_that_our_login_brings_end_it_as_refusals_do(*, tried: bool) -> None:
    clock = Clock()
    guard = LoginGuard(utcnow=clock)
    for _ in range(2):
        guard.check()
        if not tried:
            guard.refused()
        guard.locked(clock.now + timedelta(seconds=5), tried=tried)
        clock.now += timedelta(minutes=1)
    with pytest.raises(NvrAuthError):
        guard.check()
    guard.reset()
    guard.locked(clock.now + timedelta(seconds=5), tried=True)
    assert guard.refusals == 1


def test_guard_locks_that_others_bring_end_nothing() -> None:
    clock = Clock()
    guard = LoginGuard(utcnow=clock)
    for _ in range(5):
        guard.check()
        guard.locked(clock.now + timedelta(seconds=5))
        clock.now += timedelta(minutes=1)
    guard.check()


def test_guard_without_a_clock_of_its_own_uses_ours() -> None:
    guard = LoginGuard()
    guard.locked(datetime(2001, 1, 1, tzinfo=UTC))
    assert guard.locked_until is None


def test_guard_tells_who_listens_of_refusals_and_locks() -> None:
    guard = LoginGuard(utcnow=Clock())
    told: list[int] = []
    end = guard.listen(lambda: told.append(guard.refusals))
    guard.refused()
    guard.accepted()
    guard.locked(None)
    guard.give_up()
    guard.give_up()
    assert told == [1, 0, 2]
    end()
    guard.refused()
    assert told == [1, 0, 2]


def test_guard_gives_up_for_good() -> None:
    guard = LoginGuard()
    guard.give_up()
    guard.accepted()
    assert not guard.usable
    guard.reset()
    guard.check()


def test_guard_counts_what_is_suspected_only_where_it_would_be_the_last() -> None:
    guard = LoginGuard()
    guard.check(suspected=1)
    assert guard.refusals == 0
    guard.refused()
    guard.check()
    with pytest.raises(NvrAuthError):
        guard.check(suspected=1)
    assert not guard.usable
