import asyncio
from datetime import UTC, timedelta
from itertools import pairwise

import av
import pytest

from tests.simulators.rtsp.auth import Scheme, SimpleAccounts

from .conftest import PROFILES, Recorder, watch
from .rtsp_client import RtspClient

SECOND = timedelta(seconds=1)


async def settled(recorder: Recorder) -> None:
    """Wait until the server has seen its clients leave."""
    async with asyncio.timeout(3):
        while recorder.server.counters.connections_open:
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("transport", ["tcp", "udp"])
@pytest.mark.parametrize("role", list(PROFILES))
async def test_a_stranger_sees_the_present(recorder: Recorder, role: str, transport: str) -> None:
    asked = recorder.clock.now()
    codes = await asyncio.to_thread(watch, recorder.url(f"/live/3/{role}"), 12, transport=transport)
    now = recorder.clock.now()
    assert {code.channel for code in codes} == {3}
    assert abs(codes[0].time - asked) < SECOND
    assert abs(codes[-1].time - now) < SECOND
    steps = {(late.time - early.time) / timedelta(milliseconds=1) for early, late in pairwise(codes)}
    assert steps == {1000 / PROFILES[role].fps}
    await settled(recorder)
    assert recorder.server.counters.teardowns["live"] == 1
    assert recorder.server.counters.sessions_open["live"] == 0
    assert recorder.server.counters.auth_failures == 0


async def test_sound_arrives_with_the_pictures(recorder: Recorder) -> None:
    def listen(role: str) -> tuple[str, int, float]:
        samples, loudest = 0, 0.0
        with av.open(recorder.url(f"/live/1/{role}"), options={"rtsp_transport": "tcp"}, timeout=10) as container:
            stream = container.streams.audio[0]
            for frame in container.decode(stream):
                assert isinstance(frame, av.AudioFrame)
                samples += frame.samples
                peak = float(abs(frame.to_ndarray().astype(float)).max())
                loudest = max(loudest, peak if frame.format.name.startswith("flt") else peak / 32768)
                if samples > stream.codec_context.sample_rate * 1.2:
                    break
            return stream.codec_context.name, stream.codec_context.sample_rate, loudest

    (name, rate, loud), (aac, aac_rate, aac_loud) = await asyncio.gather(
        asyncio.to_thread(listen, "main"), asyncio.to_thread(listen, "aac")
    )
    assert (name, rate, aac, aac_rate) == ("pcm_mulaw", 8000, "aac", 16_000)
    assert loud > 0.2
    assert aac_loud > 0.2


@pytest.mark.parametrize("scheme", ["none", "basic", "digest", "digest-qop", "digest-basic"])
async def test_a_stranger_logs_in_by_any_scheme(recorder: Recorder, scheme: Scheme) -> None:
    recorder.server.gatekeeper.scheme = scheme
    assert len(await asyncio.to_thread(watch, recorder.url("/live/1/sub"), 1)) == 1


@pytest.mark.parametrize("scheme", ["digest-sha256", "digest-both"])
async def test_sha_256_is_asked_for_and_understood(recorder: Recorder, scheme: Scheme) -> None:
    """By a client of our own, that computes with hashlib: PyAV has MD5 only, and takes the last challenge."""
    recorder.server.gatekeeper.scheme = scheme
    async with RtspClient(recorder.server.port) as client:
        assert (await client.ask("DESCRIBE", client.url("/live/1/sub"))).status == 200
        assert client.challenge["algorithm"] == ("SHA-256" if scheme == "digest-sha256" else "MD5")
        client.password = "wrong-pass-1"
        assert (await client.ask("DESCRIBE", client.url("/live/1/sub"))).status == 401
    assert recorder.server.counters.auth_failures == 1


async def test_wrong_passwords_count_until_the_lock(recorder: Recorder) -> None:
    accounts = SimpleAccounts(max_failures=3)
    recorder.server.gatekeeper.accounts = accounts
    for tries in range(1, 4):
        with pytest.raises(av.error.HTTPUnauthorizedError):
            await asyncio.to_thread(watch, recorder.url("/live/1/sub", "wrong-pass-1"), 1)
        assert sum(accounts.failures.values()) == tries
    with pytest.raises(av.error.HTTPUnauthorizedError):
        await asyncio.to_thread(watch, recorder.url("/live/1/sub"), 1)
    accounts.unlock()
    assert len(await asyncio.to_thread(watch, recorder.url("/live/1/sub"), 1)) == 1


async def test_no_more_viewers_than_the_limit(recorder: Recorder) -> None:
    recorder.server.options.live_limit = 1
    async with RtspClient(recorder.server.port) as first, RtspClient(recorder.server.port) as second:
        await first.setup("/live/1/sub")
        await second.ask("DESCRIBE", second.url("/live/1/sub"))
        ask = ("SETUP", second.url("/live/1/sub/trackID=1"))
        assert (await second.ask(*ask, Transport="RTP/AVP/TCP;unicast;interleaved=0-1")).status == 453
        assert (await first.ask("TEARDOWN", first.url("/live/1/sub"))).status == 200
        assert (await second.ask(*ask, Transport="RTP/AVP/TCP;unicast;interleaved=0-1")).status == 200
    assert recorder.server.counters.refused == 1


async def test_the_clock_of_reports_is_the_recorders_own(recorder: Recorder) -> None:
    async with RtspClient(recorder.server.port) as client:
        await client.setup("/live/1/main")
        answer = await client.ask("PLAY", client.url("/live/1/main"), Range="npt=0.000-")
        assert answer.status == 200
        await client.collect(3, lambda packets: {0, 1, 2, 3} <= {channel for channel, _ in packets})
        wall = recorder.clock.device_now().replace(tzinfo=UTC).timestamp()
        for channel in (1, 3):
            assert abs(client.reports(channel)[0][0] - wall) < 1
        sequence, timestamp, _ = client.rtp(0)[0]
        assert f"seq={sequence};rtptime={timestamp}" in answer["rtp-info"]


async def test_unknown_urls_methods_and_sessions(recorder: Recorder) -> None:
    async with RtspClient(recorder.server.port) as client:
        assert (await client.ask("DESCRIBE", client.url("/live/9/main"))).status == 404
        assert (await client.ask("RECORD", client.url("/live/1/main"))).status == 405
        assert (await client.ask("PLAY", client.url("/live/1/main"))).status == 454
        assert (await client.ask("GET_PARAMETER", client.url("/live/1/main"))).status == 200
        ask = ("SETUP", client.url("/live/1/sub/trackID=1"))
        assert (await client.ask(*ask, Transport="RTP/AVP;multicast")).status == 461
        client.writer.write(b"nonsense\r\n\r\n")
        answer = await client.read()
        assert answer is not None
        assert answer.status == 400
        assert await client.reader.read() == b""


async def test_silent_viewers_are_sent_away(recorder: Recorder) -> None:
    recorder.server.options.session_timeout = 3.0
    async with RtspClient(recorder.server.port) as client:
        await client.setup("/live/1/sub")
        for _ in range(4):
            await asyncio.sleep(1.0)
            assert (await client.ask("GET_PARAMETER", client.url("/live/1/sub"))).status == 200
        await asyncio.sleep(5.0)
        assert (await client.ask("GET_PARAMETER", client.url("/live/1/sub"))).status == 454
    assert recorder.server.counters.timeouts == 1


async def test_power_off_closes_everything_at_once_and_on_comes_back(recorder: Recorder) -> None:
    server = recorder.server
    async with RtspClient(server.port) as client:
        await client.setup("/live/1/sub")
        await client.ask("PLAY", client.url("/live/1/sub"))
        port = server.port
        async with asyncio.timeout(1):
            await server.power_off()
            with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
                await client.collect(2)
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", port)
    assert server.sessions == {}
    await server.power_on()
    assert server.port == port
    assert len(await asyncio.to_thread(watch, recorder.url("/live/1/sub"), 1)) == 1


async def test_a_lost_camera_ends_its_streams_only(recorder: Recorder) -> None:
    async with RtspClient(recorder.server.port) as lost, RtspClient(recorder.server.port) as kept:
        for client, path in ((lost, "/live/1/sub"), (kept, "/live/2/sub")):
            await client.setup(path)
            await client.ask("PLAY", client.url(path))
        await recorder.server.drop_channel(1)
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await lost.collect(2)
        kept.packets.clear()
        await kept.collect(2, lambda packets: len(packets) > 5)
        assert kept.rtp()


@pytest.mark.parametrize("fault", ["drop_every", "reorder_every"])
async def test_packets_get_lost_or_change_places_when_told_so(recorder: Recorder, fault: str) -> None:
    async with RtspClient(recorder.server.port) as client:
        await client.setup("/live/1/sub")
        setattr(recorder.server.faults, fault, 5)
        await client.ask("PLAY", client.url("/live/1/sub"))
        await client.collect(3, lambda packets: len(packets) > 20)
        steps = [late[0] - early[0] for early, late in pairwise(client.rtp())]
        assert set(steps) == ({1, 2} if fault == "drop_every" else {-1, 1, 2})


async def test_a_stream_can_stall_and_be_cut(recorder: Recorder) -> None:
    async with RtspClient(recorder.server.port) as client:
        await client.setup("/live/1/sub")
        await client.ask("PLAY", client.url("/live/1/sub"))
        await client.collect(1, lambda packets: len(packets) > 3)
        recorder.server.faults.stalled = True
        await client.collect(0.3)
        client.packets.clear()
        await client.collect(0.3)
        assert client.packets == []
        recorder.server.faults.stalled = False
        recorder.server.faults.cut_after_packets = 0
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await client.collect(2)


async def test_a_viewer_who_does_not_read_costs_no_memory(recorder: Recorder) -> None:
    recorder.server.options.send_buffer = 16 << 10
    recorder.server.faults.delivery = 0
    async with RtspClient(recorder.server.port, receive_buffer=16 << 10) as client:
        path = recorder.playback("main", recorder.clock.now() - timedelta(hours=30))
        await client.setup(path)
        await client.ask("PLAY", client.url(path))
        sent = -1
        async with asyncio.timeout(10):
            while not recorder.server.counters.octets or recorder.server.counters.octets != sent:
                sent = recorder.server.counters.octets
                await asyncio.sleep(0.5)
        assert 0 < sent < 1 << 20
        client.packets.clear()
        await client.collect(10, lambda _: recorder.server.counters.octets > sent + 200_000)
        assert recorder.server.counters.octets > sent + 200_000
