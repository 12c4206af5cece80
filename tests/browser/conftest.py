"""One demo instance for all journeys, and a new browser for each."""

from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack

from playwright.async_api import expect
import pytest

from .frontend import Frontend, Home, signed_in
from .launch import NEWEST, OLDEST, running_home

# As long as everything else in a browser may take.
expect.set_options(timeout=60_000)


@pytest.fixture(autouse=True)
def sockets(socket_enabled: None) -> None:
    """Lift the ban on sockets."""


@pytest.fixture(scope="session")
def home() -> Iterator[Home]:
    """Run an NVR of each family and the oldest Home Assistant that is supported."""
    with running_home(OLDEST) as instance:
        yield instance


@pytest.fixture(scope="session")
def newest_home() -> Iterator[Home]:
    """Run the same with the newest Home Assistant."""
    with ExitStack() as stack:
        yield stack.enter_context(running_home(NEWEST))


@pytest.fixture
async def frontend(home: Home) -> AsyncIterator[Frontend]:
    """Open Home Assistant's page, signed in."""
    async with signed_in(home) as page:
        yield page
