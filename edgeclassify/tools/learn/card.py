"""The card of a learned model: what it is and what was measured, for people."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from edgeclassify import __version__
from edgeclassify.inference.bundle import Backbone
from edgeclassify.tools.learn.report import in_words

_HOW = (
    "Measured by cross-validation: each picture was judged by a head trained without it. Temperature and gate were "
    "fitted on the same judgements, so that scores look a little better than they are. New pictures from another "
    "day or another camera are the real test: `edgeclassify evaluate`."
)


def card(name: str, backbone: Backbone, told: Mapping[str, Any]) -> str:
    """Return it as markdown."""
    edgetpu = (
        "It is cut at its features: this model runs on the CPU only."
        if backbone.cut
        else "With an Edge TPU its twin runs there."
    )
    origin = (
        f"Learned on {time.strftime('%Y-%m-%d')} with edgeclassify {__version__}. "
        f"Backbone: `{backbone.name}`, sha256 `{backbone.sha256}`. {edgetpu}"
    )
    lines = [f"# {name}", "", origin, "", _HOW, "", "```", *in_words(told), "```"]
    return "\n".join(lines) + "\n"
