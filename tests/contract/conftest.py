"""What all tests over real sockets share."""

import pytest


@pytest.fixture(autouse=True)
def enable_event_loop_debug() -> None:
    """Leave the loop as it is in use: asyncio's debug mode takes nine tenths of the time of a test over sockets."""
