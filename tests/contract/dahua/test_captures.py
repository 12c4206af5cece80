"""Answers as devices write them, composed ones and captures when given, through the layers that read them.

NVR_CAPTURES names a folder with a folder `dahua`: one answer a file, named after the question it answers.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
import json
import os
from pathlib import Path
import re
from typing import Any, Final

import pytest

from custom_components.nvr.core.clock import DeviceClock, fixed_zone
from custom_components.nvr.core.drivers.dahua import (
    brands,
    mapping,
    refusals,
    wire,
    wire_config,
    wire_event,
    wire_find,
    wire_rpc,
)
from custom_components.nvr.core.drivers.dahua.event_state import EventState
from custom_components.nvr.core.drivers.dahua.fingerprint import CERTAIN, fingerprint
from custom_components.nvr.core.drivers.dahua.mapping_search import SegmentMapper
from custom_components.nvr.core.drivers.dahua.mapping_time import WallClock
from custom_components.nvr.core.drivers.dahua.tables import EVENT_TYPES, SMD_TYPES
from custom_components.nvr.core.errors import NvrAuthError, NvrResponseError, NvrUnsupportedError
from custom_components.nvr.core.models import (
    DiskState,
    EventKind,
    EventPhase,
    RecorderKind,
    RecordingKind,
    StreamRole,
    TimeSpan,
)
from custom_components.nvr.core.transport.digest import DigestChallenge, LoginSession, choose, parse_challenges
from custom_components.nvr.media.rtsp.wallclock import WallClock as SessionClock

_CAPTURES: Final = os.environ.get("NVR_CAPTURES")


def _answers(folder: Path) -> list[Path]:
    return sorted(file for file in folder.rglob("*") if file.suffix in {".txt", ".json"})


COMPOSED: Final = _answers(Path(__file__).parents[2] / "fixtures" / "dahua")
CAPTURED: Final = _answers(Path(_CAPTURES) / "dahua") if _CAPTURES else []

LONG_AGO, SOON = datetime(2015, 1, 1, tzinfo=UTC), datetime(2030, 1, 1, tzinfo=UTC)
CLOCK: Final = WallClock(DeviceClock(fixed_zone(SOON - SOON), SOON - SOON, LONG_AGO))


def table(body: str) -> Any:
    """Read a body of the CGI; every line of it must be in the flat table."""
    flat = wire.parse_lines(body)
    keys = [line.partition("=")[0].strip() for line in body.splitlines() if "=" in line]
    assert set(keys) <= flat.keys() | {""}
    return wire.nest(flat)


def answer(body: str) -> Mapping[str, object]:
    reply = wire_rpc.parse_reply(body.encode())
    assert reply.ok
    return reply.params


def is_disks(body: str) -> None:
    volumes = wire_config.parse_volumes(table(body))
    disks = [mapping.disk(place, volume) for place, volume in enumerate(volumes)]
    assert disks
    assert all(disk.state is DiskState.OK and disk.capacity and disk.name.startswith("/dev/") for disk in disks)


def is_files(page: wire_find.Page) -> None:
    assert page.found >= len(page.files)
    for channel in {file.index0 for file in page.files if file.index0 is not None}:
        mapper = SegmentMapper(CLOCK, channel + 1, StreamRole.MAIN, TimeSpan(LONG_AGO, SOON), now=SOON)
        segments = mapper.map([file for file in page.files if file.index0 == channel])
        assert segments
        assert all(segment.kind is not RecordingKind.UNKNOWN and not segment.open for segment in segments)
        for segment in segments:
            file = wire_find.parse_locator(segment.locator)
            assert file is not None
            assert file.path.endswith(".dav")
            assert (file.start, file.end) == (
                segment.span.start.replace(tzinfo=None),
                segment.span.end.replace(tzinfo=None),
            )


def is_log(params: Mapping[str, object]) -> None:
    lines = wire_find.log_lines(params)
    assert lines
    assert len(lines) == len(list(wire.entries(params.get("items"))))
    assert all(line.words and (not line.code or line.code in EVENT_TYPES) for line in lines)


def is_smart(body: str) -> None:
    found = wire_find.detections(answer(body))
    assert found
    assert all(each.word in SMD_TYPES.values() and each.end >= each.start for each in found)


def is_system(body: str) -> None:
    system = wire_config.parse_system_info(table(body))
    assert system.serial
    assert "NVR" in mapping.model_of(system)
    assert mapping.recorder_kind(mapping.Documents(system)) is RecorderKind.NVR


def is_version(body: str) -> None:
    version, build = wire_config.parse_version(table(body))
    assert re.fullmatch(r"\d+\.\d{3}\.[0-9A-Z.]+", version)
    datetime.strptime(build, "%Y-%m-%d").replace(tzinfo=UTC)


def is_remotes(body: str) -> None:
    cameras = wire_config.parse_remotes(wire.child(table(body), "table", "RemoteDevice"))
    assert cameras
    told = body.count(".Enable=true") + body.count(".Enable=false")
    assert not told or len([camera for camera in cameras if camera.enabled is not None]) == told
    documents = mapping.Documents(wire_config.SystemInfo("S"), remotes=cameras)
    channels = mapping.build_channels(documents, "S", RecorderKind.NVR, {})
    assert [channel.number for channel in channels] == sorted({channel.number for channel in channels})
    assert all(channel.name and channel.id == f"S_{channel.number}" for channel in channels)


def is_cameras(body: str) -> None:
    cameras = wire_config.parse_cameras(answer(body))
    assert cameras
    assert not [camera for camera in cameras if camera.kind == "Compose"]
    documents = mapping.Documents(wire_config.SystemInfo("S"), cameras=cameras)
    channels = mapping.build_channels(documents, "S", RecorderKind.NVR, {})
    assert {channel.number - 1 for channel in channels} == {camera.index for camera in cameras if camera.enabled}
    assert all(channel.model for channel in channels)


def is_states(body: str) -> None:
    states = wire_config.parse_states(answer(body))
    assert states
    assert mapping.is_online(states[0])
    assert not any(mapping.is_online(state) for place, state in states.items() if place)


def is_indexes(body: str) -> None:
    assert len(wire_event.indexes_of(body)) == body.count("channels[")


def is_event(body: str) -> None:
    """Read it as it comes, cut anywhere; then as what it means."""
    payload = body.strip().encode()
    part = b"--myboundary\r\nContent-Type: text/plain\r\nContent-Length:%d\r\n\r\n%s\r\n\r\n" % (len(payload), payload)
    for at in range(0, len(part), 7):
        parser = wire_event.EventParser("multipart/x-mixed-replace; boundary=myboundary")
        wires = [*parser.feed(part[:at]), *parser.feed(part[at:]), *parser.close()]
        assert len(wires) == 1
    event = EventState(lambda: None).feed(wires[0], 0.0, SOON)
    assert event is not None
    assert event.kind is not EventKind.UNKNOWN
    assert event.phase is EventPhase.START
    assert (event.channel or 0) > 0
    assert event.target is not None
    assert event.region


def is_refusal(name: str, body: str) -> None:
    found = re.search(r"_(?:http)?(\d{3})_", name)
    assert found is not None
    status = int(found[1])
    error = refusals.classify(status, {}, body.encode())
    assert error is not None
    assert refusals.is_lacking(error)
    assert isinstance(error, NvrUnsupportedError if status == 501 else refusals.DahuaRefusalError)


def is_login(name: str, body: str) -> None:
    reply = wire_rpc.parse_reply(body.encode())
    if "challenge" in name:
        challenge = wire_rpc.challenge_of(reply)
        assert challenge is not None
        assert wire_rpc.answer_to(challenge, "admin", "nvr-test-pass")
        assert reply.code in wire_rpc.CHALLENGE
    elif "bad" in name:
        assert reply.code in wire_rpc.BAD_LOGIN
        assert refusals.lock_error(reply, SOON) is None
        assert wire_rpc.challenge_of(reply) is None
        assert not isinstance(refusals.rpc_error(reply, "global.login"), NvrAuthError)
    else:
        assert reply.ok
        assert reply.session is not None


def is_head(body: str) -> None:
    """Read an HTTP head with what follows it."""
    head, _, rest = body.replace("\r\n", "\n").partition("\n\n")
    first, *lines = head.split("\n")
    headers = dict(line.split(":", 1) for line in lines)
    status = int(first.split()[1])
    if status == 401:
        assert fingerprint(status, headers, rest.encode()) == CERTAIN
        chosen = choose(parse_challenges([headers["WWW-Authenticate"].strip()]))
        assert isinstance(chosen, DigestChallenge)
        assert chosen.stale == ("stale=TRUE" in head)
        header = LoginSession(chosen, "admin", "nvr-test-pass").header("GET", "/cgi-bin/magicBox.cgi")
        assert ("opaque=" in header) == ("opaque=" in head)
    else:
        assert table(rest)
        assert refusals.classify(status, headers, rest.encode()) is None


def is_identities(body: str) -> None:
    for line in body.splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        model, *rest = line.split()
        told = dict(word.split("=", 1) for word in rest if "=" in word)
        version, _ = wire_config.parse_version(told)
        name = brands.manufacturer_name(told.get("vendor", ""), model, version)
        assert name in {brand.title for brand in brands.BRANDS}
        letters = brands.letters_of(version)
        assert letters in {"", *(letter for brand in brands.BRANDS for letter in brand.letters)}
        assert brands.audio_reboots(version) == version.startswith("2.622.00LR")


def is_boxes_words(body: str) -> None:
    """Read what a camera says of itself by RPC2."""
    told = json.loads(body)
    version, build = wire_config.parse_version(told["getSoftwareVersion"])
    system = wire_config.SystemInfo("S", told["getDeviceType"])
    assert mapping.recorder_kind(mapping.Documents(system, version, build)) is RecorderKind.CAMERA
    assert wire.integer(told, "getUpTime", "Last")
    assert brands.brand_of(told["getVendor"], told["getDeviceType"], version) is not None


def is_dialog(body: str) -> None:
    """Every range of a playback by file is where the session was told to begin."""
    ranges = re.findall(r"-> Range: (npt=[\d.]+-[\d.]+)", body)
    assert ranges
    for said in ranges:
        npt = round(float(said[4:].partition("-")[0]) * 90_000)
        clock = SessionClock(10**9, 2 * 10**9, npt=npt)
        clock.play_answer(said, "")
        assert clock.time_of(5) == 10**9


def is_table(body: str) -> None:
    assert table(body)


def is_json(body: str) -> None:
    assert list(wire.entries(json.loads(body))) or isinstance(json.loads(body), dict)


# The first word that is in the name of a file tells what the file is.
READERS: Final[tuple[tuple[str, Callable[[str], None]], ...]] = (
    ("http_", is_head),
    ("identity", is_identities),
    ("getDeviceAllInfo", is_disks),
    ("rpc2_findNextFile", lambda body: is_files(wire_find.rpc_page(answer(body)))),
    ("findNextFile", lambda body: is_files(wire_find.cgi_page(wire.parse_lines(body)))),
    ("rpc2_log", lambda body: is_log(answer(body))),
    ("log_doFind", lambda body: is_log(table(body))),
    ("SmdDataFinder", is_smart),
    ("getSystemInfo", is_system),
    ("getSoftwareVersion", is_version),
    ("RemoteDevice", is_remotes),
    ("getCameraAll", is_cameras),
    ("getCameraState", is_states),
    ("getEventIndexes", is_indexes),
    ("event_", is_event),
    ("magicBox", is_boxes_words),
    ("rtsp_playback", is_dialog),
)


def _reader(file: Path) -> Callable[[str], None]:
    name = file.name
    if name.startswith("error_"):
        return lambda body: is_refusal(name, body)
    if "_login_" in name:
        return lambda body: is_login(name, body)
    known: Iterator[Callable[[str], None]] = (reader for word, reader in READERS if word in name)
    return next(known, is_json if file.suffix == ".json" else is_table)


@pytest.mark.parametrize("file", [*COMPOSED, *CAPTURED], ids=lambda file: f"{file.parent.name}/{file.name}")
def test_answers_of_devices_are_read(file: Path) -> None:
    _reader(file)(wire.decode(file.read_bytes()))


@pytest.mark.parametrize("file", [*COMPOSED, *CAPTURED], ids=lambda file: f"{file.parent.name}/{file.name}")
def test_answers_cut_anywhere_break_nothing(file: Path) -> None:
    body = file.read_bytes()
    for at in range(0, len(body), max(1, len(body) // 40)):
        text = wire.decode(body[:at])
        nested = wire.nest(wire.parse_lines(text))
        for read in (
            wire_config.parse_volumes,
            wire_config.parse_remotes,
            wire_config.parse_cameras,
            wire_config.parse_states,
            wire_config.parse_system_info,
            wire_config.parse_version,
        ):
            read(nested)
        wire_find.cgi_page(wire.parse_lines(text))
        wire_event.parse_payload(body[:at])
        wire_event.indexes_of(text)
        try:
            reply = wire_rpc.parse_reply(body[:at])
        except NvrResponseError:
            continue
        wire_find.rpc_page(reply.params)
        wire_find.log_lines(reply.params)
        wire_find.detections(reply.params)
