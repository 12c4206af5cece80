"""Turns a finished film into one that plays everywhere: H.264, its sound as it is. Blocks for as long as it takes."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from fractions import Fraction
import logging
import os
from pathlib import Path
import threading
from typing import Any, Final

import av
from av.container import InputContainer, OutputContainer
from av.video.stream import VideoStream

from ...core.errors import NvrResponseError, NvrUnsupportedError
from ..ticks import RATE
from .files import LOOK_EVERY, require_space

_LOGGER = logging.getLogger(__name__)

ENCODER: Final = "libx264"
_OPTIONS: Final = {"preset": "veryfast", "crf": "23", "tune": "fastdecode"}
_SECONDS_PER_GROUP: Final = 2
_LOOK_EVERY: Final = 25
# Seen by `nice`: whatever else runs here comes first.
_NICENESS: Final = 10


class StoppedError(Exception):
    """Nobody wants it any more."""


def available() -> bool:
    """Tell whether pictures can be encoded here."""
    return ENCODER in av.codec.codecs_available


def convert(source: Path, target: Path, stopped: threading.Event, progress: Callable[[float, int], None]) -> None:
    """Write `source` anew to `target`; `progress` hears seconds and bytes, from this thread.

    Raises StoppedError, OSError, NvrResponseError for a film that cannot be decoded to its end, NvrUnsupportedError
    without an encoder. What was written of the target is the caller's to remove.
    """
    if not available():
        raise NvrUnsupportedError("no encoder for H.264 here")
    looked = 0

    def told(seconds: float) -> None:
        nonlocal looked
        size = _size(target)
        if size - looked >= LOOK_EVERY:
            looked = size
            require_space(target.parent, 0)
        progress(seconds, size)

    with suppress(OSError, AttributeError):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICENESS)
    try:
        with (
            av.open(str(source)) as film,
            av.open(str(target), "w", format="mp4", options={"movflags": "+faststart"}) as made,
        ):
            _Conversion(film, made).run(stopped, told)
    except av.FFmpegError as err:
        if isinstance(err, OSError) and not isinstance(err, ValueError):
            raise OSError(err.errno, err.strerror) from None
        raise NvrResponseError("the pictures cannot be decoded") from err


def _size(path: Path) -> int:
    with suppress(OSError):
        return path.stat().st_size
    return 0


class _Conversion:
    def __init__(self, film: InputContainer, made: OutputContainer) -> None:
        self._film = film
        self._made = made
        self._video = film.streams.video[0]
        self._audio = film.streams.audio[0] if film.streams.audio else None
        rate = self._video.average_rate or Fraction(25)
        self._pictures: VideoStream = made.add_stream(ENCODER, rate=rate, options=dict(_OPTIONS))
        context, source = self._pictures.codec_context, self._video.codec_context
        context.width, context.height = source.width, source.height
        context.pix_fmt = "yuv420p"
        context.time_base = Fraction(1, RATE)
        context.gop_size = max(1, round(float(rate) * _SECONDS_PER_GROUP))
        context.thread_count = max(1, (os.cpu_count() or 2) // 2)
        self._sound = made.add_stream_from_template(self._audio) if self._audio is not None else None
        self._last = self._newest = -1

    def run(self, stopped: threading.Event, progress: Callable[[float], None]) -> None:
        streams = [self._video, *([self._audio] if self._audio is not None else [])]
        for number, packet in enumerate(self._film.demux(streams)):
            if stopped.is_set():
                raise StoppedError
            if packet.stream is self._audio:
                if packet.dts is not None and self._sound is not None:
                    packet.stream = self._sound
                    self._made.mux(packet)
                continue
            if packet.pts is not None and packet.time_base is not None:
                self._newest = max(self._newest, round(packet.pts * packet.time_base * RATE))
            for made in self._encoded(packet):
                self._made.mux(made)
            if not number % _LOOK_EVERY:
                progress(self._last / RATE)
        if self._newest > self._last + RATE // 2:
            raise NvrResponseError("the pictures cannot be decoded to the end")
        self._made.mux(self._pictures.encode(None))

    def _encoded(self, packet: av.Packet[Any]) -> Iterator[av.Packet[Any]]:
        for frame in packet.decode():
            if frame.pts is None or frame.time_base is None or not isinstance(frame, av.VideoFrame):
                continue
            at = round(frame.pts * frame.time_base * RATE)
            # What is only there to be decoded is shown before the beginning, or for no time at all.
            if at <= self._last:
                continue
            self._last = at
            frame.pts, frame.time_base, frame.pict_type = at, Fraction(1, RATE), av.video.frame.PictureType.NONE
            yield from self._pictures.encode(frame)
