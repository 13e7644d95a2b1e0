"""Prints what Home Assistant's always-loaded integrations and mqtt require of pip; runs in its own environment."""

import json
import pathlib

import homeassistant
from homeassistant import bootstrap

COMPONENTS = pathlib.Path(homeassistant.__file__).parent / "components"
WANTED = {"mqtt", "recorder", "history", "logbook", "onboarding", "api", "config", "auth", "websocket_api", "frontend"}
# The configuration flow of mqtt imports it, but runs without what it depends on.
ALONE = {"hassio"}

waiting = set(bootstrap.DEFAULT_INTEGRATIONS) | set(bootstrap.CORE_INTEGRATIONS) | WANTED | ALONE
seen = set()
requirements = set()
while waiting:
    name = waiting.pop()
    manifest = COMPONENTS / name / "manifest.json"
    if name in seen or not manifest.exists():
        continue
    seen.add(name)
    integration = json.loads(manifest.read_text())
    requirements |= set(integration.get("requirements", []))
    waiting |= set() if name in ALONE else set(integration.get("dependencies", []))
print("\n".join(sorted(requirements)))
