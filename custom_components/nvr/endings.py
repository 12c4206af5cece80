"""Why a stream of our own viewer ended, in words with their key, so that it can be said in the viewer's language."""

from homeassistant.exceptions import HomeAssistantError

from .const import DOMAIN
from .media.streaming.stream import Ending


def ending_of(reason: str, err: HomeAssistantError) -> Ending:
    """Return the ending that tells of an error; `reason` is for programs."""
    return Ending(reason, str(err), err.translation_key or "", err.translation_placeholders or {})


def unavailable(name: str) -> Ending:
    """Return the ending of streams from an NVR that is unloaded, or shut out."""
    placeholders = {"name": name}
    return ending_of(
        "unavailable",
        HomeAssistantError(
            translation_domain=DOMAIN, translation_key="stream_unavailable", translation_placeholders=placeholders
        ),
    )


def stopped() -> Ending:
    """Return the ending of all streams when Home Assistant stops."""
    return ending_of("stopped", HomeAssistantError(translation_domain=DOMAIN, translation_key="stream_stopped"))
