"""What the user does about a repair issue of ours."""

from homeassistant.components.repairs import ConfirmRepairFlow, RepairsFlow, RepairsFlowResult
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir
import probatio

from .const import DOMAIN
from .core.errors import NvrError
from .errors import error_key
from .health import Health
from .issues import CLOCK_WRONG, EVENTS_UNLINKED
from .runtime import NvrConfigEntry


async def async_create_fix_flow(
    _hass: HomeAssistant, _issue_id: str, data: dict[str, str | int | float | None] | None
) -> RepairsFlow:
    """Return a flow that mends the recorder, or one for a notice: read and confirmed, it is settled."""
    key = data.get("key") if data else None
    return RecorderRepairFlow() if key in {CLOCK_WRONG, EVENTS_UNLINKED} else ConfirmRepairFlow()


class RecorderRepairFlow(RepairsFlow):
    """Shows what would be written to the recorder, and writes it when the user agrees."""

    async def async_step_init(self, _user_input: dict[str, str] | None = None) -> RepairsFlowResult:
        """Begin."""
        return await self.async_step_confirm()

    async def async_step_confirm(self, user_input: dict[str, str] | None = None) -> RepairsFlowResult:
        """Ask, then write; what fails is said, and may be tried again."""
        errors: dict[str, str] = {}
        if user_input is not None:
            if (health := self._health()) is None:
                return self.async_abort(reason="not_loaded")
            try:
                await self._mend(health)
            except NvrError as err:
                errors["base"] = error_key(err)
            else:
                return self.async_create_entry(data={})
        issue = ir.async_get(self.hass).async_get_issue(DOMAIN, self.issue_id)
        return self.async_show_form(
            step_id="confirm",
            data_schema=probatio.Schema({}),
            errors=errors,
            description_placeholders=None if issue is None else issue.translation_placeholders,
        )

    async def _mend(self, health: Health) -> None:
        if self.data is not None and self.data.get("key") == CLOCK_WRONG:
            await health.async_set_clock()
        else:
            await health.async_link()

    def _health(self) -> Health | None:
        entry: NvrConfigEntry | None = self.hass.config_entries.async_get_entry(str((self.data or {}).get("entry_id")))
        return None if entry is None or entry.state is not ConfigEntryState.LOADED else entry.runtime_data.health
