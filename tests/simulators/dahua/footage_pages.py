"""Everything about footage that the unit serves over HTTP, plugged in at once."""

from . import detections, file_pages, finders, loadfile
from .device import DahuaDevice
from .router import Router


def register(router: Router, device: DahuaDevice) -> None:
    """Plug searches, calendar, detections and downloads into the unit."""
    for part in (finders, detections, loadfile, file_pages):
        part.register(router, device)
