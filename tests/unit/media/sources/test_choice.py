"""Which way is tried first, and where two downloads meet."""

import pytest

from custom_components.nvr.core.errors import NvrBusyError, NvrResponseError, NvrTimeoutError
from custom_components.nvr.media.cover import MOST_BYTES, Sample
from custom_components.nvr.media.joint import Joint
from custom_components.nvr.media.sources.base import Way
from custom_components.nvr.media.sources.choice import SourceMemory
from custom_components.nvr.media.ticks import RATE

BOTH = [Way.PLAYBACK, Way.DOWNLOAD]
STEP = 3600


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_playback_first_while_nothing_is_known() -> None:
    memory = SourceMemory()
    assert memory.order(0.0) == BOTH
    assert memory.order(None) == [Way.PLAYBACK]


def test_download_first_of_a_recorder_in_real_time_where_it_begins_near() -> None:
    memory = SourceMemory()
    memory.measured(Way.PLAYBACK, real_time=True)
    assert memory.order(0.0) == BOTH[::-1]
    assert memory.order(300.0) == BOTH
    memory.measured(Way.DOWNLOAD, real_time=False, speed=50)
    assert memory.order(90.0) == BOTH[::-1]
    memory.measured(Way.DOWNLOAD, real_time=True)
    assert memory.order(0.0) == BOTH


def test_what_a_driver_tells_counts_more_than_what_was_measured() -> None:
    memory = SourceMemory()
    memory.tell(Way.PLAYBACK, real_time=True)
    memory.measured(Way.PLAYBACK, real_time=False)
    memory.tell(Way.PLAYBACK, None)
    assert memory[Way.PLAYBACK].real_time is True


def test_what_failed_stands_back_longer_each_time_and_comes_back() -> None:
    clock = Clock()
    memory = SourceMemory("one", clock)
    waits = []
    for _ in range(6):
        memory.failed(Way.PLAYBACK, NvrTimeoutError("silent"), Way.DOWNLOAD)
        assert memory.order(1000.0) == BOTH[::-1]
        waits.append(memory[Way.PLAYBACK].avoided_until - clock.now)
        clock.now += waits[-1] + 1
        assert memory.order(1000.0) == BOTH
    assert waits == sorted(waits)
    assert waits[-1] == 600
    memory.measured(Way.PLAYBACK, real_time=False)
    memory.failed(Way.PLAYBACK, NvrResponseError("broke"), Way.DOWNLOAD)
    assert memory[Way.PLAYBACK].avoided_until - clock.now == 10


def test_a_download_in_use_is_no_failure() -> None:
    memory = SourceMemory()
    memory.measured(Way.PLAYBACK, real_time=True)
    memory.failed(Way.DOWNLOAD, NvrBusyError("in use"), Way.PLAYBACK)
    assert memory.order(0.0) == BOTH
    assert memory[Way.DOWNLOAD].failed == 0
    assert memory.as_dict()["download"]["problem"] == "in use"  # type: ignore[index]


def frames(first: int, count: int, shift: int = 0) -> list[Sample]:
    return [Sample((first + n) * STEP + shift, not (first + n) % 25, bytes([first + n])) for n in range(count)]


def test_joint_drops_what_was_given_out_and_dates_the_rest_by_it() -> None:
    joint = Joint(frames(99, 1)[0])
    assert joint.push(frames(75, 10, 900)) == []
    assert joint.push(frames(85, 20, 900)) == frames(100, 5)
    assert joint.shift == -900
    assert joint.push(frames(105, 2, 900)) == frames(105, 2)


def test_joint_that_is_none_drops_nothing() -> None:
    joint = Joint(Sample(99 * STEP, False, b"another"))
    assert joint.push(frames(75, 10)) == []
    late = [Sample(99 * STEP + 3 * RATE, True, b"late")]
    assert joint.push(late) == frames(75, 10) + late
    assert joint.push(frames(200, 1)) == frames(200, 1)


def test_joint_at_the_end_gives_out_what_it_held() -> None:
    joint = Joint(Sample(99 * STEP, False, b"another"))
    assert joint.push(frames(75, 3)) == []
    assert joint.push([]) == frames(75, 3)


def test_joint_holds_no_more_of_a_file_that_comes_from_its_beginning_than_lies_around_the_seam() -> None:
    joint = Joint(Sample(3600 * RATE, False, b"another"))
    for second in range(0, 3600, 2):
        assert joint.push([Sample(second * RATE, True, b"key"), Sample((second + 1) * RATE, False, b"rest")]) == []
    assert len(joint.flush()) <= 6


def test_joint_refuses_what_no_recording_holds() -> None:
    joint = Joint(Sample(99 * STEP, False, b"another"))
    piece = bytes(MOST_BYTES // 4)
    with pytest.raises(NvrResponseError):
        joint.push([Sample(STEP, not number, piece) for number in range(6)])
