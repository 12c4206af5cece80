"""A throw-away Home Assistant: its folder, its process, its owner."""

from dataclasses import dataclass
from datetime import UTC, datetime
import json
import os
from pathlib import Path
import shutil
from typing import Any

from .client import OWNER, HaClient
from .processes import ROOT, Child, DemoError, free_port

START_TIMEOUT = 150.0

# The actions by which the dashboard steers a simulated NVR: `port`, `what` and `body` go to its control port; somebody
# `comes` and, some seconds later, `leaves`.
CONTROL_ACTION = "rest_command.simulated_nvr"
VISIT_ACTION = "script.somebody_comes"

CONFIGURATION = """\
homeassistant:
  name: NVR demo
  country: NL
  currency: EUR
  latitude: 52.37
  longitude: 4.89
  elevation: 0
  unit_system: metric
  time_zone: {time_zone}
  internal_url: "{address}"
automation:
  - id: someone_at_the_door
    alias: Someone was seen
    use_blueprint:
      path: nvr/detection.yaml
      input: {kinds: [intrusion], notify: script.tell, pause: 0}
  - id: somebody_is_away
    alias: An NVR or a camera is away
    use_blueprint:
      path: nvr/offline.yaml
      input: {notify: script.tell, patience: {seconds: 2}}
  - id: it_does_not_record
    alias: An NVR does not record
    use_blueprint:
      path: nvr/no_recording.yaml
      input: {notify: script.tell}
frontend:
history:
logbook:
media_source:
recorder:
  commit_interval: 1
rest_command:
  simulated_nvr:
    url: "http://127.0.0.1:{{ port }}/{{ what }}"
    method: post
    content_type: application/json
    payload: "{{ body | to_json }}"
script:
  tell:
    alias: Tell of it
    mode: parallel
    sequence:
      - action: persistent_notification.create
        data:
          notification_id: "{{ data.tag }}"
          title: "{{ title }}"
          message: "{{ message }} [Show]({{ data.url }})"
  somebody_comes:
    mode: parallel
    sequence:
      - action: rest_command.simulated_nvr
        data: {port: "{{ port }}", what: event, body: "{{ comes }}"}
      - delay: 8
      - action: rest_command.simulated_nvr
        data: {port: "{{ port }}", what: event, body: "{{ leaves }}"}
stream:
system_health:
logger:
  default: warning
  logs:
    custom_components.nvr: info
"""


def _stored(key: str, version: int, minor_version: int, data: dict[str, Any]) -> str:
    return json.dumps({"version": version, "minor_version": minor_version, "key": key, "data": data})


def write_config(folder: Path, port: int, time_zone: str) -> None:
    """Fill the configuration folder; the HTTP settings are stored as confirmed ones, so that HA never reverts them."""
    storage = folder / ".storage"
    storage.mkdir(parents=True, exist_ok=True)
    configuration = CONFIGURATION.replace("{time_zone}", time_zone).replace("{address}", f"http://127.0.0.1:{port}")
    (folder / "configuration.yaml").write_text(configuration)
    components = folder / "custom_components"
    components.mkdir(exist_ok=True)
    link = components / "nvr"
    if not link.is_symlink():
        link.symlink_to(ROOT / "custom_components" / "nvr")
    shutil.copytree(ROOT / "blueprints", folder / "blueprints", dirs_exist_ok=True)
    http = {
        "server_host": ["127.0.0.1"],
        "server_port": port,
        "cors_allowed_origins": [],
        "login_attempts_threshold": -1,
        "ip_ban_enabled": True,
        "ssl_profile": "modern",
        "use_x_frame_options": True,
        "created_at": datetime.now(UTC).isoformat(),
        "error": None,
        "error_message": None,
    }
    (storage / "http").write_text(_stored("http", 2, 2, {"stable": http, "pending": None, "yaml_migration_done": True}))
    # The search for NVRs stays on this machine.
    (storage / "core.network").write_text(_stored("core.network", 1, 1, {"configured_adapters": ["lo"]}))
    # The steps that would add cloud integrations are marked done; the user step is done over the REST interface.
    done = {"done": ["core_config", "analytics", "integration"]}
    (storage / "onboarding").write_text(_stored("onboarding", 4, 1, done))


@dataclass
class HomeAssistant:
    """One running instance and its signed-in owner."""

    folder: Path
    port: int
    child: Child
    client: HaClient

    @classmethod
    def prepare(cls, folder: Path, port: int | None, *, time_zone: str = "Europe/Amsterdam") -> HomeAssistant:
        """Write the configuration; nothing runs yet."""
        port = port or free_port()
        write_config(folder, port, time_zone)
        standins = ROOT / "scripts" / "demo_standins"
        environment = {
            "PYTHONPATH": os.pathsep.join([str(standins), os.environ.get("PYTHONPATH", "")]),
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        child = Child(
            "Home Assistant",
            ("-m", "homeassistant", "--config", str(folder), "--skip-pip"),
            folder.parent / "home-assistant.log",
            environment,
        )
        return cls(folder, port, child, HaClient(f"http://127.0.0.1:{port}"))

    async def start(self) -> None:
        """Start the process and wait until it serves; raises DemoError with its last words."""
        await self.child.start()
        try:
            await self.client.wait_until_up(START_TIMEOUT)
        except DemoError as err:
            message = f"{err}. Its last words:\n{self.child.tail()}"
            raise DemoError(message) from err

    async def stop(self) -> None:
        """End the process; its folder stays."""
        await self.child.stop()

    async def create_owner(self) -> None:
        """Make the demo user as the first-run page does, and sign in."""
        body = {**OWNER, "client_id": self.client.client_id, "language": "en"}
        answer = await self.client.post_json("/api/onboarding/users", body, signed_in=False)
        await self.client.sign_in(answer["auth_code"])

    async def close(self) -> None:
        """Stop and drop all connections."""
        await self.stop()
        await self.client.close()
