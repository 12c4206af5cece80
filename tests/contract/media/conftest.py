"""These tests talk to recorders on 127.0.0.1."""

import pytest


@pytest.fixture(autouse=True)
def sockets(socket_enabled: None) -> None:
    """Lift the ban on sockets."""
