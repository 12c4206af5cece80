"""On whose behalf work is done in the background: nobody's, whoever's command or request happened to begin it."""

from collections.abc import Iterator
from contextlib import contextmanager

from homeassistant.components import websocket_api
from homeassistant.helpers.http import current_request


@contextmanager
def for_nobody() -> Iterator[None]:
    """Let what is begun here (tasks, timers, listeners that are told) not pass for part of a user's command or request.

    A task is begun with a copy of the context it is begun in, and would be taken for its user's until it ends.
    """
    connection = websocket_api.current_connection.set(None)
    request = current_request.set(None)
    try:
        yield
    finally:
        current_request.reset(request)
        websocket_api.current_connection.reset(connection)
