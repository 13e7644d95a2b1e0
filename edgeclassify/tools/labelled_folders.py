"""Pictures with labels: a folder for each label."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from edgeclassify.errors import InputError
from edgeclassify.picturefile import SUFFIXES, is_picture
from edgeclassify.tools.labelled_pictures import LabelledPicture


class LabelFolders:
    """A folder with a folder for each label; folders inside these belong to the same label."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._notes: list[str] = []

    def __iter__(self) -> Iterator[LabelledPicture]:
        """Yield the pictures in the order of their names."""
        try:
            entries = sorted(self._root.iterdir())
        except PermissionError as error:
            raise InputError(f"{self._root}: may not be read; check the folder's permissions") from error
        entries = [entry for entry in entries if not entry.name.startswith(".")]
        folders = [entry for entry in entries if entry.is_dir()]
        outside = sum(1 for entry in entries if entry.suffix.lower() in SUFFIXES and not entry.is_dir())
        self._notes = [f"{outside} picture(s) in {self._root} itself have no label and are left out"] if outside else []
        empty, found = [], False
        for folder in folders:
            first = next(pictures := _pictures_below(folder), None)
            if first is None:
                empty.append(folder.name)
                continue
            found = True
            yield first
            yield from pictures
        if not found:
            raise InputError(
                f"{self._root}: has no pictures in folders; put those of each label into a folder of its name"
            )
        if empty:
            self._notes.append(f"no pictures in: {', '.join(empty)}")

    def notes(self) -> list[str]:
        """Return what was left out."""
        return self._notes


def _pictures_below(folder: Path) -> Iterator[LabelledPicture]:
    unlisted: list[OSError] = []
    where = str(folder)
    for name, folders, files in os.walk(folder, onerror=unlisted.append):
        folders[:] = sorted(one for one in folders if not one.startswith("."))
        for file in sorted(files):
            path = Path(name, file)
            if not file.startswith(".") and (path.suffix.lower() in SUFFIXES or is_picture(path)):
                yield LabelledPicture(path, folder.name, where)
    for error in unlisted:
        problem = f"{error.filename}: the folder cannot be read ({error.strerror}); check its permissions"
        yield LabelledPicture(Path(error.filename), folder.name, where, problem)
