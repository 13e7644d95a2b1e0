"""Publishers that are in a hurry."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from edgeclassify.config.sections import MqttConfig
from edgeclassify.mqtt.dialer import Pace
from edgeclassify.mqtt.publisher import Publisher
from edgeclassify.threads import StopReasons

QUICK = Pace(answer_s=1.0, acknowledge_s=1.5, first_pause_s=0.1, longest_pause_s=0.4)
NODE = "edgeclassify/hut"
EVENTS = f"{NODE}/porch/event"
StartPublisher = Callable[..., Publisher]


@pytest.fixture
def state_dir(tmp_path: Path) -> Path:
    return tmp_path / "state"


@pytest.fixture
def start(tmp_path: Path, state_dir: Path) -> Iterator[StartPublisher]:
    """Start a publisher of node `hut` that talks to a broker; no thread of it may have died at the end."""
    reasons = StopReasons()
    with ExitStack() as running:

        def start_one(port: int, *, node: str = "hut", folder: Path | None = state_dir, **more: Any) -> Publisher:
            retry_seconds = more.pop("retry_seconds", 60.0)
            config = MqttConfig(**{"host": "127.0.0.1", "port": port, "keepalive_seconds": 5} | more)
            publisher = Publisher(config, node, folder, tmp_path, reasons, pace=QUICK, retry_seconds=retry_seconds)
            return running.enter_context(publisher)

        yield start_one
    assert reasons.empty(), reasons.get().text
