"""A simulated recorder's playback door, and judges of what the engine makes of it: a box parser and a decoder."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from io import BytesIO
import struct
import time
from urllib.parse import parse_qs, urlsplit

import av
import numpy as np

from custom_components.nvr.core.credentials import LoginGuard
from custom_components.nvr.core.models import PlaybackRequest, RtspAddress, StreamRole, TimeSpan
from custom_components.nvr.media.engine import MediaEngine, Playback, PlaybackLimits
from tests.simulators.clock import SimClock
from tests.simulators.footage import ChannelPlan, Footage
from tests.simulators.rtsp.messages import Request
from tests.simulators.rtsp.options import PlaybackTarget, Refusal, RtspFaults, RtspOptions
from tests.simulators.rtsp.server import RtspServer
from tests.simulators.video.audio import tone_hertz
from tests.simulators.video.profile import Camera, GopRule, VideoProfile
from tests.simulators.video.studio import Studio
from tests.simulators.video.timecode import TimeCode, read_timecode

START = datetime(2026, 11, 20, 8, tzinfo=UTC)
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
PASSWORD = "nvr-test-pass"
SMALL = VideoProfile(width=320, height=240, fps=12.5, bit_rate=256_000)
_FORMAT = "%Y%m%dT%H%M%SZ"


class Guard(LoginGuard):
    """The login guard of the core, which also tells how often the login was taken."""

    def __init__(self) -> None:
        super().__init__()
        self.acceptances = 0

    def accepted(self) -> None:
        super().accepted()
        self.acceptances += 1


@dataclass
class RigSource:
    """What a driver would give: addresses whose times are true UTC, cut to whole seconds."""

    port: int
    password: str = PASSWORD
    real_time: bool | None = None
    wire_offset: timedelta = timedelta(0)
    plain_basic: bool = False
    requests: list[TimeSpan] = field(default_factory=list)

    async def request(self, channel: int, span: TimeSpan, *, role: StreamRole = StreamRole.MAIN) -> PlaybackRequest:
        self.requests.append(span)
        track = channel * 100 + (1 if role is StreamRole.MAIN else 2)
        start = span.start.replace(microsecond=0)
        texts = [(moment + self.wire_offset).strftime(_FORMAT) for moment in (start, span.end)]
        url = f"rtsp://127.0.0.1:{self.port}/Streaming/tracks/{track}?starttime={texts[0]}&endtime={texts[1]}"
        address = RtspAddress(url, "admin", self.password, plain_basic=self.plain_basic)
        return PlaybackRequest(address, start, span.end, self.wire_offset, self.real_time)


def _resolver(studio: Studio, offset: timedelta) -> object:
    def resolve(request: Request) -> PlaybackTarget | Refusal:
        parts = urlsplit(request.url)
        query = parse_qs(parts.query)
        track = int(parts.path.rstrip("/").rpartition("/")[2])
        channel, role = track // 100, "main" if track % 100 == 1 else "sub"
        camera = studio.cameras.get(channel)
        if camera is None or role not in camera.streams:
            return Refusal(404)
        start, end = (
            datetime.strptime(query[name][0].rstrip("/"), _FORMAT).replace(tzinfo=UTC) - offset
            for name in ("starttime", "endtime")
        )
        return PlaybackTarget(channel, camera.streams[role], start, end)

    return resolve


@dataclass
class Rig:
    """A server, its faults and counters, and an engine that plays from it."""

    server: RtspServer
    source: RigSource
    engine: MediaEngine
    guard: Guard
    footage: Footage

    @property
    def faults(self) -> RtspFaults:
        return self.server.faults

    @property
    def open_sessions(self) -> int:
        return self.server.counters.sessions_open["playback"]

    @property
    def opened_sessions(self) -> int:
        return self.server.counters.sessions_opened["playback"]

    @property
    def teardowns(self) -> int:
        return self.server.counters.teardowns["playback"]

    def play(
        self,
        seconds: float = 600,
        *,
        start: datetime = START,
        recorded: list[TimeSpan] | None = None,
        owner: str = "anna",
        slots: int = 4,
        channel: int = 1,
        fallback: StreamRole | None = None,
    ) -> Playback:
        span = TimeSpan(start, start + timedelta(seconds=seconds))
        return self.engine.create(
            "recorder", slots, self.source, self.guard, channel, span, recorded or [span], owner, StreamRole.MAIN,
            fallback=fallback,
        )  # fmt: skip


@asynccontextmanager
async def rig(
    *,
    gop: float | tuple[float, float] = 2.0,
    profile: VideoProfile = SMALL,
    faults: RtspFaults | None = None,
    options: RtspOptions | None = None,
    limits: PlaybackLimits | None = None,
    sub: VideoProfile | None = None,
    offset: timedelta = timedelta(0),
) -> AsyncIterator[Rig]:
    """Run a recorder with one camera that records without a break, and an engine."""
    rule = GopRule(gop) if isinstance(gop, float | int) else GopRule(random=gop)
    values = {name: getattr(profile, name) for name in profile.__dataclass_fields__}
    main = VideoProfile(**{**values, "gop": rule})
    clock = SimClock(shift=NOW - datetime.fromtimestamp(time.time(), UTC))
    footage = Footage(clock, {1: ChannelPlan(mode="continuous", gaps=())})
    camera = Camera(1, "Gate", {"main": main} if sub is None else {"main": main, "sub": sub})
    studio = Studio([camera], clock, footage)
    faults = faults or RtspFaults(delivery=0)
    server = RtspServer(studio, footage, _resolver(studio, offset), faults=faults, options=options)  # type: ignore[arg-type]
    engine = MediaEngine(limits=limits)
    async with studio, server:
        try:
            yield Rig(server, RigSource(server.port, wire_offset=offset), engine, Guard(), footage)
        finally:
            await engine.aclose()
            for task in asyncio.all_tasks():  # a DESCRIBE that hangs would hang for ever
                if task.get_coro().__qualname__ == "RtspServer._accept":  # type: ignore[union-attr]
                    task.cancel()
    # The test plugin allows no thread to outlive a test.
    studio._pool.shutdown(wait=True, cancel_futures=True)


# -- judges ----------------------------------------------------------------------------------------------------------


def boxes(data: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield kind and body of the boxes of one level."""
    position = 0
    while position < len(data):
        size, kind = struct.unpack_from(">I4s", data, position)
        assert 8 <= size <= len(data) - position
        yield kind.decode(), data[position + 8 : position + size]
        position += size


def box(data: bytes, path: str) -> bytes:
    """Return the body of the first box on a path such as "moof/traf/tfdt"."""
    for name in path.split("/"):
        data = next(body for kind, body in boxes(data) if kind == name)
    return data


@dataclass(frozen=True)
class Run:
    """One fragment: where it begins and the (duration, size, key, offset) of its samples."""

    start: int
    samples: tuple[tuple[int, int, bool, int], ...]

    @property
    def end(self) -> int:
        return self.start + sum(sample[0] for sample in self.samples)

    @property
    def head(self) -> int:
        """How many samples at the begin last one tick."""
        count = 0
        while count < len(self.samples) and self.samples[count][0] == 1:
            count += 1
        return count


def parse_runs(segment: bytes) -> dict[int, Run]:
    """Return what a segment of one fragment says, by track, and check that its bytes are all accounted for."""
    assert [kind for kind, _ in boxes(segment)] == ["moof", "mdat"]
    found: dict[int, Run] = {}
    payload = box(segment, "mdat")
    position = len(segment) - len(payload)
    for kind, traf in boxes(box(segment, "moof")):
        if kind != "traf":
            continue
        start = struct.unpack_from(">Q", box(traf, "tfdt"), 4)[0]
        trun = box(traf, "trun")
        count, offset = struct.unpack_from(">Ii", trun, 4)
        rows = [struct.unpack_from(">IIIi", trun, 12 + 16 * index) for index in range(count)]
        assert len(trun) == 12 + 16 * count
        assert offset == position
        position += sum(row[1] for row in rows)
        samples = tuple((row[0], row[1], row[2] == 0x02000000, row[3]) for row in rows)
        found[struct.unpack_from(">I", box(traf, "tfhd"), 4)[0]] = Run(start, samples)
    assert position == len(segment)
    return found


def parse_run(segment: bytes) -> Run:
    """Return what a segment says of its pictures."""
    return parse_runs(segment)[1]


@dataclass(frozen=True)
class Tone:
    """One tone that was heard: when it begins, in seconds of media time, and its pitch."""

    at: float
    hertz: float


def listen(init: bytes, *segments: bytes) -> list[Tone]:
    """Return the tones of consecutive segments, in order."""
    pieces: list[np.ndarray] = []
    with av.open(BytesIO(init + b"".join(segments)), mode="r", format="mp4") as container:
        start, rate, following = None, 0, 0
        for frame in container.decode(audio=0):
            assert frame.pts is not None
            assert frame.time_base is not None
            rate = frame.sample_rate
            at = round(frame.pts * frame.time_base * rate)
            start = at if start is None else start
            assert not pieces or at == following, "a hole in the sound"
            following = at + frame.samples
            pieces.append(np.abs(frame.to_ndarray()).max(axis=0) * np.sign(frame.to_ndarray()[0]))
    assert start is not None
    sound = np.concatenate(pieces)
    tones: list[Tone] = []
    loud = np.flatnonzero(np.abs(sound) > 0.05)
    for first in (loud[index] for index in range(len(loud)) if not index or loud[index] - loud[index - 1] > rate // 4):
        part = sound[first : first + rate * 8 // 100]
        spectrum = np.abs(np.fft.rfft(part * np.hanning(len(part)), rate))
        tones.append(Tone((start + int(first)) / rate, float(np.argmax(spectrum))))
    return tones


def late_tones(tones: list[Tone], origin: datetime = START, channel: int = 1) -> list[float]:
    """Return by how many seconds each tone comes too late, against the second it tells by its pitch."""
    found: list[float] = []
    for tone in tones:
        moment = origin.timestamp() + tone.at
        near = (int(moment) + step for step in (-2, -1, 0, 1, 2))
        second = next(second for second in near if abs(tone_hertz(channel, second) - tone.hertz) < 100)
        found.append(moment - second)
    return found


def decode(init: bytes, *segments: bytes) -> list[tuple[float, TimeCode]]:
    """Return media time and painted time of every frame that lasts longer than a tick."""
    runs = [parse_run(segment) for segment in segments]
    squeezed = {run.start + index for run in runs for index in range(run.head)}
    found = []
    with av.open(BytesIO(init + b"".join(segments)), mode="r", format="mp4") as container:
        for frame in container.decode(video=0):
            assert frame.pts is not None
            if frame.pts in squeezed:
                continue
            code = read_timecode(frame.to_ndarray(format="gray").astype(np.uint8))
            assert code is not None, f"no time code at {frame.pts}"
            found.append((frame.pts / 90_000, code))
    return found


def errors(frames: list[tuple[float, TimeCode]], origin: datetime = START) -> list[float]:
    """Return by how many seconds each frame is shown too early (negative) or too late, against its painted time."""
    return [shown - (code.time - origin).total_seconds() for shown, code in frames]
