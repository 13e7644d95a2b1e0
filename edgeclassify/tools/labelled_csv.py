"""A CSV of pictures and their labels, as spreadsheets write it: comma, semicolon or tab, with a header or without."""

from __future__ import annotations

import csv
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edgeclassify.errors import InputError
from edgeclassify.tools.labelled_pictures import LabelledPicture

_DELIMITERS = (";", "\t", ",")  # a label may well hold commas: they come last
_SAMPLE_LINES = 50
_MAX_SHOWN = 80
_FILE_TITLES = {"file", "filename", "file_name", "path", "filepath", "image", "image_path", "picture"}
_LABEL_TITLES = {"label", "labels", "label_name", "class", "class_name", "category", "index"}


@dataclass(frozen=True)
class _Form:
    delimiter: str
    file: int = 0
    label: int = 1
    columns: int = 2
    """What comes after the last one belongs to it: "cat.jpg,tabby, tabby cat" needs no quotes."""
    header: bool = False


class LabelCsv:
    """Rows `file,label`; files are relative to the CSV.

    A header names the columns, in any order and among others. Without one the first is the file, the rest the label.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._duplicates = 0

    def __iter__(self) -> Iterator[LabelledPicture]:
        """Yield the rows; one that is there twice counts once, and of a file with two labels the first counts."""
        self._duplicates = 0
        form = self._form()
        repeated = self._repeated(form)
        label_of: dict[Path, str] = {}
        for picture in self._pictures(form):
            known = label_of.get(picture.path)
            if picture.problem or hash(picture.path) not in repeated:
                yield picture
            elif known is None:
                label_of[picture.path] = picture.label
                yield picture
            elif known == picture.label:
                self._duplicates += 1
            else:
                problem = f"{picture.where}: {picture.path.name} has another label above; keep one of the rows"
                yield LabelledPicture(picture.path, picture.label, picture.where, problem)

    def notes(self) -> list[str]:
        """Return what was left out."""
        return [f"{self._duplicates} row(s) of {self._path} are there twice and count once"] if self._duplicates else []

    def _repeated(self, form: _Form) -> set[int]:
        """Return the hashes of files that are in more than one row; of the others nothing needs to be kept."""
        hashes = np.fromiter((hash(picture.path) for picture in self._pictures(form)), np.int64)
        values, counts = np.unique(hashes, return_counts=True)
        return set(values[counts > 1].tolist())

    def _pictures(self, form: _Form) -> Iterator[LabelledPicture]:
        for line, row in itertools.islice(self._rows(form.delimiter), int(form.header), None):
            yield self._picture(form, line, row)

    def _picture(self, form: _Form, line: int, row: Sequence[str]) -> LabelledPicture:
        last = form.columns - 1
        cells = [*row[:last], form.delimiter.join(row[last:])]
        file, label = ((cells[column].strip() if column < len(cells) else "") for column in (form.file, form.label))
        where = f"{self._path}:{line}"
        problem = ""
        if "\0" in file or "\0" in label:
            problem = f"{where}: is not text; mend the line"
        elif not file or not label:
            problem = f"{where}: has no {'label' if file else 'file'}; write file{form.delimiter}label"
        return LabelledPicture(self._path.parent / file.replace("\0", ""), label, where, problem)

    def _form(self) -> _Form:
        """Find the delimiter and the columns.

        Raises:
            InputError: there are no two columns.
        """
        samples = {one: self._sample(one) for one in _DELIMITERS}
        if not samples[","]:
            raise InputError(f"{self._path}: is empty; write a line file,label for each picture")
        # Lines of nothing but the other delimiter are blank to it.
        delimiter = max(filter(samples.get, samples), key=lambda one: sum(len(row) > 1 for row in samples[one]))
        first = samples[delimiter][0]
        if not any(len(row) > 1 for row in samples[delimiter]):
            raise InputError(
                f"{self._path}: has one column only ({delimiter.join(first)[:_MAX_SHOWN]!r}); "
                "write a line file,label for each picture"
            )
        titles = [cell.strip().casefold() for cell in first]
        file, label = _first_of(titles, _FILE_TITLES), _first_of(titles, _LABEL_TITLES)
        if file is None or label is None:
            return _Form(delimiter)
        return _Form(delimiter, file, label, len(titles), header=True)

    def _sample(self, delimiter: str) -> list[list[str]]:
        rows = self._rows(delimiter, strict=False)  # by the wrong delimiter quotes stand at odd places
        return [row for _, row in itertools.islice(rows, _SAMPLE_LINES)]

    def _rows(self, delimiter: str, *, strict: bool = True) -> Iterator[tuple[int, list[str]]]:
        """Yield the rows that are not blank, with their line."""
        line = 0
        try:
            # Excel's own UTF-8 begins with a byte order mark.
            with self._path.open(encoding="utf-8-sig", newline="") as file:
                reader = csv.reader(file, delimiter=delimiter, strict=strict)
                for row in reader:
                    if any(cell.strip() for cell in row):
                        yield line + 1, row
                    line = reader.line_num
        except UnicodeDecodeError as error:
            raise InputError(
                f"{self._path}: is not UTF-8; if it is a text, save it as CSV UTF-8, "
                "or convert it with: iconv -f latin1 -t utf-8"
            ) from error
        except csv.Error as error:
            raise InputError(f"{self._path}:{line + 1}: {error}; is a quote not closed?") from error
        except OSError as error:
            raise InputError(
                f"{self._path}: cannot be read ({error.strerror or error}); check the path and the disk"
            ) from error


def _first_of(titles: Sequence[str], wanted: set[str]) -> int | None:
    return next((number for number, title in enumerate(titles) if title in wanted), None)
