"""The kinds of values that config.yaml holds, with their limits."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

_ID = "^[a-z0-9_-]{1,64}$"
_NODE_ID = "^[a-z0-9_-]{0,64}$"
_LEVEL = r"[^+#/\x00-\x1f]+"
_TOPIC = rf"^[^$+#/\x00-\x1f][^+#/\x00-\x1f]*(/{_LEVEL})*$"
_ACCELERATOR = "^(auto|cpu|edgetpu(:(usb|pci):[0-9]+)?)$"

PATTERN_MEANS = {
    _ID: "must be a-z, 0-9, _ and - only, 1 to 64 of them",
    _NODE_ID: "must be a-z, 0-9, _ and - only, at most 64 of them",
    _TOPIC: "must be a topic without +, #, an empty level or a leading $",
    _ACCELERATOR: "must be auto, cpu, edgetpu, or one device: edgetpu:usb:0, edgetpu:pci:0",
}
"""What to tell a person whose text does not match."""

Id = Annotated[str, Field(pattern=_ID)]
NodeId = Annotated[str, Field(pattern=_NODE_ID)]
Topic = Annotated[str, Field(pattern=_TOPIC, max_length=200)]
Accelerator = Annotated[str, Field(pattern=_ACCELERATOR)]
Text = Annotated[str, Field(min_length=1)]
Score = Annotated[float, Field(ge=0, le=1)]
Threshold = Annotated[float, Field(gt=0, le=1)]
Fraction = Annotated[float, Field(ge=0, le=1)]
Seconds = Annotated[float, Field(ge=0, le=31_536_000)]
Pixel = Annotated[int, Field(ge=16, le=8192)]
