"""audio.cgi of the simulated Dahua unit (dahua-cgi 14)."""

from ..webserver import Request, Response
from .device import DahuaDevice
from .router import TEXT, Router, bad_request, ok


def is_speech(request: Request) -> bool:
    """Tell whether this is a body that is heard while it comes: it has no end worth waiting for."""
    return request.method == "POST" and request.path.endswith("/audio.cgi")


class TalkPages:
    """The page for sound: A-law, of a length that is never reached, answered when the talker has gone."""

    def __init__(self, device: DahuaDevice) -> None:
        self._device = device

    def register(self, router: Router) -> None:
        """Add the call."""
        router.cgi("audio.cgi", "postAudio", self.post, right="live")

    def post(self, request: Request) -> Response:
        """Hear it, on a camera; who speaks takes the loudspeaker from whoever spoke before."""
        number = request.query.get("channel", "")
        speaker = self._device.speakers.get(int(number)) if number.isdecimal() and self._device.is_camera else None
        if request.method != "POST":
            return ok()
        if speaker is None or request.query.get("httptype") != "singlepart":
            return bad_request()
        if request.headers.get("content-type", "").lower() != "audio/g.711a" or "content-length" not in request.headers:
            return bad_request()
        speaker.end()
        speaker.begin(request)
        return Response(200, b"OK\r\n", TEXT, listen=speaker.listen, late=True, finished=lambda: speaker.end(request))
