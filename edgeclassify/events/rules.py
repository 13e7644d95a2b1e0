"""The section `events` of config.yaml, resolved for one camera and one model: a number per answer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgeclassify.config.sections import EventsConfig
from edgeclassify.events.states import NOTHING
from edgeclassify.vocabulary import LabelName, UnknownLabelError, Vocabulary

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Rules:
    """When an answer counts; all times are seconds, all scores smoothed."""

    thresholds: Floats
    """Shape (answers,): the score from which it counts."""
    stay_levels: Floats
    """Shape (answers,): what is present stays while its score is above this."""
    ignored: npt.NDArray[np.bool_]
    margin: float
    smoothing_s: float
    appear_after_s: float
    gone_after_s: float
    cooldown_s: float


def rules_for(
    events: EventsConfig, threshold_layers: Iterable[Mapping[LabelName, float]], vocabulary: Vocabulary
) -> Rules:
    """Resolve the labels that `events` names.

    Args:
        events: the section as it holds for the camera; its `thresholds` are not used.
        threshold_layers: thresholds from the weakest to the strongest source.
        vocabulary: what the model can answer.

    Raises:
        UnknownLabelError: thresholds name a label that the model does not have.
    """
    thresholds = resolve_thresholds(threshold_layers, vocabulary)
    ignored = np.zeros(len(vocabulary.answers), bool)
    # `none` is what the state says when nothing is there, and what a learned model says of nothing that it knows.
    for name in (*events.ignore, NOTHING):
        try:
            ignored[list(vocabulary.find(name))] = True
        except UnknownLabelError:
            continue  # said once by the check of the configuration; a label that is not there is never reported
    return Rules(
        thresholds=thresholds,
        stay_levels=np.maximum(thresholds - events.hysteresis, thresholds / 2),
        ignored=ignored,
        margin=events.margin,
        smoothing_s=events.smoothing_seconds,
        appear_after_s=events.appear_after_seconds,
        gone_after_s=events.gone_after_seconds,
        cooldown_s=events.cooldown_seconds,
    )


def resolve_thresholds(layers: Iterable[Mapping[LabelName, float]], vocabulary: Vocabulary) -> Floats:
    """Return the threshold of every answer: a label's own line from any layer wins over any "*"."""
    everything = EventsConfig().thresholds["*"]
    own: dict[int, float] = {}
    for layer in layers:
        everything = layer.get("*", everything)
        for name, threshold in layer.items():
            if name != "*":
                own.update(dict.fromkeys(vocabulary.find(name), threshold))
    thresholds = np.full(len(vocabulary.answers), everything)
    thresholds[list(own)] = list(own.values())
    return thresholds
