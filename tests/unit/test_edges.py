"""The grace clock: what is told, when, and once."""

from datetime import UTC, datetime, timedelta

from hypothesis import given, strategies as st

from custom_components.nvr.edges import Announced, Edge, GraceClock

T0 = datetime(2026, 3, 1, tzinfo=UTC)
GRACE = timedelta(seconds=30)


def at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


def online_clock() -> GraceClock:
    return GraceClock(GRACE, Announced(online=True, since=T0))


def test_the_first_observation_is_no_edge() -> None:
    clock = GraceClock(GRACE)
    assert (clock.online, clock.up(at(0)), clock.online) == (None, None, True)
    away = GraceClock(GRACE)
    away.down(at(0), "unreachable")
    assert (away.online, away.deadline) == (False, None)
    assert away.up(at(9)) == Edge(online=True, at=at(9), since=at(0), reason="unreachable")


def test_offline_dates_from_the_first_sign_and_is_told_at_the_deadline() -> None:
    clock = online_clock()
    clock.down(at(10), "timeout")
    clock.down(at(20), "unreachable")
    assert [clock.deadline] == [at(40)]
    assert (clock.expire(at(39.9)), clock.online) == (None, True)
    edge = clock.expire(at(40))
    assert edge == Edge(online=False, at=at(40), since=at(10), reason="timeout")
    assert edge.downtime == GRACE
    assert clock.announced == Announced(online=False, since=at(10))
    assert clock.expire(at(50)) is None
    clock.down(at(60), "unreachable")
    assert clock.deadline is None
    assert clock.up(at(100)) == Edge(online=True, at=at(100), since=at(10), reason="timeout")
    assert clock.up(at(101)) is None


def test_a_sign_of_life_within_the_grace_time_stops_it() -> None:
    clock = online_clock()
    clock.down(at(10), "timeout")
    assert clock.up(at(39)) is None
    assert (clock.deadline, clock.reason) == (None, "")
    assert clock.expire(at(100)) is None
    clock.down(at(200), "timeout")
    assert clock.deadline == at(230)


def test_what_was_announced_before_a_restart_is_not_announced_again() -> None:
    clock = GraceClock(GRACE, Announced(online=False, since=at(-100)), "unreachable")
    clock.down(at(0), "timeout")
    assert clock.expire(at(100)) is None
    assert clock.up(at(120)) == Edge(online=True, at=at(120), since=at(-100), reason="unreachable")


@given(st.lists(st.tuples(st.sampled_from(["up", "down", "look"]), st.floats(0.1, 60)), max_size=60))
def test_edges_alternate_and_offline_lasted_for_the_grace_time(steps: list[tuple[str, float]]) -> None:
    clock = online_clock()
    now, told = T0, []
    for step, seconds in steps:
        now += timedelta(seconds=seconds)
        if step == "down":
            clock.down(now, "timeout")
            continue
        edge = clock.up(now) if step == "up" else clock.expire(now)
        if edge is not None:
            told.append(edge)
    assert [edge.online for edge in told] == [bool(index % 2) for index in range(len(told))]
    assert all(edge.downtime >= GRACE for edge in told)
