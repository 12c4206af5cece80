"""The digest login of `requests` as one client: by itself it forgets the nonce whenever another thread asks."""

from threading import local
from types import SimpleNamespace
from typing import cast

from requests.auth import HTTPDigestAuth


class DigestLogin(HTTPDigestAuth):
    """Keeps its nonce whichever thread asks; for one call at a time."""

    def __init__(self, username: str, password: str) -> None:
        super().__init__(username, password)
        self._thread_local = cast("local", SimpleNamespace())
