"""What can be done to a simulated box besides its switches: how each is begun, and how it is ended."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

type Do = Callable[[Any, Any], Awaitable[None]]

_HOST: Final = "127.0.0.1"
_OTHER_PASSWORD: Final = "another-fake-pass"


@dataclass(frozen=True, slots=True)
class Act:
    """Begin and end of one; both take the simulator and the value of the line."""

    begin: Do
    end: Do


async def _nothing(_nvr: Any, _value: Any) -> None:
    """What was done once is over by itself."""


async def _power_off(nvr: Any, value: Any) -> None:
    await nvr.power_off(blackhole=value == "blackhole")


async def _power_on(nvr: Any, _value: Any) -> None:
    await nvr.power_on()


async def _reboot(nvr: Any, value: Any) -> None:
    nvr.reboot(off_seconds=float(value))
    await nvr.restarted()


async def _stall(nvr: Any, _value: Any) -> None:
    nvr.stall()


async def _flow(nvr: Any, _value: Any) -> None:
    nvr.stall(on=False)


async def _password(nvr: Any, _value: Any) -> None:
    nvr.change_password(_OTHER_PASSWORD)
    nvr.rotate_nonces()
    if hasattr(nvr, "end_sessions"):
        nvr.end_sessions()


async def _password_back(nvr: Any, _value: Any) -> None:
    nvr.change_password(nvr.options.password)
    nvr.login.unlock()


async def _lock(nvr: Any, _value: Any) -> None:
    nvr.login.policy.lock_seconds = max(nvr.login.policy.lock_seconds, 600.0)
    nvr.login.lock(_HOST, nvr.options.user)
    nvr.rotate_nonces()


async def _unlock(nvr: Any, _value: Any) -> None:
    nvr.login.unlock()


async def _stale(nvr: Any, _value: Any) -> None:
    nvr.rotate_nonces()


async def _cut(nvr: Any, value: Any) -> None:
    nvr.cut_events(inside_part=value == "inside")


async def _sessions(nvr: Any, _value: Any) -> None:
    if hasattr(nvr, "end_sessions"):
        nvr.end_sessions()
        nvr.lose_finders()
    nvr.rotate_nonces()


async def _camera_lost(nvr: Any, value: Any) -> None:
    await nvr.set_channel_online(int(value), online=False)


async def _camera_back(nvr: Any, value: Any) -> None:
    await nvr.set_channel_online(int(value), online=True)


async def _add(nvr: Any, value: Any) -> None:
    nvr.add_channel(int(value))


async def _remove(nvr: Any, value: Any) -> None:
    await nvr.remove_channel(int(value))


async def _rename(nvr: Any, value: Any) -> None:
    nvr.rename_channel(1, str(value))


async def _rename_back(nvr: Any, _value: Any) -> None:
    nvr.rename_channel(1, "Front door")


async def _replace(nvr: Any, value: Any) -> None:
    nvr.replace_camera(int(value), model="IPC-OTHER", serial="IPC-OTHER0001")


async def _shuffle(nvr: Any, value: Any) -> None:
    nvr.shuffle_lists(int(value))


async def _in_order(nvr: Any, _value: Any) -> None:
    nvr.shuffle_lists(None)


async def _codec(nvr: Any, value: Any) -> None:
    nvr.set_codec(1, str(value))


async def _codec_back(nvr: Any, _value: Any) -> None:
    nvr.set_codec(1, "H.264")


async def _zone(nvr: Any, value: Any) -> None:
    nvr.set_zone(int(value))


async def _skew(nvr: Any, value: Any) -> None:
    nvr.clock.skew = timedelta(seconds=float(value))


async def _right(nvr: Any, _value: Any) -> None:
    nvr.clock.skew = timedelta(0)
    nvr.clock.steps.clear()


async def _step(nvr: Any, value: Any) -> None:
    nvr.clock.step(timedelta(seconds=float(value)))


async def _gap(nvr: Any, value: Any) -> None:
    now = nvr.now()
    nvr.footage.add_gap(int(value), now - timedelta(minutes=45), now + timedelta(days=1))


async def _whole(nvr: Any, _value: Any) -> None:
    nvr.footage._extra_gaps.clear()


ACTS: Final = {
    "power_off": Act(_power_off, _power_on),
    "reboot": Act(_reboot, _nothing),
    "stall": Act(_stall, _flow),
    "change_password": Act(_password, _password_back),
    "lock": Act(_lock, _unlock),
    "rotate_nonces": Act(_stale, _nothing),
    "end_sessions": Act(_sessions, _nothing),
    "cut_events": Act(_cut, _nothing),
    "set_channel_online": Act(_camera_lost, _camera_back),
    "add_channel": Act(_add, _remove),
    "remove_channel": Act(_remove, _add),
    "rename_channel": Act(_rename, _rename_back),
    "replace_camera": Act(_replace, _nothing),
    "shuffle_lists": Act(_shuffle, _in_order),
    "set_codec": Act(_codec, _codec_back),
    "set_zone": Act(_zone, _nothing),
    "clock.skew": Act(_skew, _right),
    "clock.step": Act(_step, _right),
    "footage.add_gap": Act(_gap, _whole),
}
