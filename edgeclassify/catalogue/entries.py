"""The models that can be pulled by name; what is known of them is in models/catalogue.yaml."""

from __future__ import annotations

import difflib
import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from edgeclassify import resources
from edgeclassify.catalogue.checksums import Checksum
from edgeclassify.errors import UsageError


@dataclass(frozen=True)
class CatalogueFile:
    """One file of a model."""

    name: str
    """What it is called here."""
    published_name: str
    """What it is called where it comes from."""
    address: str
    checksum: Checksum
    size_bytes: int | None


@dataclass(frozen=True)
class Entry:
    """A model of the catalogue; what is not known is None."""

    name: str
    input_pixels: int
    top1_percent: float | None
    top5_percent: float | None
    latency_ms: float | None
    """As published; where it was measured is `Catalogue.latency_measured_on`."""
    knows: str | None
    """What its labels are, for people; None: it describes pictures and has no labels."""
    model: CatalogueFile
    twin: CatalogueFile
    """The same model, compiled for the Edge TPU."""
    labels: CatalogueFile | None

    @property
    def edgetpu(self) -> bool:
        """It has a twin for the Edge TPU: all of the catalogue have."""
        return True

    @property
    def files(self) -> tuple[CatalogueFile, ...]:
        """All of them; the model itself, without which the others are nothing, is the last."""
        return (*([self.labels] if self.labels else []), self.twin, self.model)


@dataclass(frozen=True)
class Catalogue:
    """All of them, by name."""

    entries: Mapping[str, Entry]
    latency_measured_on: str

    def entry(self, name: str) -> Entry:
        """Return the entry of this name.

        Raises:
            UsageError: there is none.
        """
        if name in self.entries:
            return self.entries[name]
        near = difflib.get_close_matches(name, self.entries, n=2, cutoff=0.5)
        hint = f"did you mean {' or '.join(near)}?" if near else "see: edgeclassify models list"
        raise UsageError(f"models: the catalogue has no {name!r}; {hint}")


@functools.cache
def catalogue() -> Catalogue:
    """Return the catalogue that comes with the program."""
    path = resources.models() / "catalogue.yaml"
    document: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    entries = {name: _entry(name, facts, document) for name, facts in document["models"].items()}
    return Catalogue(entries, document["latency_measured_on"])


def _entry(name: str, facts: dict[str, Any], document: dict[str, Any]) -> Entry:
    def file(here: str, published: str, known: dict[str, Any]) -> CatalogueFile:
        checksum = Checksum(known.get("sha256", ""), known["git_blob_sha1"])
        return CatalogueFile(here, published, document["origin"] + published, checksum, known.get("size_bytes"))

    labels = document["labels"][facts["labels"]] if "labels" in facts else None
    model, twin = f"{name}.tflite", f"{name}_edgetpu.tflite"
    return Entry(
        name=name,
        input_pixels=facts["input_pixels"],
        top1_percent=facts.get("top1_percent"),
        top5_percent=facts.get("top5_percent"),
        latency_ms=facts.get("latency_ms"),
        knows=labels["knows"] if labels else None,
        model=file(model, model, facts["cpu"]),
        twin=file(twin, twin, facts["edgetpu"]),
        labels=file(f"{name}.txt", facts["labels"], labels) if labels else None,
    )
