"""How live streams come in: means, losses, reconnections, and a score that only ever falls with what is wrong."""

from itertools import pairwise

import pytest

from custom_components.nvr.media.cover import Sample
from custom_components.nvr.media.streaming.meter import StreamMeter, StreamReading, score
from custom_components.nvr.media.ticks import RATE

FRAME = RATE // 10


class Watch:
    """A steady clock and a stream of ten frames a second, a key frame every two seconds."""

    def __init__(self) -> None:
        self.now = 100.0
        self.meter = StreamMeter(lambda: self.now)
        self.frame = 0

    def come(self, session: object, frames: int, *, size: int = 1000) -> None:
        for _ in range(frames):
            self.now += 0.1
            self.meter.took(session, [Sample(self.frame * FRAME, self.frame % 20 == 0, bytes(size))])
            self.frame += 1


def test_rates_are_means_of_the_last_minute() -> None:
    watch, viewer = Watch(), object()
    assert watch.meter.reading() is None
    watch.meter.opened(viewer)
    watch.come(viewer, 10)
    early = watch.meter.reading()
    assert early is not None
    assert early.fps is None
    watch.come(viewer, 1200, size=500)
    reading = watch.meter.reading()
    assert reading is not None
    assert reading.fps == pytest.approx(10, rel=0.02)
    assert reading.bitrate == pytest.approx(40, rel=0.02)
    assert (reading.lost, reading.reconnections) == (0, 0)
    assert reading.group == 2
    assert reading.age == 0
    watch.now += 7
    late = watch.meter.reading()
    assert late is not None
    assert late.age == pytest.approx(7)


def test_lost_frames_are_counted_and_forgotten_after_an_hour() -> None:
    watch, viewer = Watch(), object()
    watch.meter.opened(viewer)
    watch.come(viewer, 50)
    watch.frame += 3
    watch.come(viewer, 50)
    reading = watch.meter.reading()
    assert reading is not None
    assert reading.lost == 3
    watch.now += 3601
    watch.come(viewer, 1)
    after = watch.meter.reading()
    assert after is not None
    assert after.lost == 0


def test_only_the_oldest_of_several_viewers_is_measured() -> None:
    watch, first, second = Watch(), object(), object()
    watch.meter.opened(first)
    watch.meter.opened(second)
    for _ in range(50):
        watch.come(first, 1)
        watch.meter.took(second, [Sample(watch.frame * FRAME, False, b"x" * 9000)])
    reading = watch.meter.reading()
    assert reading is not None
    assert reading.fps == pytest.approx(10, rel=0.05)
    watch.meter.closed(first)
    watch.meter.closed(first)
    watch.come(second, 40)
    assert watch.meter.reading() is not None
    watch.meter.closed(second)
    assert not watch.meter.watched
    assert watch.meter.reading() is None


def test_what_the_recorder_ended_and_came_back_is_a_reconnection() -> None:
    watch, viewer = Watch(), object()
    for broken in (False, True, True):
        watch.meter.opened(viewer)
        if broken:
            watch.meter.broke()
        watch.meter.closed(viewer)
    watch.meter.opened(viewer)
    reading = watch.meter.reading()
    assert reading is not None
    assert reading.reconnections == 2


def reading(
    fps: float | None = 25.0, *, reconnections: int = 0, age: float = 0.0, group: float | None = 2.0
) -> StreamReading:
    return StreamReading(fps, 1000.0, 0, reconnections, age, group)


@pytest.mark.parametrize(
    ("told", "points"),
    [
        (score(reading(), 25), 100),
        (score(reading(30), 25), 100),
        (score(reading(12.5), 25), 80),
        (score(reading(None), 25), 100),
        (score(reading(1), None), 100),
        (score(reading(reconnections=2), 25), 90),
        (score(reading(reconnections=50), 25), 70),
        (score(reading(age=6.1), 25), 80),
        (score(reading(age=9, group=None), 25), 100),
        (score(reading(), 25, gap=True), 90),
        (score(reading(0, reconnections=9, age=60), 25, gap=True), 0),
        (score(reading(), 25, online=False), 0),
        (score(None, 25), 0),
    ],
)
def test_score(told: int, points: int) -> None:
    assert told == points


def test_score_never_rises_with_what_is_wrong() -> None:
    for expected in (None, 5.0, 25.0):
        by_rate = [score(reading(fps / 2), expected) for fps in range(60, -1, -1)]
        by_breaks = [score(reading(10, reconnections=count), expected) for count in range(12)]
        by_age = [score(reading(10, age=age), expected) for age in range(20)]
        for row in (by_rate, by_breaks, by_age):
            assert all(later <= earlier for earlier, later in pairwise(row))
            assert all(0 <= points <= 100 for points in row)
