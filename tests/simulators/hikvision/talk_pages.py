"""TwoWayAudio of the simulated recorder (hikvision-isapi 12.5)."""

import secrets

from ..loudspeaker import Loudspeaker
from ..webserver import Request, Response
from .device import Device
from .router import Code, Router, done, failure, unsupported, xml
from .xmlout import Node, el, fields

_WORDS = {"pcmu": "G.711ulaw", "pcma": "G.711alaw"}


class TalkPages:
    """The voice channels: a camera's own, or that of the recorder itself."""

    def __init__(self, device: Device) -> None:
        self._device = device
        self._session = ""

    def register(self, router: Router) -> None:
        """Add the paths."""
        base = "/ISAPI/System/TwoWayAudio/channels"
        router.add("GET", base, self.channels, right="live")
        router.add("PUT", f"{base}/*/open", self.open, right="live")
        router.add("PUT", f"{base}/*/close", self.close, right="live")
        router.add("PUT", f"{base}/*/audioData", self.sound, right="live", free=True)

    @property
    def _own(self) -> Loudspeaker | None:
        return self._device.speakers.get(1 if self._device.is_camera else 0)

    def _speaker(self, argument: str) -> Loudspeaker | None:
        return self._own if argument == "1" else None

    def channels(self, request: Request, _argument: str) -> Response:
        """Answer the one voice channel there is."""
        speaker = self._own
        if speaker is None:
            return unsupported(self._device, request)
        return xml(self._device, el("TwoWayAudioChannelList", [self._entry(speaker)]))

    @staticmethod
    def _entry(speaker: Loudspeaker) -> Node:
        words = fields(id=1, enabled=speaker.talker is not None, audioCompressionType=_WORDS[speaker.codec])
        return el("TwoWayAudioChannel", [*words, *fields(speakerVolume=50, noisereduce=True)])

    def open(self, request: Request, argument: str) -> Response:
        """Let somebody speak; nobody else can until it is closed, whether he is still there or not."""
        speaker = self._speaker(argument)
        if speaker is None:
            return unsupported(self._device, request)
        session = str(secrets.randbelow(10**9) + 10**9)
        if not speaker.begin(session):
            return failure(self._device, request, 403, Code.DEVICE_ERROR, "deviceError")
        self._session = session
        return xml(self._device, el("TwoWayAudioSession", fields(sessionId=session)))

    def close(self, request: Request, argument: str) -> Response:
        """End the talk, whoever's it is."""
        speaker = self._speaker(argument)
        if speaker is None:
            return unsupported(self._device, request)
        speaker.end()
        return done(self._device, request)

    def sound(self, request: Request, argument: str) -> Response:
        """Take what is said behind an announced length of 0."""
        speaker = self._speaker(argument)
        if speaker is None or speaker.talker != request.query.get("sessionId", self._session):
            return failure(self._device, request, 403, Code.INVALID_OPERATION, "invalidOperation")
        if request.headers.get("content-length") != "0":
            return failure(self._device, request, 400, Code.BAD_CONTENT, "badParameters")
        return Response(200, b"", "application/octet-stream", listen=speaker.listen)
