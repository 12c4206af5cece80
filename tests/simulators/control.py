"""The control port: other processes look at a simulator's counters, switch its faults and make things happen.

GET /counters, /faults, /state; POST /faults, /event, /burst, /spaced, /motion, /power, /reboot, /stall, /channel,
/password, /clock, /footage, /nonces, /alerts, /counters (reset), and what a family knows besides. Bodies and answers
are JSON.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from functools import partial
import time
from typing import Any

from aiohttp import web

from .simulator import Simulator
from .switches import describe

type _Action = Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]


class ControlServer:
    """Serves one simulator's control port, whatever its family."""

    def __init__(self, simulator: Simulator, *, host: str = "127.0.0.1") -> None:
        self._simulator = simulator
        self._host = host
        self._runner: web.AppRunner | None = None
        self._ready: dict[str, bytes] = {}
        self.port = 0

    async def start(self, port: int = 0) -> None:
        """Listen."""
        application = web.Application(client_max_size=16 << 20)
        application.router.add_get("/counters", self._counters)
        application.router.add_get("/faults", self._faults)
        application.router.add_get("/state", self._state)
        application.router.add_post("/{action}", self._post)
        self._runner = web.AppRunner(application, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, self._host, port)
        await site.start()
        assert self._runner.addresses
        self.port = int(self._runner.addresses[0][1])

    async def stop(self) -> None:
        """Stop listening."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _counters(self, _request: web.Request) -> web.Response:
        simulator = self._simulator
        return web.json_response({**simulator.counters.snapshot(), "rtsp": simulator.rtsp.counters.as_dict()})

    async def _faults(self, _request: web.Request) -> web.Response:
        simulator = self._simulator
        return web.json_response({**describe(simulator.faults), "rtsp": describe(simulator.rtsp.faults)})

    async def _state(self, _request: web.Request) -> web.Response:
        return web.json_response(self._simulator.state())

    async def _post(self, request: web.Request) -> web.Response:
        actions: dict[str, _Action] = {
            "alerts": self._alerts,
            "burst": self._burst,
            "channel": self._channel,
            "clock": self._clock,
            "counters": self._reset,
            "event": self._event,
            "faults": self._switch,
            "footage": self._footage,
            "motion": self._motion,
            "nonces": self._nonces,
            "password": self._password,
            "power": self._power,
            "reboot": self._reboot,
            "spaced": partial(_spaced, self._simulator),
            "stall": self._stall,
        }
        name = request.match_info["action"]
        action = actions.get(name)
        try:
            body: dict[str, Any] = await request.json() if request.can_read_body else {}
            if action is not None:
                return web.json_response(await action(body))
            if await self._simulator.control(name, body):
                return web.json_response({"ok": True})
            return web.json_response({"error": "no such action"}, status=404)
        except (KeyError, TypeError, ValueError) as error:
            return web.json_response({"error": f"{type(error).__name__}: {error}"}, status=400)

    async def _switch(self, body: dict[str, Any]) -> dict[str, Any]:
        self._simulator.apply_faults(body)
        return {"ok": True}

    async def _event(self, body: dict[str, Any]) -> dict[str, Any]:
        return {"sent": await self._simulator.event(body)}

    async def _burst(self, body: dict[str, Any]) -> dict[str, Any]:
        """Render distinct events ahead (`prepare`), or send those rendered under a name (`send`)."""
        simulator = self._simulator
        if "prepare" in body:
            channels, vary = int(body.get("channels", 8)), bool(body.get("vary"))
            data = simulator.burst(int(body["count"]), channels=channels, vary=vary)
            self._ready[str(body["prepare"])] = data
            return {"bytes": len(data)}
        data = self._ready[str(body["send"])]
        simulator.send_events(data)
        return {"bytes": len(data)}

    async def _footage(self, body: dict[str, Any]) -> dict[str, Any]:
        """Let a channel that recorded all the time stop: `stopped` minutes ago, and for a day to come."""
        footage, number = self._simulator.footage, int(body["channel"])
        footage.plans[number] = replace(footage.plans[number], mode="continuous", gaps=())
        now = self._simulator.now()
        footage.add_gap(number, now - timedelta(minutes=float(body["stopped"])), now + timedelta(days=1))
        return {"ok": True}

    async def _motion(self, body: dict[str, Any]) -> dict[str, Any]:
        self._simulator.motion(int(body["channel"]), on=bool(body.get("on", True)), target=body.get("target"))
        return {"ok": True}

    async def _alerts(self, body: dict[str, Any]) -> dict[str, Any]:
        self._simulator.cut_events(inside_part=bool(body.get("inside_part")))
        return {"ok": True}

    async def _power(self, body: dict[str, Any]) -> dict[str, Any]:
        if body["on"]:
            await self._simulator.power_on()
        else:
            await self._simulator.power_off(blackhole=bool(body.get("blackhole")))
        return {"powered": self._simulator.powered}

    async def _reboot(self, body: dict[str, Any]) -> dict[str, Any]:
        self._simulator.reboot(off_seconds=body.get("off_seconds"), version=body.get("version"))
        return {"ok": True}

    async def _stall(self, body: dict[str, Any]) -> dict[str, Any]:
        self._simulator.stall(on=bool(body.get("on", True)))
        return {"ok": True}

    async def _channel(self, body: dict[str, Any]) -> dict[str, Any]:
        simulator, number = self._simulator, int(body["channel"])
        if body.get("remove"):
            await simulator.remove_channel(number)
            return {"ok": True}
        if body.get("add"):
            simulator.add_channel(number, body.get("name"))
        if "name" in body:
            simulator.rename_channel(number, str(body["name"]))
        if "online" in body:
            await simulator.set_channel_online(number, online=bool(body["online"]))
        if "model" in body:
            simulator.replace_camera(number, str(body["model"]), str(body.get("serial", "")))
        if "codec" in body:
            simulator.set_codec(number, str(body["codec"]), width=body.get("width"), height=body.get("height"))
        return {"ok": True}

    async def _password(self, body: dict[str, Any]) -> dict[str, Any]:
        self._simulator.change_password(str(body["password"]))
        return {"ok": True}

    async def _nonces(self, _body: dict[str, Any]) -> dict[str, Any]:
        self._simulator.rotate_nonces()
        return {"ok": True}

    async def _clock(self, body: dict[str, Any]) -> dict[str, Any]:
        if "skew" in body:
            self._simulator.clock.skew = timedelta(seconds=float(body["skew"]))
        if "utc_offset" in body:
            self._simulator.set_zone(int(body["utc_offset"]), dst=bool(body.get("dst")))
        return {"ok": True}

    async def _reset(self, _body: dict[str, Any]) -> dict[str, Any]:
        self._simulator.counters.reset()
        return {"ok": True}


async def _spaced(simulator: Simulator, body: dict[str, Any]) -> dict[str, Any]:
    """Send `count` distinct events `seconds` apart; answer when each left, by the machine's monotonic clock.

    The first leaves at `start` of that clock, else at once.
    """
    seconds = float(body["seconds"])
    boundary = simulator.event_boundary
    data = simulator.burst(int(body["count"]), channels=int(body.get("channels", 8)))
    parts = [boundary + part for part in data.split(boundary) if part.strip()]
    start = float(body.get("start", time.perf_counter()))
    sent = []
    for number, part in enumerate(parts):
        await asyncio.sleep(start + number * seconds - time.perf_counter())
        sent.append(time.perf_counter())
        simulator.send_events(part)
    return {"sent": sent}
