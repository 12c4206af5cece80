"""The web server's habits and failures, seen from raw sockets and from requests."""

import asyncio
import hashlib
import re
import ssl
import time
from xml.etree import ElementTree as ET

import pytest
import requests

from tests.simulators.hikvision import HikvisionSimulator, PathFault

from .rig import Visitor, every, exchange, find, local, texts

INFO = "System/deviceInfo"
BARE = b"GET /ISAPI/System/deviceInfo HTTP/1.1\r\nHost: x\r\n\r\n"


async def test_connection_ends_after_its_share_of_requests(simulator: HikvisionSimulator) -> None:
    simulator.faults.server.requests_per_connection = 3
    reader, writer = await asyncio.open_connection("127.0.0.1", simulator.http_port)
    heads = []
    for _ in range(3):
        writer.write(BARE)
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        await reader.readexactly(int(re.findall(r"Content-Length: (\d+)", head)[0]))
        heads.append(head)
    assert "Keep-Alive: timeout=60, max=2" in heads[0]
    assert "Connection: close" in heads[2]
    assert await reader.read() == b""
    writer.close()


async def test_idle_connection_is_closed(simulator: HikvisionSimulator) -> None:
    simulator.faults.server.keep_alive_seconds = 0.2
    started = time.monotonic()
    data = await exchange(simulator.http_port, BARE, seconds=5)
    assert data.startswith(b"HTTP/1.1 401")
    assert 0.1 < time.monotonic() - started < 2


async def test_pipelined_requests_are_dropped(simulator: HikvisionSimulator) -> None:
    assert await exchange(simulator.http_port, BARE + BARE) == b""
    assert simulator.counters.pipelined == 1


async def test_body_of_a_get_and_chunked_bodies_are_read(simulator: HikvisionSimulator) -> None:
    body = b"<downloadRequest/>"
    request = b"GET /ISAPI/ContentMgmt/download HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % len(body)
    assert (await exchange(simulator.http_port, request + body, seconds=0.5)).count(b"HTTP/1.1") == 1
    chunked = b"POST /ISAPI/x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
    assert (await exchange(simulator.http_port, chunked, seconds=0.5)).startswith(b"HTTP/1.1 401")
    assert simulator.counters.pipelined == 0


@pytest.mark.parametrize(
    ("path", "status", "code", "sub"),
    [
        ("nowhere", 404, "4", "notSupport"),
        ("System/Video/inputs/channels", 403, "4", "notSupport"),
        ("Streaming/channels/103", 403, "4", "notSupport"),
        ("System/IO/inputs/99/status", 403, "4", "notSupport"),
        ("ContentMgmt/download", 403, "4", "methodNotAllowed"),
    ],
)
async def test_refusals_carry_the_right_pair_of_codes(
    visitor: Visitor, path: str, status: int, code: str, sub: str
) -> None:
    answer = await visitor.get(path)
    root = ET.fromstring(answer.content)
    assert local(root.tag) == "ResponseStatus"
    assert (answer.status_code, find(root, "statusCode"), find(root, "subStatusCode")) == (status, code, sub)
    assert find(root, "requestURL") == f"/ISAPI/{path}"


async def test_json_endpoints_refuse_in_json(visitor: Visitor) -> None:
    answer = await visitor.get("nowhere?format=json")
    assert answer.json()["subStatusCode"] == "notSupport"
    assert (await visitor.get("System/workingstatus?format=json")).json()["WorkingStatus"]["HDStatus"]


async def test_paths_can_be_broken_one_by_one(simulator: HikvisionSimulator, visitor: Visitor) -> None:
    paths = simulator.faults.paths
    await visitor.get(INFO)
    for kind, expected in (("status", 503), ("html", 403), ("empty", 200), ("ok-status", 200), ("garbage", 200)):
        paths["*/deviceInfo"] = PathFault(kind, status=expected, code=2, sub="deviceBusy", count=1)
        answer = await visitor.get(INFO)
        assert answer.status_code == expected, kind
        assert b"<serialNumber>" not in answer.content
    paths["*/deviceInfo"] = PathFault("truncated", count=1)
    with pytest.raises(ET.ParseError):
        ET.fromstring((await visitor.get(INFO)).content)
    paths["*/deviceInfo"] = PathFault("doctype", count=1)
    assert b"<!ENTITY" in (await visitor.get(INFO)).content
    for kind in ("drop", "short"):
        paths["*/deviceInfo"] = PathFault(kind, count=1)
        with pytest.raises(requests.RequestException):
            await visitor.get(INFO)
    assert not paths
    assert (await visitor.get(INFO)).status_code == 200


async def test_more_requests_than_workers_wait_and_then_are_told_busy(simulator: HikvisionSimulator) -> None:
    simulator.faults.load.latency_ms = 120
    simulator.faults.load.wait = 0.3
    visitors = [Visitor(simulator) for _ in range(14)]
    answers = await asyncio.gather(*(one.get(INFO) for one in visitors))
    statuses = sorted({answer.status_code for answer in answers})
    assert statuses == [200, 503]
    assert simulator.counters.max_active == simulator.faults.load.workers == 4
    assert simulator.counters.busy == sum(answer.status_code == 503 for answer in answers)


async def test_fixed_latency_is_kept(simulator: HikvisionSimulator, visitor: Visitor) -> None:
    await visitor.get(INFO)
    simulator.faults.load.latency_ms = 40
    started = time.monotonic()
    await visitor.get(INFO)
    assert 0.04 <= time.monotonic() - started < 0.2


@pytest.mark.parametrize("namespace", ["hikvision", "isapi", "std-cgi", "none"])
async def test_namespace_profiles(simulator: HikvisionSimulator, visitor: Visitor, namespace: str) -> None:
    simulator.faults.documents.namespace = namespace
    root = await visitor.xml("ContentMgmt/InputProxy/channels")
    assert len(every(root, "InputProxyChannel")) == 8
    assert ("}" in root.tag) is (namespace != "none")


async def test_documents_can_be_as_crooked_as_real_ones(simulator: HikvisionSimulator, visitor: Visitor) -> None:
    simulator.rename_channel(1, "Stairs & hall")
    documents = simulator.faults.documents
    documents.raw_ampersand, documents.lying_size, documents.newline_numbers = True, 7, True
    text = (await visitor.get("ContentMgmt/InputProxy/channels")).text
    assert "<name>Stairs & hall</name>" in text
    assert 'size="15"' in text
    assert "<id>\n1</id>" in text
    with pytest.raises(ET.ParseError):
        ET.fromstring(text)
    documents.raw_ampersand = False
    simulator.rename_channel(1, "大门")
    documents.encoding = "gb18030"
    raw = (await visitor.get("ContentMgmt/InputProxy/channels")).content
    assert "大门".encode("gb18030") in raw
    assert b'encoding="UTF-8"' in raw
    documents.encoding, documents.byte_order_mark = None, True
    assert (await visitor.get(INFO)).content.startswith(b"\xef\xbb\xbf<?xml")
    assert "<memoryUsage>\n" in (await visitor.get("System/status")).text


async def test_old_firmware_serves_its_tree_without_the_prefix(simulator: HikvisionSimulator, visitor: Visitor) -> None:
    simulator.faults.documents.prefix = "bare"
    assert (await visitor.get(INFO)).status_code == 404
    assert (await visitor.ask("GET", "/System/deviceInfo")).status_code == 200


async def test_https_has_a_certificate_of_its_own_and_http_may_point_to_it(socket_enabled: None) -> None:
    async with HikvisionSimulator(https_port=0, latency_ms=0, rtsp=False) as simulator:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        reader, writer = await asyncio.open_connection("127.0.0.1", simulator.https_port, ssl=context)
        certificate = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        assert hashlib.sha256(certificate).hexdigest() == simulator.fingerprint
        writer.write(BARE)
        assert (await reader.readline()).startswith(b"HTTP/1.1 401")
        writer.close()
        simulator.faults.documents.redirect_https = True
        moved = await Visitor(simulator).get(INFO, allow_redirects=False)
        assert (moved.status_code, moved.headers["Location"]) == (
            302,
            f"https://127.0.0.1:{simulator.https_port}/ISAPI/{INFO}",
        )


async def test_rights_are_refused_with_403(simulator: HikvisionSimulator, visitor: Visitor) -> None:
    simulator.faults.rights = frozenset({"live"})
    answer = await visitor.get("ContentMgmt/record/tracks")
    assert (answer.status_code, texts(ET.fromstring(answer.content), "subStatusCode")) == (403, ["lowPrivilege"])
    assert (await visitor.get("Security/userCheck")).status_code == 200
