"""Label files in every usual form, and how they are fitted to a model's outputs."""

from __future__ import annotations

import logging
import re
import unicodedata
from collections.abc import Sequence
from pathlib import Path

from edgeclassify import homes, resources
from edgeclassify.errors import LabelsError
from edgeclassify.inference.metadata import packed_labels

log = logging.getLogger(__name__)

_MAX_BYTES = 10_000_000
_NUMBERED = re.compile(r"(\d{1,6})(?:\s*:\s*|\s+)(\S.*)")
_LINE_END = re.compile(r"\r\n|\n|\r")  # splitlines() would also split at characters that may be in a label
_IMAGENET = 1000
_BACKGROUND = "background"


def find_labels(named: str, base: Path, model: Path, content: bytes) -> tuple[tuple[str, ...], str]:
    """Return a model's labels and where they come from: `model.labels`, the model itself, a file beside it.

    Raises:
        LabelsError: there are none, or they cannot be read.
    """
    if not named and (packed := packed_labels(content, model.name)) is not None:
        name, text = packed
        origin = f"{name} inside {model.name}"
        return parse_labels(text, origin), origin
    path = label_file(named, base, model)
    if path is None:
        raise LabelsError(f"{model}: it has no labels inside and no {model.stem}.txt beside it; set model.labels")
    return parse_labels(_read(path), str(path)), str(path)


def label_file(named: str, base: Path, model: Path) -> Path | None:
    """Return the label file that counts for a model without labels inside: the named one, or the one beside it.

    Raises:
        LabelsError: `named` is no path.
    """
    if named:
        return _expanded(base, named)
    stems = dict.fromkeys([model.stem, model.stem.removesuffix("_edgetpu")])
    return next((path for stem in stems if (path := resources.beside(model, f"{stem}.txt")).is_file()), None)


def parse_labels(content: bytes, where: str) -> tuple[str, ...]:
    """Return the labels of a file: one a line, or `0 label`, or `0: label`, in UTF-8.

    Blank lines at the end do not count. A blank line in between, or a number that is left out, keeps its place
    as `label_<index>`.

    Raises:
        LabelsError: it is no label file.
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise LabelsError(
            f"{where}:{line}: is not UTF-8; if it is a text, convert it with: iconv -f latin1 -t utf-8"
        ) from error
    lines = [_printable(line) for line in _LINE_END.split(text)]
    while lines and not lines[-1]:
        lines.pop()
    if not lines:
        raise LabelsError(f"{where}: has no labels; write one on each line")
    if "\0" in text:
        log.warning("labels %s: hold control characters, which are left out", where)
    labels = _numbered(lines) or lines
    if unnamed := [str(index) for index, label in enumerate(labels) if not label]:
        log.warning("labels %s: nothing is written for %s; named label_<index>", where, _few(unnamed))
    return tuple(label or f"label_{index}" for index, label in enumerate(labels))


def fit_labels(labels: Sequence[str], outputs: int, model: str, origin: str) -> tuple[str, ...]:
    """Return as many labels as the model has outputs.

    ImageNet has 1000 labels; many of its models have one output more, in front, for the background.

    Raises:
        LabelsError: the counts do not fit.
    """
    if len(labels) == outputs:
        return tuple(labels)
    starts_with_background = labels[0].casefold() == _BACKGROUND
    if outputs == _IMAGENET + 1 and len(labels) == _IMAGENET and not starts_with_background:
        log.info("model %s: 1001 outputs and 1000 labels (%s): background is put in front", model, origin)
        return (_BACKGROUND, *labels)
    if outputs == _IMAGENET and len(labels) == _IMAGENET + 1 and starts_with_background:
        log.info("model %s: 1000 outputs and 1001 labels (%s): background is left out", model, origin)
        return tuple(labels[1:])
    raise LabelsError(
        f"{model} has {outputs} outputs, but {origin} has {len(labels)} labels; "
        "set model.labels to the file that belongs to it"
    )


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(_MAX_BYTES + 1)
    except FileNotFoundError as error:
        raise LabelsError(f"{path}: there is no such label file; mend model.labels") from error
    except IsADirectoryError as error:
        raise LabelsError(f"{path}: is a folder; name the label file in it") from error
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        mend = homes.advice(path, "check the path and the disk")
        raise LabelsError(f"{path}: the label file cannot be read ({error}); {mend}") from error
    if len(content) > _MAX_BYTES:
        raise LabelsError(
            f"{path}: is larger than {_MAX_BYTES // 1_000_000} MB and so no label file; is it the right file?"
        )
    return content


def _expanded(base: Path, name: str) -> Path:
    try:
        return base / Path(name).expanduser()
    except RuntimeError as error:  # ~nobody
        raise LabelsError(f"{name}: {error}; mend model.labels") from error


def _printable(line: str) -> str:
    # Control characters and line separators would break topics, JSON lines and the terminal.
    return "".join(c if unicodedata.category(c) not in ("Cc", "Zl", "Zp") else " " * (c != "\0") for c in line).strip()


def _numbered(lines: Sequence[str]) -> list[str] | None:
    """Return labels by their number, or None when these lines are not numbered."""
    matches = [_NUMBERED.fullmatch(line) for line in lines if line]
    by_number = {int(match[1]): match[2].strip() for match in matches if match}
    # "10 euro", "20 euro" is no numbering: one has no number twice, and few are left out.
    if len(by_number) != len(matches) or max(by_number) + 1 > 2 * len(by_number):
        return None
    return [by_number.get(number, "") for number in range(max(by_number) + 1)]


def _few(items: Sequence[str]) -> str:
    return ", ".join(items[:5]) + (f" and {len(items) - 5} more" if len(items) > 5 else "")
