"""Let the test plugin cut from Home Assistant 2026.10 run on 2026.11; goes when there is a plugin for 2026.11.

Loaded with `-p` before every other plugin, in the workers of a parallel run too (home-assistant 10.3).
"""

# First of all: Home Assistant 2026.11 puts httpx2 in the place of httpx and refuses when respx was quicker.
import homeassistant  # noqa: F401
from homeassistant.components import logger
from homeassistant.components.logger import helpers

# The name moved in 2026.11.
logger._clear_logger_overwrites = helpers._clear_logger_overwrites
