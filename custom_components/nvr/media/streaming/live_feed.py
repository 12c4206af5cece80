"""The present of a camera, as a stream reads it."""

from datetime import UTC, datetime, timedelta
from typing import Final

from ...core.driver import CredentialGuard
from ...core.errors import NvrError, NvrUnreachableError
from ...core.models import PlaybackRequest, RtspAddress, VideoCodec
from ..audio import AudioFormat, AudioUnit
from ..fmp4 import VideoSets
from ..rtsp.session import RtspSession
from .feed import Batch, FeedOptions
from .meter import StreamMeter

# Longer than any viewer stays.
_SPAN: Final = timedelta(days=30)


class LiveFeed:
    """The present."""

    def __init__(
        self, address: RtspAddress, guard: CredentialGuard, options: FeedOptions, meter: StreamMeter | None = None
    ) -> None:
        """Prepare; no I/O. `meter` is told of what comes."""
        self.codec = VideoCodec.UNKNOWN
        self._address = address
        self._guard = guard
        self._options = options
        self._meter = meter or StreamMeter()
        self._session: RtspSession | None = None

    @property
    def sets(self) -> VideoSets | None:
        """The newest parameter sets."""
        return self._session.sets if self._session else None

    @property
    def audio(self) -> AudioFormat | None:
        """What sounds; None without sound."""
        return self._session.audio if self._session else None

    def take_audio(self) -> tuple[int, list[AudioUnit]]:
        """Return what was heard since the last time."""
        return self._session.take_audio() if self._session else (0, [])

    async def open(self) -> None:
        """Begin; raises NvrError subclasses and leaves nothing open then."""
        now = datetime.now(UTC)
        self._guard.check()
        self._session = await RtspSession.open(
            PlaybackRequest(self._address, now, now + _SPAN),
            self._guard,
            limits=self._options.limits,
            sound=self._options.sound,
            live=True,
        )
        self.codec = self._session.codec
        self._meter.opened(self._session)

    async def read(self) -> Batch:
        """Return the next frames; raises NvrUnreachableError when the recorder ends the stream."""
        if (session := self._session) is None:
            raise NvrUnreachableError("the session is closed")
        try:
            samples = await session.read()
            if not samples:
                raise NvrUnreachableError("the recorder ended the live stream")
        except NvrError:
            self._meter.broke()
            raise
        session.correction = 0
        self._meter.took(session, samples)
        return Batch(samples)

    async def pause(self) -> None:
        """Let go: what is live cannot wait."""
        await self.close()

    async def rest(self) -> None:
        """Nothing is open."""

    async def resume(self) -> None:
        """Begin anew."""
        await self.open()

    async def close(self) -> None:
        """End the session on the recorder."""
        session, self._session = self._session, None
        if session is not None:
            self._meter.closed(session)
            await session.close()
