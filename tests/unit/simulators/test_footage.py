from datetime import UTC, datetime, time, timedelta
from itertools import pairwise

from hypothesis import given, strategies as st
import pytest

from tests.simulators.clock import DstRule, SimClock, make_zone
from tests.simulators.footage import ChannelPlan, DailyGap, Footage, Incident, Kind, merge, plans_for, subtract

NOW = datetime(2026, 7, 15, 12, 34, 56, tzinfo=UTC)
DAY = timedelta(days=1)


class Watch:
    """A clock hand that a test moves."""

    def __init__(self) -> None:
        self.now = NOW.timestamp()

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
def footage(watch: Watch) -> Footage:
    clock = SimClock(make_zone(timedelta(hours=1), DstRule()), epoch=watch)
    return Footage(clock, plans_for(range(1, 9)))


def test_any_part_of_a_day_shows_the_same_files(footage: Footage) -> None:
    whole = footage.files(1, NOW - DAY, NOW)
    parts = {
        file.name: file
        for hour in range(24)
        for file in footage.files(1, NOW - DAY + timedelta(hours=hour), NOW - DAY + timedelta(hours=hour + 1))
    }
    assert sorted(parts) == sorted(file.name for file in whole)
    assert {file.name: file for file in whole} == parts


def test_files_of_a_channel_that_records_always_overlap_by_seconds(footage: Footage) -> None:
    files = footage.files(1, NOW - DAY, NOW, [Kind.CONTINUOUS])
    steps = [(late.start - early.end).total_seconds() for early, late in pairwise(files)]
    assert set(steps) <= {-3.0, 240.0, 1500.0}
    assert steps.count(-3.0) > len(steps) / 2
    assert all(file.end - file.start <= timedelta(seconds=3603) for file in files)


def test_gaps_stand_at_their_wall_time_every_day(footage: Footage) -> None:
    gaps = footage.gaps(1, datetime(2026, 7, 10, tzinfo=UTC), datetime(2026, 7, 12, tzinfo=UTC))
    assert (datetime(2026, 7, 11, 1, 10, tzinfo=UTC), datetime(2026, 7, 11, 1, 14, tzinfo=UTC)) in gaps  # 03:10 at +2
    assert len([gap for gap in gaps if gap[1] - gap[0] == timedelta(seconds=240)]) == 2


def test_a_hole_is_missing_from_what_plays_but_from_no_list(footage: Footage) -> None:
    hole = datetime(2026, 7, 14, 14, 40, 12, tzinfo=UTC)
    window = (hole - timedelta(seconds=10), hole + timedelta(seconds=10))
    assert footage.recorded(1, *window, holes=False) == [window]
    assert footage.recorded(1, *window) == [(window[0], hole), (hole + timedelta(seconds=2.6), window[1])]


def test_the_running_file_says_when_it_means_to_end(footage: Footage, watch: Watch) -> None:
    (running,) = [file for file in footage.files(1, NOW - timedelta(hours=2), NOW + DAY) if file.open]
    assert running.end == NOW
    assert timedelta(minutes=17) <= running.planned_end - NOW <= timedelta(minutes=360)
    watch.now += 60
    (later,) = [file for file in footage.files(1, NOW, NOW + DAY, [Kind.CONTINUOUS]) if file.open]
    assert (later.name, later.planned_end) == (running.name, running.planned_end)
    assert later.end == NOW + timedelta(seconds=60)
    assert later.size > running.size


def test_what_is_overwritten_is_gone_and_old_names_with_it(footage: Footage, watch: Watch) -> None:
    oldest = footage.files(1, NOW - 30 * DAY, NOW)[0]
    assert oldest.end > NOW - footage.retention - timedelta(minutes=1)
    assert footage.file_named(oldest.name) == oldest
    watch.now += 7300
    assert footage.file_named(oldest.name) is None
    assert footage.file_named("no such file") is None


def test_every_listed_name_finds_its_file(footage: Footage) -> None:
    for channel in footage.plans:
        files = footage.files(channel, NOW - 3 * DAY, NOW)
        assert len({file.name for file in files}) == len(files)
        assert all(footage.file_named(file.name) == file for file in files)


def test_event_files_never_overlap_and_surround_their_incident(footage: Footage) -> None:
    files = footage.files(4, NOW - DAY, NOW)
    assert len(files) > 24
    assert {file.kind for file in files} == {Kind.MOTION, Kind.SMART}
    assert all(early.end <= late.start for early, late in pairwise(files))
    for file in files[:-1]:
        assert timedelta(seconds=1) <= file.end - file.start <= timedelta(seconds=160)
        assert footage.incidents(4, file.start, file.end)


def test_recording_can_stop_and_go_on(footage: Footage, watch: Watch) -> None:
    footage.stop_recording(1)
    watch.now += 100
    assert footage.recorded(1, NOW, NOW + DAY) == []
    footage.resume_recording(1)
    watch.now += 100
    resumed = NOW + timedelta(seconds=100)
    assert footage.recorded(1, NOW, NOW + DAY) == [(resumed, NOW + timedelta(seconds=200))]
    assert footage.next_recorded(1, NOW, NOW + DAY) == (resumed, NOW + timedelta(seconds=200))


def test_what_happens_unplanned_is_recorded(footage: Footage) -> None:
    start = NOW - timedelta(minutes=30)
    footage.add_incident(Incident(4, Kind.ALARM, start, start + timedelta(seconds=30), "car"))
    (file,) = footage.files(4, start, start + timedelta(seconds=30), [Kind.ALARM])
    assert (file.start, file.end) == (start - timedelta(seconds=5), start + timedelta(seconds=35))


def test_fixed_lengths_give_exact_counts() -> None:
    plan = ChannelPlan(mode="continuous", file_seconds=(120, 120), overlap_seconds=0, gaps=())
    footage = Footage(SimClock(epoch=NOW.timestamp), plans_for([1], plan))
    start = datetime(2026, 7, 12, tzinfo=UTC)
    assert len(footage.files(1, start, start + timedelta(seconds=120 * 500))) == 500


def test_day_with_a_gap_that_is_not_on_every_day() -> None:
    plan = ChannelPlan(mode="continuous", gaps=(DailyGap(time(6), 60, every=2),))
    footage = Footage(SimClock(epoch=NOW.timestamp), plans_for([1], plan))
    gaps = footage.gaps(1, NOW - 4 * DAY, NOW)
    assert [late[0] - early[0] for early, late in pairwise(gaps)] == [2 * DAY] * (len(gaps) - 1)


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(1, 20)), max_size=8), st.integers(0, 40), st.integers(1, 30))
def test_subtracting_leaves_exactly_what_no_hole_covers(raw: list[tuple[int, int]], at: int, length: int) -> None:
    def moment(second: int) -> datetime:
        return NOW + timedelta(seconds=second)

    holes = merge((moment(start), moment(start + size)) for start, size in raw)
    left = subtract((moment(at), moment(at + length)), holes)
    for second in range(at, at + length):
        middle = moment(second) + timedelta(seconds=0.5)
        covered = any(start <= middle < end for start, end in holes)
        assert any(start <= middle < end for start, end in left) is not covered


def test_today_has_no_gap_unless_it_is_told_to() -> None:
    for today, count in ((False, 0), (True, 1)):
        plan = ChannelPlan(mode="continuous", gaps=(DailyGap(time(6), 60, today=today),))
        footage = Footage(SimClock(epoch=NOW.timestamp), plans_for([1], plan))
        assert len(footage.gaps(1, datetime(2026, 7, 15, tzinfo=UTC), NOW)) == count
