"""All groups, in the order of docs/errors.md."""

from __future__ import annotations

from tests.errors.broker import BROKER
from tests.errors.cameras import CAMERAS
from tests.errors.case import Group
from tests.errors.configuration import CONFIGURATION
from tests.errors.edgetpu import EDGE_TPU
from tests.errors.learning import LEARNING
from tests.errors.models import LABELS, MODELS
from tests.errors.operating import COMMANDS, OPERATING
from tests.errors.pictures import PICTURES, TABLES
from tests.errors.pulling import PULLING
from tests.errors.setting_up import SETTING_UP
from tests.errors.state import STATE

GROUPS: tuple[Group, ...] = (
    CONFIGURATION,
    SETTING_UP,
    MODELS,
    LABELS,
    PICTURES,
    TABLES,
    PULLING,
    LEARNING,
    CAMERAS,
    BROKER,
    COMMANDS,
    STATE,
    EDGE_TPU,
    OPERATING,
)
