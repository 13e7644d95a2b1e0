"""Unpack the pictures that the starter model is trained on into one .npz file.

    python models/prepare_starter.py tiny-imagenet.tar.gz pictures.npz

The archive holds `train/WNID/*`, `val/WNID/*` and `classes.csv` (columns wnid and group); it is not part of the
project. The .npz holds pictures uint8 [N, 64, 64, 3] (x, held out: xe), the numbers of their groups (y, ye) and the
groups' names, in the order of starter.txt. Needs numpy and Pillow.
"""

from __future__ import annotations

import csv
import io
import sys
import tarfile
from pathlib import Path

import numpy as np
from PIL import Image


def main(archive: str, target: str) -> None:
    pictures: dict[str, list[np.ndarray]] = {"train": [], "val": []}
    wnids: dict[str, list[str]] = {"train": [], "val": []}
    group_of: dict[str, str] = {}
    with tarfile.open(archive) as tar:
        for member in tar:
            content = tar.extractfile(member).read()
            if member.name == "classes.csv":
                group_of = {row["wnid"]: row["group"] for row in csv.DictReader(io.StringIO(content.decode()))}
                continue
            part, wnid, _ = member.name.split("/")
            pictures[part].append(np.asarray(Image.open(io.BytesIO(content)).convert("RGB")))
            wnids[part].append(wnid)
    # The order that is published already: an index in a configuration must mean the same after a retraining.
    names = Path(__file__).with_name("starter.txt").read_text(encoding="utf-8").split("\n")[:-1]
    if set(names) != set(group_of.values()):
        sys.exit(f"{archive}: its groups are not those of starter.txt: {sorted(set(names) ^ set(group_of.values()))}")
    number = {wnid: names.index(group) for wnid, group in group_of.items()}
    np.savez(
        target,
        names=np.array(names),
        x=np.stack(pictures["train"]),
        y=np.array([number[wnid] for wnid in wnids["train"]]),
        xe=np.stack(pictures["val"]),
        ye=np.array([number[wnid] for wnid in wnids["val"]]),
    )
    print(f"{target}: {len(wnids['train'])} pictures to train, {len(wnids['val'])} held out, {len(names)} groups")


if __name__ == "__main__":
    main(*sys.argv[1:3])
