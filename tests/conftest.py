"""What every test of the project shares."""

from collections.abc import Iterator

from blockbuster import BlockBuster
from hypothesis import settings
import pytest

# Before any Home Assistant fixture: the test plugin brings a package `custom_components` of its own.
import custom_components  # noqa: F401

pytest_plugins = ["tests.plugins.reviewed_skips"]

# A shared machine is no stopwatch; what hypothesis finds it prints in a form that can be replayed.
settings.register_profile("nvr", deadline=None, print_blob=True)
settings.load_profile("nvr")


@pytest.fixture(autouse=True)
def fail_on_blocking_calls() -> Iterator[None]:
    """Raise where code of the package blocks a running event loop."""
    blockbuster = BlockBuster("custom_components")
    # Home Assistant writes its log from a thread; the handlers of a test run do not.
    blockbuster.functions["io.TextIOWrapper.write"].can_block_in("logging/__init__.py", "emit")
    blockbuster.activate()
    yield
    blockbuster.deactivate()
