"""`edgeclassify evaluate`."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from edgeclassify.cli.chosen_model import chosen_model, model_option
from edgeclassify.cli.options import config_option
from edgeclassify.cli.progress import progress

if TYPE_CHECKING:
    from edgeclassify.config.reader import ConfigFile
    from edgeclassify.inference import Classifier
    from edgeclassify.inference.groups import Groups
    from edgeclassify.tools.evaluation import Evaluation
    from edgeclassify.tools.evaluation_report import Circumstances
    from edgeclassify.tools.labelled_pictures import LabelledPictures, Survey

_NO_GROUPS = "none"
_MOST_LISTED = 1000

_EPILOG = """\b
Example: edgeclassify evaluate photos/ -m mobilenet_v2_1.0_224_quant --groups home
\b
--json, besides more that explains itself:
  images           pictures of what the model knows
  top1, top5       fractions of them whose label was the best, or one of the five best
  best_answer      the same with groups summed
  others           pictures of something else
  unreadable       pictures that could not be read
  decisions        answered, right, wrong, false_alarms, ... with the configuration's thresholds
  thresholds       the same for one threshold in place of all
  labels           precision and recall of each label or group
  confusions       what is taken for what, worst first
"""


@click.command(epilog=_EPILOG)
@click.argument("pictures", metavar="DIR-or-CSV", type=click.Path(path_type=Path))
@model_option
@click.option("--labels", metavar="FILE", help="A label file for the model.")
@config_option
@click.option(
    "--groups", metavar="PRESET", help="Labels that count as one: home, or none; default: the configuration's."
)
@click.option("--others", is_flag=True, help="Labels that the model does not have stand for something else.")
@click.option(
    "--top",
    metavar="COUNT",
    default=10,
    show_default=True,
    type=click.IntRange(min=0),
    help="How many labels and mistakes to show.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.option("--plot", metavar="FILE", type=click.Path(path_type=Path), help="Draw confusion and thresholds.")
def command(
    pictures: Path,
    model: str | None,
    labels: str | None,
    config_path: Path | None,
    groups: str | None,
    top: int,
    plot: Path | None,
    *,
    others: bool,
    as_json: bool,
) -> int:
    """Measure how right a model is on labelled pictures: a folder for each label, or a CSV `file,label`.

    A label is the model's text or one of its synonyms, its index, or a group. Pictures of background, and with
    --others those of labels that the model does not have, are of something else: an answer to one is a false alarm.
    """
    from edgeclassify.config.reader import find_config, load_config
    from edgeclassify.errors import InputError
    from edgeclassify.inference import open_classifier
    from edgeclassify.tools.evaluate import open_labelled
    from edgeclassify.tools.evaluation_report import document, in_words
    from edgeclassify.tools.labelled_pictures import survey
    from edgeclassify.tools.plots import check_can_plot, draw

    if plot:
        check_can_plot(plot)
    file = load_config(find_config(config_path))
    labelled = open_labelled(pictures)
    with open_classifier(*chosen_model(file, model, labels)) as classifier:
        found = survey(labelled)
        for note in labelled.notes():
            click.echo(f"edgeclassify: {note}", err=True)
        evaluation, about = _evaluated(file, classifier, labelled, found, groups, others=others)
    if not evaluation.images + evaluation.others:
        raise InputError(f"{pictures}: none of {about.unreadable} picture(s) could be read; give others")
    told = document(evaluation, about)
    click.echo(json.dumps(told, ensure_ascii=False) if as_json else "\n".join(in_words(told, top)))
    if plot:
        draw(evaluation, f"{about.model}: {evaluation.images} pictures, top-1 right {evaluation.top1}", plot)
    if about.unreadable:
        click.echo(f"edgeclassify: {about.unreadable} picture(s) could not be read, see above", err=True)
    return InputError.exit_code if about.unreadable else 0


def _evaluated(
    file: ConfigFile,
    classifier: Classifier,
    pictures: LabelledPictures,
    found: Survey,
    groups: str | None,
    *,
    others: bool,
) -> tuple[Evaluation, Circumstances]:
    from edgeclassify.errors import InputError
    from edgeclassify.health import InferenceTimes
    from edgeclassify.tools.evaluate import classified
    from edgeclassify.tools.evaluation_report import Circumstances
    from edgeclassify.tools.truths import OTHER, truths

    evaluation, group_name = _empty_evaluation(file, classifier, groups)
    meaning = truths(
        found, evaluation.vocabulary, others=others, hint=_hint(found, classifier.model.labels, group_name)
    )
    other_labels = [name for name, truth in meaning.items() if truth == OTHER]
    about = Circumstances(classifier.model.name, classifier.accelerator, group_name, other_labels=other_labels)
    times = InferenceTimes()
    started_s = time.perf_counter()
    with progress("pictures", found.total) as (advance, tell):
        for picture, result in classified(classifier, pictures):
            advance()
            if isinstance(result, InputError):
                about.unreadable += 1
                tell(f"edgeclassify: {result}")
                if about.unreadable <= _MOST_LISTED:
                    image = click.format_filename(picture.path)
                    about.unreadable_images.append({"image": image, "error": str(result)})
            elif picture.label in meaning:  # else its folder came while this runs
                times.note(result)
                evaluation.add(meaning[picture.label], result.values)
    about.seconds = time.perf_counter() - started_s
    about.inference_ms = times.quantiles_ms()
    return evaluation, about


def _empty_evaluation(file: ConfigFile, classifier: Classifier, groups: str | None) -> tuple[Evaluation, str]:
    """Return it with the groups and thresholds that hold, and how the groups are called."""
    from edgeclassify.errors import ConfigError, UsageError
    from edgeclassify.events.rules import rules_for
    from edgeclassify.inference.groups import vocabulary_for
    from edgeclassify.tools.evaluation import Evaluation
    from edgeclassify.vocabulary import UnknownLabelError

    events, labels = file.config.events, classifier.model.labels
    wanted: Groups | str = events.groups
    if groups is not None:
        wanted = {} if groups == _NO_GROUPS else groups
    try:
        vocabulary = vocabulary_for(labels, wanted)
    except UnknownLabelError as error:
        if groups is not None:
            raise UsageError(f"--groups {groups}: {error}") from error
        raise ConfigError(file.problem(("events", "groups"), f"{error}; or: --groups {_NO_GROUPS}")) from error
    try:
        rules = rules_for(events, [events.thresholds], vocabulary)
    except UnknownLabelError as error:
        raise ConfigError(file.problem(("events", "thresholds"), str(error))) from error
    return Evaluation(vocabulary, rules), wanted if isinstance(wanted, str) else "configuration" if wanted else ""


def _hint(found: Survey, labels: tuple[str, ...], groups: str) -> str:
    """Return that the preset's groups would know some of the labels, when they are not used."""
    from edgeclassify.inference.groups import vocabulary_for
    from edgeclassify.tools.truths import TruthTable
    from edgeclassify.vocabulary import UnknownLabelError

    if groups:
        return ""
    try:
        plain, home = TruthTable(vocabulary_for(labels, {})), TruthTable(vocabulary_for(labels, "home"))
    except UnknownLabelError:
        return ""
    known = [name for name in found.where if plain.find(name) is None and home.find(name) is not None]
    return f"; --groups home has {', '.join(known[:5])}" if known else ""
