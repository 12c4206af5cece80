"""The audit: what sessions and refusals leave behind, for how long, and who may read it."""

import asyncio
import csv
from datetime import timedelta
from io import StringIO
import json
from pathlib import Path
from typing import Any

from aiohttp.test_utils import TestClient
from homeassistant.auth.const import GROUP_ID_ADMIN
from homeassistant.auth.models import User
from homeassistant.components.http.auth import async_sign_path
from homeassistant.const import EVENT_HOMEASSISTANT_FINAL_WRITE
from homeassistant.core import HomeAssistant
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_capture_events,
    async_fire_time_changed,
)
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator, WebSocketGenerator

from custom_components.nvr.audit import FOLDER, AuditLog
from custom_components.nvr.audit_rows import AuditFilter, AuditKind
from custom_components.nvr.const import CONF_AUDIT_DAYS
from custom_components.nvr.core.models import TimeSpan
from custom_components.nvr.playback import start_playback
from custom_components.nvr.playback_links import PlaybackLink
from custom_components.nvr.shared import shared
from tests.simulators.hikvision import HikvisionSimulator

from .conftest import StartSimulator, until
from .footage_helpers import CLIENT_ID, READ, Player, person, token_of

ANYTHING = AuditFilter()


@pytest.fixture(name="nvr")
async def nvr_fixture(start_simulator: StartSimulator) -> HikvisionSimulator:
    simulator: HikvisionSimulator = await start_simulator(channels=1, rtsp=True)
    simulator.rtsp.faults.delivery = 20.0
    return simulator


@pytest.fixture(name="log")
async def log_fixture(hass: HomeAssistant, entry: MockConfigEntry) -> AuditLog:
    return shared(hass).audit


async def play(hass: HomeAssistant, nvr: HikvisionSimulator, entry: MockConfigEntry, user: User) -> PlaybackLink:
    start = nvr.now().replace(microsecond=0) - timedelta(hours=2)
    return await start_playback(hass, entry, 1, TimeSpan(start, start + timedelta(minutes=10)), user.id)


def files(hass: HomeAssistant) -> list[Path]:
    return sorted(Path(hass.config.path(".storage", FOLDER)).glob("*"))


async def test_session_is_told_once_however_often_it_seeks(
    hass: HomeAssistant,
    nvr: HikvisionSimulator,
    entry: MockConfigEntry,
    log: AuditLog,
    hass_client_no_auth: ClientSessionGenerator,
) -> None:
    guest = await person(hass, {"entities": {"all": READ}})
    started = async_capture_events(hass, "nvr_stream_started")
    stopped = async_capture_events(hass, "nvr_stream_stopped")
    hass.config_entries.async_update_entry(entry, title="N" * 300)
    link = await play(hass, nvr, entry, guest)
    player = Player(await hass_client_no_auth(), link.path)
    segments = await player.segments()
    for number in (0, len(segments) - 1, 0):
        await player.fetch(f"s{number}.m4s")
    assert nvr.rtsp.counters.sessions_opened["playback"] > 1
    assert (len(started), len(stopped)) == (1, 0)
    assert started[0].context.user_id == guest.id
    await link.playback.yield_slot()
    await until(lambda: stopped)
    await player.fetch("s1.m4s")
    assert (len(started), len(stopped)) == (2, 1), "who comes back begins a session of its own"
    assert await hass.config_entries.async_unload(entry.entry_id)
    await until(lambda: len(stopped) == 2)
    for event in (*started, *stopped):
        assert event.data["entity_id"] == "camera.front_door"
        assert (event.data["user_id"], event.data["kind"], event.data["channel"]) == (guest.id, "playback", 1)
        assert len(json.dumps(event.data)) <= 1000
    assert [event.data["session_id"] for event in started] == [event.data["session_id"] for event in stopped]
    assert all(event.data["duration"] >= 0 for event in stopped)
    page = await log.async_query(ANYTHING, limit=100)
    assert [row["kind"] for row in reversed(page.rows)] == [
        *("stream_started", "media_accessed", "stream_stopped", "stream_started", "stream_stopped")
    ]
    assert {row["user"] for row in page.rows} == {"guest"}
    assert [row["stream"] for row in page.rows if "stream" in row] == ["playback"] * 4
    assert all(len(line) <= 1000 for path in files(hass) for line in path.read_bytes().splitlines())


async def test_recorder_that_has_no_slot_is_asked_again_without_a_word(
    hass: HomeAssistant, nvr: HikvisionSimulator, entry: MockConfigEntry, hass_client_no_auth: ClientSessionGenerator
) -> None:
    nvr.rtsp.options.playback_limit = 0
    told = [async_capture_events(hass, f"nvr_stream_{what}") for what in ("started", "stopped")]
    link = await play(hass, nvr, entry, await person(hass, {"entities": {"all": READ}}))
    player = Player(await hass_client_no_auth(), link.path)
    assert [await player.status() for _ in range(2)] == [503, 503]
    await hass.async_block_till_done()
    assert told == [[], []]


async def test_rows_are_written_a_moment_later_and_when_home_assistant_stops(
    hass: HomeAssistant, log: AuditLog
) -> None:
    log.record(AuditKind.DENIED, {"user_id": "anna"})
    assert files(hass) == []
    async_fire_time_changed(hass, dt_util.utcnow() + timedelta(seconds=5))
    await until(lambda: files(hass) and files(hass)[0].read_bytes())
    log.record(AuditKind.DENIED, {"user_id": "bert"})
    hass.bus.async_fire(EVENT_HOMEASSISTANT_FINAL_WRITE)
    await hass.async_block_till_done()
    assert [json.loads(line)["user_id"] for line in files(hass)[0].read_bytes().splitlines()] == ["anna", "bert"]
    again = await AuditLog(hass).async_query(ANYTHING, limit=9)
    assert [row["user_id"] for row in again.rows] == ["bert", "anna"]


async def test_same_refusal_is_one_row_a_minute(log: AuditLog, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr("custom_components.nvr.audit.time.monotonic", lambda: now)
    asked = {"user_id": "anna", "entry_id": "one", "channel": 1, "action": "live", "via": "camera"}
    for _ in range(5):
        log.record_denial(asked)
    log.record_denial({**asked, "channel": 2})
    now += 61
    log.record_denial(asked)
    for number in range(300):
        log.record_denial({**asked, "channel": number})
    page = await log.async_query(AuditFilter(channel=1), limit=100)
    assert len(page.rows) == 2
    assert len(log._denials) <= 256


def block(folder: Path) -> None:
    """Put a file where the folder should be."""
    folder.parent.mkdir(exist_ok=True)
    folder.write_bytes(b"in the way")


async def test_disk_that_takes_nothing_is_told_once_and_loses_nothing(
    hass: HomeAssistant, log: AuditLog, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = Path(hass.config.path(".storage", FOLDER))
    block(folder)
    monkeypatch.setattr("custom_components.nvr.audit._MAX_WAITING", 3)
    for number in range(2):
        log.record(AuditKind.DENIED, {"channel": number})
        await log.async_flush()
    assert caplog.text.count("The audit cannot be written") == 1
    assert (log.statistics["waiting"], log.statistics["lost"]) == (2, 0)
    for number in range(2, 5):
        log.record(AuditKind.DENIED, {"channel": number})
    await hass.async_add_executor_job(folder.unlink)
    page = await log.async_query(ANYTHING, limit=9)
    assert [row["channel"] for row in page.rows] == [4, 3, 2]
    assert (log.statistics["waiting"], log.statistics["lost"]) == (0, 2)


async def test_rows_are_kept_as_long_as_each_recorder_says(
    hass: HomeAssistant, entry: MockConfigEntry, log: AuditLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    hass.config_entries.async_update_entry(entry, options={CONF_AUDIT_DAYS: 30})
    now = dt_util.utcnow()
    for days, entry_id in ((100, "gone"), (80, "gone"), (40, entry.entry_id), (20, entry.entry_id)):
        with monkeypatch.context() as earlier:
            earlier.setattr(dt_util, "utcnow", lambda days=days: now - timedelta(days=days))
            log.record(AuditKind.DENIED, {"entry_id": entry_id, "channel": days})
    page = await log.async_query(ANYTHING, limit=9)
    assert [row["channel"] for row in page.rows] == [20, 80], "what is too old is not shown, though it is there still"
    assert len(files(hass)[0].read_bytes().splitlines()) == 4
    await log.async_prune()
    assert len(files(hass)[0].read_bytes().splitlines()) == 2
    assert (await log.async_query(ANYTHING, limit=9)).rows == page.rows


async def test_many_rows_at_once_come_out_in_order(log: AuditLog) -> None:
    async def burst(first: int) -> None:
        for number in range(first, first + 50):
            log.record(AuditKind.DENIED, {"channel": number})
            if number % 10 == 0:
                await log.async_flush()

    await asyncio.gather(*(burst(first) for first in (0, 100, 200)))
    log.record(AuditKind.DENIED, {"channel": 300})
    leaving = asyncio.create_task(log.async_flush())
    await asyncio.sleep(0)
    leaving.cancel()
    page = await log.async_query(ANYTHING, limit=1000)
    assert page.rows[0]["channel"] == 300, "who leaves takes nothing with him"
    assert [row["id"] for row in page.rows] == list(range(151, 0, -1))


async def ask(socket: Any, **fields: Any) -> dict[str, Any]:
    await socket.send_json_auto_id({"type": "nvr/audit", **fields})
    answer: dict[str, Any] = await socket.receive_json()
    return answer


async def test_administrators_read_it_page_by_page(
    hass: HomeAssistant, entry: MockConfigEntry, log: AuditLog, hass_ws_client: WebSocketGenerator
) -> None:
    admin = await hass.auth.async_create_user("admin", group_ids=[GROUP_ID_ADMIN])
    for number in range(5):
        user_id = admin.id if number % 2 else "anna"
        log.record(AuditKind.DENIED, {"user_id": user_id, "entry_id": entry.entry_id, "channel": number + 1})
    log.record(AuditKind.REVOKED, {"entry_id": "other", "channel": 1})
    socket = await hass_ws_client(hass)
    first = (await ask(socket, limit=4))["result"]
    assert [row["id"] for row in first["rows"]] == [6, 5, 4, 3]
    second = (await ask(socket, limit=4, before=first["next"]))["result"]
    assert ([row["id"] for row in second["rows"]], second["next"]) == ([2, 1], None)

    async def found(**fields: Any) -> list[int]:
        return [row["id"] for row in (await ask(socket, **fields))["result"]["rows"]]

    assert await found(user_id=admin.id) == [4, 2]
    assert await found(entry_id=entry.entry_id, channel=1) == [1]
    assert await found(kinds=["revoked"]) == [6]
    assert await found(end=(dt_util.now() - timedelta(minutes=1)).isoformat()) == []
    assert len(await found(start=f"{dt_util.now() - timedelta(minutes=1):%Y-%m-%d %H:%M:%S}")) == 6
    for wrong in ({"limit": 0}, {"limit": 1001}, {"kinds": ["nothing"]}, {"start": "yesterday"}, {"channel": 0}):
        assert (await ask(socket, **wrong))["error"]["code"] == "invalid_format"


async def test_nobody_else_reads_it(
    hass: HomeAssistant, entry: MockConfigEntry, hass_ws_client: WebSocketGenerator, hass_client_no_auth: Any
) -> None:
    guest = await person(hass, {"entities": True})
    token = await token_of(hass, guest)
    answer = await ask(await hass_ws_client(hass, token))
    assert answer["error"]["code"] == "unauthorized"
    client: TestClient[Any, Any] = await hass_client_no_auth()
    assert (await client.get("/api/nvr/audit.csv")).status == 401
    assert (await client.get("/api/nvr/audit.csv", headers={"Authorization": f"Bearer {token}"})).status == 401


async def test_spreadsheet_gets_all_of_it_and_no_formula(
    hass: HomeAssistant,
    log: AuditLog,
    hass_client: ClientSessionGenerator,
    hass_client_no_auth: ClientSessionGenerator,
    hass_admin_user: User,
) -> None:
    for number in range(1100):
        log.record(
            AuditKind.DENIED, {"channel": number % 3 + 1, "channel_name": '=HYPERLINK("x"), a\r\nb', "user_id": "é"}
        )
    client = await hass_client()
    response = await client.get("/api/nvr/audit.csv")
    assert response.status == 200
    assert response.content_type == "text/csv"
    assert response.headers["Content-Disposition"] == 'attachment; filename="nvr_audit.csv"'
    text = await response.text()
    assert text.startswith("\ufeff")
    head, *body = csv.reader(StringIO(text.removeprefix("\ufeff"), newline=""))
    assert len(body) == 1100
    row = dict(zip(head, body[-1], strict=True))
    assert (row["id"], row["channel_name"], row["user_id"]) == ("1", '\'=HYPERLINK("x"), a\r\nb', "é")
    response = await client.get("/api/nvr/audit.csv", params={"channel": "2", "kinds": "denied,revoked"})
    assert (await response.text()).count('"denied"') == 367
    refresh = await hass.auth.async_create_refresh_token(hass_admin_user, CLIENT_ID)
    path = "/api/nvr/audit.csv?kinds=revoked"
    signed = async_sign_path(hass, path, timedelta(minutes=1), refresh_token_id=refresh.id)
    response = await (await hass_client_no_auth()).get(signed)
    assert (response.status, len((await response.text()).splitlines())) == (200, 1)
    for wrong in ({"channel": "x"}, {"color": "red"}, {"start": "x"}):
        assert (await client.get("/api/nvr/audit.csv", params=wrong)).status == 400


async def test_what_cannot_be_read_is_no_empty_answer(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    log: AuditLog,
    hass_client: ClientSessionGenerator,
    hass_ws_client: WebSocketGenerator,
) -> None:
    log.record(AuditKind.DENIED, {})
    await log.async_flush()
    (path,) = files(hass)
    path.unlink()
    path.mkdir()
    answer = await ask(await hass_ws_client(hass))
    assert answer["error"]["code"] == "audit_unreadable"
    assert (await (await hass_client()).get("/api/nvr/audit.csv")).status == 500
