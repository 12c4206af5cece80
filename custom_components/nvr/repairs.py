"""What the user does about a repair issue of ours."""

from homeassistant.components.repairs import ConfirmRepairFlow, RepairsFlow
from homeassistant.core import HomeAssistant


async def async_create_fix_flow(
    _hass: HomeAssistant, _issue_id: str, _data: dict[str, str | int | float | None] | None
) -> RepairsFlow:
    """Every fixable issue is a notice: read and confirmed, it is settled."""
    return ConfirmRepairFlow()
