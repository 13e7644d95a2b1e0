"""Pictures to examples: each is looked at once; what cannot be learned from is said."""

from __future__ import annotations

import hashlib
import os
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from edgeclassify.errors import InputError
from edgeclassify.image import load_picture
from edgeclassify.inference import Classifier
from edgeclassify.inference.head import Array
from edgeclassify.records import Frame
from edgeclassify.tools.labelled_pictures import LabelledPicture
from edgeclassify.tools.learn.cache import FeatureCache
from edgeclassify.tools.learn.examples import Examples
from edgeclassify.tools.learn.stored_features import stored

_LONGEST = 100


@dataclass(eq=False)
class Collected:
    """What was found in some pictures."""

    features: bytearray = field(default_factory=bytearray)
    """One after the other, as `stored` makes them."""
    labels: list[str] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    """Why a picture was left out, one message each."""
    duplicates: int = 0
    """Pictures that are there twice in one class, and count once."""
    from_cache: int = 0
    _by_content: dict[bytes, int] = field(default_factory=dict)
    _contradicted: set[int] = field(default_factory=set)

    def add(self, picture: LabelledPicture, label: str, key: str, features: Array) -> None:
        """Take in one picture. The same picture has the same features, whatever its file is like."""
        first = self._by_content.setdefault(hashlib.sha256(features.tobytes()).digest(), len(self.labels))
        if first == len(self.labels):
            self.features += stored(features).tobytes()
            self.labels.append(label)
            self.keys.append(key)
            self.paths.append(str(picture.path))
        elif self.labels[first] == label:
            self.duplicates += 1
        else:
            self._contradicted.add(first)
            self.problems.append(
                f"{picture.path}: is the same picture as {self.paths[first]}, in another class; neither is learned "
                "from: remove the wrong one"
            )

    def examples(self) -> Examples:
        """Return what can be learned from.

        Raises:
            InputError: nothing.
        """
        rows = [row for row in range(len(self.labels)) if row not in self._contradicted]
        if not rows:
            raise InputError("none of the pictures can be learned from; give others")
        matrix = np.frombuffer(self.features, np.int8).reshape(len(self.labels), -1)
        return Examples.of(
            matrix if len(rows) == len(matrix) else matrix[rows], [self.labels[row] for row in rows],
            [self.keys[row] for row in rows], [_shown(self.paths[row]) for row in rows],
        )  # fmt: skip


def collect(
    pictures: Iterable[LabelledPicture],
    classifier: Classifier,
    cache: FeatureCache,
    advance: Callable[[], None],
    tell: Callable[[str], None],
) -> Collected:
    """Look at every picture, or remember it.

    Args:
        pictures: with the names of their classes.
        classifier: gives features.
        cache: what was seen before.
        advance: called after each.
        tell: takes a message on each that is left out, at once.
    """
    found = Collected()
    for picture in pictures:
        before = len(found.problems)
        try:
            _look_at(picture, classifier, cache, found)
        except InputError as error:
            found.problems.append(str(error))
        for problem in found.problems[before:]:
            tell(problem)
        advance()
    return found


def class_name(text: str) -> str:
    """Return the name of a class as it is kept.

    Raises:
        InputError: it is none.
    """
    name = unicodedata.normalize("NFC", text).strip()
    odd = [c for c in name if unicodedata.category(c) in ("Cc", "Cs", "Co", "Cn", "Zl", "Zp")]
    if not name or odd or len(name) > _LONGEST:
        shown = text.encode(errors="backslashreplace").decode()
        reason = "is empty" if not name else "has characters that cannot be shown" if odd else "is too long"
        raise InputError(f"class {shown[:_LONGEST]!r}: its name {reason}; rename it")
    return name


def _look_at(picture: LabelledPicture, classifier: Classifier, cache: FeatureCache, found: Collected) -> None:
    if picture.problem:
        raise InputError(picture.problem)
    label = class_name(picture.label)
    key = _sha256(picture.path, cache)
    features = cache.get(key)
    if features is None or len(features) != classifier.model.outputs:
        shown = load_picture(picture.path)
        pixels = shown.model_input(*classifier.model.input_size)
        values = classifier.classify(Frame("", shown.captured_s, pixels, shown)).values
        features = values.astype(np.float16).astype(np.float32)  # as it is kept, so that each run learns the same
        cache.put(key, features)
    else:
        found.from_cache += 1
    found.add(picture, label, key, features)


def _sha256(path: Path, cache: FeatureCache) -> str:
    if not path.is_file():  # to open a pipe would wait for its other end
        raise InputError(f"{path}: is no file; check the path")
    try:
        return cache.sha256_of(path)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); check the file's permissions") from error


def _shown(path: str) -> str:
    return os.fsencode(Path(path).name).decode(errors="replace")
