"""`edgeclassify learn DIR`."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import click

from edgeclassify.cli.options import config_option
from edgeclassify.cli.progress import progress

if TYPE_CHECKING:
    from edgeclassify.tools.labelled_pictures import LabelledPicture
    from edgeclassify.tools.learn.collecting import Collected
    from edgeclassify.tools.learn.learning import Eye, Learned

_MANY = 1000  # pictures take seconds to train with
_Command = TypeVar("_Command", bound=Callable[..., Any])


def learning_options(command: _Command) -> _Command:
    """Add what all that learn take: `--precision`, `--force`, `--json`."""
    for option in (
        click.option("--json", "as_json", is_flag=True, help="One JSON object."),
        click.option("--force", is_flag=True, help="Replace a model also by one that is worse."),
        click.option(
            "--precision", metavar="FRACTION", default=0.95, show_default=True, type=click.FloatRange(0.5, 1),
            help="Say the threshold at which so many of the answers are right.",
        ),
    ):  # fmt: skip
        command = option(command)
    return command


class LeftOut(NamedTuple):
    """What was not learned from."""

    problems: Sequence[str] = ()
    """One message each."""
    duplicates: int = 0
    """Pictures that were there twice."""


@click.command("from", short_help="The same as `learn DIR`.", epilog="Example: edgeclassify learn photos/ --name porch")
@click.argument("directory", metavar="DIR", type=click.Path(path_type=Path))
@click.option("-n", "--name", metavar="NAME", help="Of the new model, or the path of its folder; default: that of DIR.")
@click.option(
    "--backbone", metavar="MODEL", help="What looks at pictures; default: the embedding extractor, or starter."
)
@click.option(
    "--head", default="auto", show_default=True, type=click.Choice(["auto", "softmax", "imprinting"]),
    help="auto: the one that is right more often on held-out pictures.",
)  # fmt: skip
@learning_options
@config_option
def pictures(
    directory: Path,
    name: str | None,
    backbone: str | None,
    head: str,
    precision: float,
    config_path: Path | None,
    *,
    force: bool,
    as_json: bool,
) -> int:
    """Learn from a folder with a folder of pictures for each class; the folder's name is the class."""
    from edgeclassify.config.reader import find_config, load_config
    from edgeclassify.tools.labelled_folders import LabelFolders
    from edgeclassify.tools.labelled_pictures import survey
    from edgeclassify.tools.learn.collecting import class_name
    from edgeclassify.tools.learn.learning import (
        GOOD_BACKBONE,
        check_learnable,
        check_names,
        default_backbone,
        learn,
        open_eye,
    )
    from edgeclassify.tools.learn.places import folder_of, name_for

    file = load_config(find_config(config_path))
    folder = folder_of(name or name_for(directory), Path.cwd())
    labelled = _folders(directory)
    seen = survey(labelled)
    check_names(map(class_name, seen.pictures))
    chosen = backbone or default_backbone()
    if backbone is None and chosen != GOOD_BACKBONE and not as_json:
        click.echo(f"with {chosen}; a better one: edgeclassify models pull {GOOD_BACKBONE}", err=True)
    with open_eye(chosen, Path.cwd(), file.config.model) as eye:
        found = looked_at(labelled, seen.total, eye)
    assert isinstance(labelled, LabelFolders)
    for note in labelled.notes():
        click.echo(f"edgeclassify: {note}", err=True)
    examples, left_out = found.examples(), LeftOut(found.problems, found.duplicates)
    del found  # and with it a second copy of the features
    check_learnable(examples)
    if len(examples.labels) >= _MANY and not as_json:
        click.echo("training ...", err=True)
    learned = learn(examples, head, precision, eye.backbone, folder, force=force)
    return tell(learned, left_out, as_json=as_json)


def looked_at(pictures: Iterable[LabelledPicture], total: int, eye: Eye) -> Collected:
    """Return what the backbone sees in pictures, with a progress bar."""
    from edgeclassify.tools.learn.cache import open_cache
    from edgeclassify.tools.learn.collecting import collect

    with (
        open_cache(f"{eye.backbone.sha256} {eye.classifier.accelerator.partition(':')[0]}") as cache,
        progress("pictures", total) as (advance, say),
    ):
        return collect(pictures, eye.classifier, cache, advance, lambda text: say(f"edgeclassify: {text}"))


def tell(learned: Learned, left_out: LeftOut, *, as_json: bool) -> int:
    """Print what was learned; return the exit code."""
    from edgeclassify.errors import InputError
    from edgeclassify.tools.learn.report import in_words

    if as_json:
        document = {"model": str(learned.folder), "unchanged": learned.unchanged, "left_out": left_out.problems}
        click.echo(json.dumps(document | dict(learned.measured), ensure_ascii=True))
    else:
        click.echo("\n".join(in_words(learned.measured)))
        if learned.unchanged:
            click.echo("Nothing has changed since: the same pictures, backbone and options. --force learns again.")
        if learned.comparison:
            click.echo(f"Before and now: {learned.comparison}")
        if left_out.duplicates:
            click.echo(f"{left_out.duplicates} picture(s) were there twice and count once")
        what = "There already" if learned.unchanged else "Written"
        click.echo(f"{what}: {click.format_filename(learned.folder)}; use it with: -m {_usable_name(learned.folder)}")
    if left_out.problems:
        click.echo(f"edgeclassify: {len(left_out.problems)} picture(s) left out, see above", err=True)
    return InputError.exit_code if left_out.problems else 0


def _usable_name(folder: Path) -> str:
    from edgeclassify.resources import learned_models

    known = learned_models().get(folder.name) == folder
    return folder.name if known else click.format_filename(folder)


def _folders(directory: Path) -> Any:  # noqa: ANN401 - imported late
    from edgeclassify.errors import InputError
    from edgeclassify.tools.labelled_folders import LabelFolders

    if not directory.is_dir():
        reason = "is no folder; name one with a folder of pictures for each class" if directory.exists() else (
            "there is no such folder; check the path"
        )  # fmt: skip
        raise InputError(f"{directory}: {reason}")
    return LabelFolders(directory)
