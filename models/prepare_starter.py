"""Unpack and split the pictures that the starter model is trained and measured on.

    python models/prepare_starter.py tiny-imagenet.tar.gz WORK

The archive holds `train/WNID/*`, `val/WNID/*` and `classes.csv` (columns wnid, name and group); it is not part of the
project. WORK/pictures.npz gets the pictures, uint8 [N, 64, 64, 3], the class of each (0 to 199) and its part, and the
label of each class. Half a minute; needs numpy and Pillow.
"""

from __future__ import annotations

import csv
import io
import sys
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

SEED = 3
BACKGROUND = "background"
GROUPS = ("cat", "dog", "bird", "butterfly", "goldfish", "car", "van or bus", "train", "boat", "fruit", "meal", "drink")
"""What the model answers: groups of classes.csv, but for what `label_of` says."""
FRUITS = ("orange", "lemon", "banana", "pomegranate")
"""The archive's `fruit or vegetable` holds cauliflower and acorn too: nobody would call them one thing."""
LABELS = (*GROUPS, BACKGROUND)
UNSEEN_CLASSES = 20
"""Background classes that nothing is trained or chosen on: they show what the model does with new things."""
CALIBRATION_CLASSES = 8
"""Background classes that are not trained on either, but the scores are calibrated with them."""
TRAIN, VALIDATION, CALIBRATION, UNSEEN, TEST = range(5)
"""Parts: VALIDATION is a tenth of each trained class, TEST the archive's `val` folder, all classes."""
THRESHOLD, MARGIN = 0.60, 0.10
"""The default configuration, for which the scores are calibrated and at which they are measured."""

Array = npt.NDArray[Any]


def label_of(class_name: str, archive_group: str) -> str:
    """Return the model's label for one of the 200 classes."""
    if class_name in FRUITS:
        return "fruit"
    if class_name == "goldfish":  # the archive's only fish
        return "goldfish"
    return archive_group if archive_group in GROUPS else BACKGROUND


def split(fine: Array, held_out: Array, is_background: Array) -> Array:
    """Return the part of every picture, chosen at random with the fixed seed.

    Args:
        fine: shape (N,), the class of each picture.
        held_out: shape (N,), whether it is from the archive's `val`.
        is_background: shape (classes,).
    """
    random = np.random.default_rng(SEED)
    never_trained = random.permutation(np.flatnonzero(is_background))[: UNSEEN_CLASSES + CALIBRATION_CLASSES]
    part = np.full(len(fine), TRAIN)
    for number in range(len(is_background)):
        members = random.permutation(np.flatnonzero((fine == number) & ~held_out))
        part[members[: len(members) // 10]] = VALIDATION
    part[np.isin(fine, never_trained[:UNSEEN_CLASSES])] = UNSEEN
    part[np.isin(fine, never_trained[UNSEEN_CLASSES:])] = CALIBRATION
    part[held_out] = TEST
    return part


def unpack(archive: Path) -> tuple[list[dict[str, str]], list[Array], list[str], list[str]]:
    """Return the rows of classes.csv, and of every picture the pixels, the class and the folder."""
    classes: list[dict[str, str]] = []
    pictures, wnids, folders = [], [], []
    with tarfile.open(archive) as tar:
        for member in tar:
            file = tar.extractfile(member)
            if file is None:
                continue
            if member.name == "classes.csv":
                classes = list(csv.DictReader(io.StringIO(file.read().decode())))
                continue
            folder, wnid, _ = member.name.split("/")
            pictures.append(np.asarray(Image.open(io.BytesIO(file.read())).convert("RGB")))
            wnids.append(wnid)
            folders.append(folder)
    return classes, pictures, wnids, folders


def main(archive: str, work: str) -> None:
    """Write WORK/pictures.npz."""
    classes, pictures, wnids, folders = unpack(Path(archive))
    number = {row["wnid"]: index for index, row in enumerate(classes)}
    fine = np.array([number[wnid] for wnid in wnids])
    group_of_fine = np.array([LABELS.index(label_of(row["name"], row["group"])) for row in classes])
    part = split(fine, np.array(folders) == "val", group_of_fine == len(GROUPS))
    target = Path(work, "pictures.npz")
    target.parent.mkdir(parents=True, exist_ok=True)
    names = [row["name"] for row in classes]
    np.savez(target, pictures=np.stack(pictures), fine=fine, part=part, group_of_fine=group_of_fine, class_names=names)
    print(f"{target}: pictures to train, validate, calibrate, never seen, to test: {np.bincount(part).tolist()}")


if __name__ == "__main__":
    main(*sys.argv[1:3])
