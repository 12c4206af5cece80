"""Limits that protect a recorder."""

from custom_components.nvr.media.pace import FloodGuard, LeadLimit, OpenBudget


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_opens_come_in_a_burst_then_one_every_two_seconds() -> None:
    clock = Clock()
    budget = OpenBudget(clock)
    assert [budget.take() for _ in range(5)] == [0, 0, 0, 2, 4]
    clock.now += 100
    assert [budget.take() for _ in range(4)] == [0, 0, 0, 2]


def test_five_failures_in_a_row_end_it() -> None:
    budget = OpenBudget(Clock())
    for _ in range(4):
        budget.failed()
    assert not budget.spent
    budget.succeeded()
    for _ in range(5):
        budget.failed()
    assert budget.spent


def test_flood_is_the_same_thing_many_times_at_once() -> None:
    clock = Clock()
    guard = FloodGuard(clock)
    assert not any(guard.flooded(3) for _ in range(10))
    assert guard.flooded(3)
    assert not guard.flooded(4)
    for _ in range(40):
        clock.now += 0.12
        assert not guard.flooded(4)


def test_lead_is_free_up_to_a_limit_then_slowed() -> None:
    clock = Clock()
    lead = LeadLimit(clock)
    waits = [lead.delay(k, 6.0 * k, 6.0) for k in range(8)]
    assert waits == [0, 0, 0, 0, 0, 0, 1.5, 1.5]
    clock.now += 30
    assert lead.delay(8, 48.0, 6.0) == 0
    # A seek begins anew, also behind a gap entry.
    assert lead.delay(80, 480.0, 6.0) == 0
    assert lead.delay(82, 492.0, 6.0) == 0
    assert lead.delay(20, 120.0, 6.0) == 0
