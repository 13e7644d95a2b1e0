"""The daemon with a learned model: it is a model like any other, and another version of it is taken at a reload."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

from edgeclassify.config.sections import ModelConfig
from edgeclassify.tools.learn.learning import learn, open_eye
from tests.broker import Broker, Inbox
from tests.learned import write_backbone
from tests.running import ROOT, Daemon, slides, write_pictures
from tests.tools.learn.test_saving import colours
from tests.waiting import wait_until


def events(inbox: Inbox) -> list[dict[str, Any]]:
    return [json.loads(text) for text in inbox.texts(f"{ROOT}/porch/event")]


def test_a_learned_model_runs_and_learning_again_takes_over_at_a_reload(
    tmp_path: Path, broker: Broker, inbox: Inbox
) -> None:
    path = write_backbone(tmp_path / "backbone")
    known = colours()
    with open_eye(str(path), tmp_path, ModelConfig(accelerator="cpu")) as eye:
        learn(known.without("red"), "imprinting", 0.9, eye.backbone, tmp_path / "mine", force=False)
        pictures = write_pictures(tmp_path / "pictures", (20, 200, 25), (200, 20, 25))  # green, red
        chosen = {"model": {"name": "./mine"}, "events": {"ignore": ["none"]}}
        with Daemon(tmp_path, broker.port, {"porch": slides(pictures)}, **chosen) as daemon:
            wait_until(lambda: [event["label"] for event in events(inbox) if event["model"] == "mine"][:1] == ["green"])
            learn(known, "imprinting", 0.9, eye.backbone, tmp_path / "mine", force=True)
            daemon.process.send_signal(signal.SIGHUP)
            wait_until(lambda: any(event["label"] == "red" and event["model"] == "mine" for event in events(inbox)))
            assert not any(event["label"] == "none" for event in events(inbox))
            wait_until(lambda: json.loads(inbox.last(f"{ROOT}/info") or "{}")["model"]["labels"] == 4)
            assert daemon.stop() == 0
