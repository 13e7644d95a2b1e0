"""Labelled pictures through a model."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from edgeclassify.errors import InputError
from edgeclassify.image import load_picture
from edgeclassify.inference import Classifier
from edgeclassify.picturefile import SUFFIXES, is_picture
from edgeclassify.records import Frame, Scores
from edgeclassify.tools.labelled_csv import LabelCsv
from edgeclassify.tools.labelled_folders import LabelFolders
from edgeclassify.tools.labelled_pictures import LabelledPicture, LabelledPictures


def open_labelled(path: Path) -> LabelledPictures:
    """Return the pictures of a folder or a CSV.

    Raises:
        InputError: it is neither.
    """
    if path.is_dir():
        return LabelFolders(path)
    if not path.exists():
        raise InputError(f"{path}: no such folder or CSV; check the path")
    if not path.is_file():
        raise InputError(f"{path}: is no folder and no file; name a folder with a folder per label, or a CSV")
    if path.suffix.lower() in SUFFIXES or is_picture(path):
        raise InputError(f"{path}: is a picture; name a folder with a folder per label, or a CSV `file,label`")
    return LabelCsv(path)


def classified(
    classifier: Classifier, pictures: Iterable[LabelledPicture]
) -> Iterator[tuple[LabelledPicture, Scores | InputError]]:
    """Yield each picture with its scores or why it cannot be used.

    The middle of a picture counts, as `fit: crop` has it. It is decoded in this thread: another one beside the
    interpreter made nothing quicker, with small pictures and with large ones.
    """
    for picture in pictures:
        try:
            yield picture, _scores(classifier, picture)
        except InputError as error:
            yield picture, error


def _scores(classifier: Classifier, picture: LabelledPicture) -> Scores:
    if picture.problem:
        raise InputError(picture.problem)
    shown = load_picture(picture.path)
    return classifier.classify(Frame("", shown.captured_s, shown.model_input(*classifier.model.input_size), shown))
