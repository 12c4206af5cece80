"""What the smoke run checks besides pictures and recordings: discovery, health, controls, PTZ, blueprints, repairs."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from . import nvr_entry
from .smoke_checks import Scene, require, until

# Seconds. The first search for what is recorded comes 45 s after the set-up, and people go first.
LOOKED_AT = 120.0
# What was searched of today just before is believed for half a minute, and does not hold what is recorded since.
PAUSES = (31.0, 31.0)
_CLOCK_RIGHT = timedelta(seconds=4)


async def _state(scene: Scene, entity_id: str) -> str:
    states = await scene.home.client.states()
    return str(states.get(entity_id, {}).get("state", "missing"))


async def _entity(scene: Scene, platform: str, end: str) -> str:
    """Return the enabled entity whose unique id ends so."""
    entry = await nvr_entry.load_entry(scene.home.client, scene.known.entry_id)
    found = [one["entity_id"] for one in entry.enabled(platform) if one["unique_id"].endswith(end)]
    require(bool(found), f"there is no {platform} *{end}")
    return str(found[0])


async def _becomes(scene: Scene, seconds: float, entity_id: str, wanted: str) -> None:
    async def so() -> bool:
        return await _state(scene, entity_id) == wanted

    await until(seconds, so, f"{entity_id} is not {wanted}")


async def notified(scene: Scene, seconds: float, wanted: Callable[[dict[str, Any]], bool], words: str) -> str:
    """Wait for a notification, and return what it says."""
    found: list[str] = []

    async def there() -> bool:
        async with scene.home.client.websocket() as socket:
            notices = await socket.command("persistent_notification/get")
        found[:] = [notice["message"] for notice in notices if wanted(notice)]
        return bool(found)

    await until(seconds, there, words)
    return found[0]


async def discovered(scene: Scene) -> str:
    """What answers on the network is listed before anybody types an address."""
    client = scene.home.client
    flow = await nvr_entry.open_flow(client)
    await client.request("DELETE", f"/api/config/config_entries/flow/{flow['flow_id']}")
    (host,) = (field for field in flow["data_schema"] if field["name"] == "host")
    options = (host.get("selector") or {}).get("select", {}).get("options", [])
    shown = [option["label"] for option in options if scene.nvr.kind.manufacturer in option["label"]]
    require(bool(shown), f"nothing of its make is listed: {options}")
    return f"{len(options)} listed, '{shown[0]}' among them"


async def health(scene: Scene) -> str:
    """What is recorded is known, and so are the disks."""
    recording = await _entity(scene, "binary_sensor", "_1_recording")
    await _becomes(scene, LOOKED_AT, recording, "on")
    storage = await _entity(scene, "binary_sensor", "_storage_problem")
    await _becomes(scene, 30, storage, "off")
    problems = await _entity(scene, "sensor", "_channels_with_problems")
    await _becomes(scene, 30, problems, "0")
    return "channel 1 is recorded, the disks are well, no channel has a problem"


async def controls(scene: Scene) -> str:
    """An alarm output is switched, and read back from the NVR."""
    client = scene.home.client
    relay: list[str] = []

    async def found_out() -> bool:
        entry = await nvr_entry.load_entry(client, scene.known.entry_id)
        relay[:] = [one["entity_id"] for one in entry.enabled("switch") if "alarm_output" in one["unique_id"]]
        return bool(relay)

    await until(LOOKED_AT, found_out, "it was not found out what can be switched")
    before = (await scene.nvr.control("/counters"))["writes"]
    for action, state in (("turn_on", "on"), ("turn_off", "off")):
        await client.post_json(f"/api/services/switch/{action}", {"entity_id": relay[0]})
        await _becomes(scene, 15, relay[0], state)
    written = (await scene.nvr.control("/counters"))["writes"] - before
    require(written == 2, f"{written} settings were written")
    return f"{relay[0]} on and off again, 2 writes"


async def ptz(scene: Scene) -> str:
    """The camera that moves is turned, and sent to a preset by its name."""
    client = scene.home.client
    camera = scene.known.enabled("camera")[2]["entity_id"]
    await client.post_json("/api/services/nvr/ptz_move", {"entity_id": camera, "pan": -50, "duration": 0.3})
    await client.post_json("/api/services/nvr/ptz_go_to_preset", {"entity_id": camera, "preset": "Home"})
    heads = (await scene.nvr.control("/state"))["heads"]
    require(heads.get("3") == [34], f"the heads went to {heads}")
    return "channel 3 turned to the left, then to 'Home'"


async def blueprints(scene: Scene) -> str:
    """What is seen is told with its picture, and that nothing is recorded as well."""
    client, kind = scene.home.client, scene.nvr.kind
    async with client.websocket() as socket:
        told = await socket.subscribe("call_service", domain="script", service="tell")
        for pause in (*PAUSES, None):
            await scene.nvr.control("/event", dict(kind.leaves))
            await scene.nvr.control("/event", dict(kind.comes))
            seen = await _told(told, lambda call: bool(call["title"] == kind.cameras[0]))
            require(seen["message"].startswith("Intrusion"), f"it said: {seen['message']}")
            if seen["data"]["image"] or pause is None:
                break
            await asyncio.sleep(pause)
        require(bool(seen["data"]["image"]), "the blueprint got no picture")
        picture = await client.get(seen["data"]["image"])
        require(picture.startswith(b"\xff\xd8\xff"), "the picture of the notification is no JPEG")
        await scene.nvr.control("/event", dict(kind.fails))
        tag = f"nvr_recording_{scene.known.device['id']}"
        await _told(told, lambda call: bool(call["data"]["tag"] == tag))
        await scene.nvr.control("/event", dict(kind.works))
    words = "it was told and is not shown"
    await notified(scene, 15, lambda notice: bool(notice["notification_id"] == tag), words)
    return "notified of an intrusion with its picture, and of what keeps it from recording"


async def _told(calls: asyncio.Queue[dict[str, Any]], wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """Return the next notification that is wanted, as a blueprint gave it."""
    async with asyncio.timeout(60):
        while True:
            call: dict[str, Any] = (await calls.get())["data"]["service_data"]
            if wanted(call):
                return call


async def told_away(scene: Scene, begins: str) -> None:
    """Wait until the blueprint has told that the NVR is away, or back."""
    tag = f"nvr_away_{scene.known.device['id']}"

    def wanted(notice: dict[str, Any]) -> bool:
        return bool(notice["notification_id"] == tag and notice["message"].startswith(begins))

    await notified(scene, 30, wanted, f"the blueprint did not tell: {begins}")


async def _issues(scene: Scene) -> dict[str, dict[str, Any]]:
    """Return what is told of this NVR."""
    async with scene.home.client.websocket() as socket:
        issues = (await socket.command("repairs/list_issues"))["issues"]
    return {issue["translation_key"]: issue for issue in issues if scene.known.entry_id in issue["issue_id"]}


async def repairs(scene: Scene) -> str:
    """An NVR that nobody looked after: what is wrong is told, and the clock is set when somebody agrees."""
    client, wanted = scene.home.client, scene.nvr.kind.repairs
    told: dict[str, dict[str, Any]] = {}

    async def all_told() -> bool:
        told.clear()
        told.update(await _issues(scene))
        return wanted <= told.keys()

    await until(LOOKED_AT, all_told, f"not told: {', '.join(sorted(wanted - told.keys()))}")
    issue = {"handler": "nvr", "issue_id": told["clock_wrong"]["issue_id"]}
    form = await client.post_json("/api/repairs/issues/fix", issue)
    require(form["type"] == "form", f"the repair begins with {form}")
    done = await client.post_json(f"/api/repairs/issues/fix/{form['flow_id']}", {})
    require(done["type"] == "create_entry", f"the clock was not set: {done.get('errors')}")
    now = await scene.nvr.control("/state")
    off = abs(datetime.fromisoformat(now["now"]) - datetime.fromisoformat(now["device_now"]))
    require(off < _CLOCK_RIGHT, f"the clock is {off} off")

    async def gone() -> bool:
        return "clock_wrong" not in await _issues(scene)

    await until(30, gone, "the repair of the clock stays")
    return f"{', '.join(sorted(wanted))} told; the clock is right again"
