"""`edgeclassify learn add` and `learn remove`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from edgeclassify.cli.chosen_model import model_option
from edgeclassify.cli.learn_pictures import LeftOut, learning_options, looked_at, tell
from edgeclassify.cli.options import config_option

if TYPE_CHECKING:
    from edgeclassify.tools.labelled_pictures import LabelledPicture
    from edgeclassify.tools.learn.examples import Examples


@click.command(
    "add",
    short_help="A class more, or more pictures of one.",
    epilog="Example: edgeclassify learn add parcel new/*.jpg",
)
@click.argument("name")
@click.argument("images", nargs=-1, required=True, metavar="PICTURES...", type=click.Path(path_type=Path))
@model_option
@learning_options
@config_option
def add(
    name: str,
    images: tuple[Path, ...],
    model: str | None,
    precision: float,
    config_path: Path | None,
    *,
    force: bool,
    as_json: bool,
) -> int:
    """Add a class to a learned model, or pictures to one of its classes. A folder stands for all pictures in it.

    With imprinting the weights of the other classes stay what they are.
    """
    from edgeclassify.config.reader import find_config, load_config
    from edgeclassify.inference.bundle_files import damaged
    from edgeclassify.tools.learn.collecting import class_name
    from edgeclassify.tools.learn.learning import backbone_of, learn, open_eye, read_before
    from edgeclassify.tools.learn.places import learned_model

    file = load_config(find_config(config_path))
    folder = learned_model(model, file.config.model.name, file.base, Path.cwd())
    backbone, _ = backbone_of(folder)
    before = read_before(folder)
    with open_eye(backbone, Path.cwd(), file.config.model) as eye:
        pictures = list(_pictures(images, class_name(name)))
        found = looked_at(pictures, len(pictures), eye)
    new = found.examples()
    if new.features.width != before.examples.features.width:
        raise damaged(folder / before.index.examples_file, "it is of another backbone")
    _check_not_elsewhere(before.examples, new)
    joined, index = before.examples.joined(new), before.index
    learned = learn(joined, index.kind, precision, index.backbone, folder, force=force, before=before)
    return tell(learned, LeftOut(found.problems, found.duplicates), as_json=as_json)


@click.command("remove", short_help="A class less.", epilog="Example: edgeclassify learn remove parcel")
@click.argument("name")
@model_option
@learning_options
@config_option
def remove(
    name: str, model: str | None, precision: float, config_path: Path | None, *, force: bool, as_json: bool
) -> int:
    """Take a class out of a learned model."""
    from edgeclassify.config.reader import find_config, load_config
    from edgeclassify.errors import UsageError
    from edgeclassify.tools.learn.learning import learn, read_before
    from edgeclassify.tools.learn.places import learned_model

    file = load_config(find_config(config_path))
    folder = learned_model(model, file.config.model.name, file.base, Path.cwd())
    before = read_before(folder)
    known, index = before.examples.classes, before.index
    if name not in known:
        raise UsageError(f"learn: {folder.name} has learned no class {name!r}; {_meant(name, known)}")
    if len(known) == 2:
        raise UsageError(
            f"learn: {folder.name} has two classes only; two are needed, so remove the whole folder {folder}"
        )
    kept = before.examples.without(name)
    learned = learn(kept, index.kind, precision, index.backbone, folder, force=force, before=before)
    return tell(learned, LeftOut(), as_json=as_json)


def _meant(name: str, known: tuple[str, ...]) -> str:
    from difflib import get_close_matches

    close = get_close_matches(name, known, 1)
    return f"did you mean {close[0]!r}?" if close else f"it has: {', '.join(known)}"


def _pictures(paths: tuple[Path, ...], label: str) -> Iterator[LabelledPicture]:
    from edgeclassify.picturefile import is_picture
    from edgeclassify.tools.labelled_pictures import LabelledPicture

    for path in paths:
        try:
            inside = [entry for entry in sorted(path.iterdir()) if is_picture(entry)] if path.is_dir() else []
        except OSError:  # the message comes from the attempt to read it
            inside = []
        problem = "" if inside or not path.is_dir() else f"{path}: the folder has no pictures; check the path"
        for picture in inside or [path]:
            yield LabelledPicture(picture, label, str(path), problem)


def _check_not_elsewhere(examples: Examples, new: Examples) -> None:
    """Raise InputError when one of the new pictures was learned as something else."""
    from edgeclassify.errors import InputError

    known = {key: row for row, key in enumerate(examples.keys)}
    for row, key in enumerate(new.keys):
        if key in known and examples.label_of(known[key]) != new.label_of(row):
            raise InputError(
                f"{new.names[row]}: was learned as {examples.label_of(known[key])!r} before; take it out of these "
                "pictures, or learn from all again"
            )
