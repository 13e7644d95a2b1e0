"""Calibrate and quantize the trained starter model.

    python models/export_starter.py WORK    # needs what train_starter.py needs, and some minutes

Writes WORK/starter.tflite, integers only, and WORK/starter.txt. The scores are made such that answers at the default
configuration are as right as promised; this is chosen on pictures that are neither trained on nor tested with.
"""

from __future__ import annotations

import argparse
import math
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from prepare_starter import (
    CALIBRATION,
    CALIBRATION_CLASSES,
    GROUPS,
    LABELS,
    MARGIN,
    SEED,
    THRESHOLD,
    TRAIN,
    UNSEEN_CLASSES,
    VALIDATION,
)
from train_starter import PIXELS, network

PROMISED_PRECISION, PROMISED_FALSE_ALARMS = 0.90, 0.02
DOUBT = 0.05
"""The part of resamplings of the calibration pictures that may break the promise: these are few, and not the test's."""
BIAS_STEP, STEPS_BACK = 0.05, 6
QUANTIZATION_PICTURES = 500

Array = npt.NDArray[Any]
layers = tf.keras.layers


class CalibrationPictures:
    """The pictures that nothing is trained on and that are not the test's, weighed as the test's are made up."""

    def __init__(self, data: dict[str, Array]) -> None:
        part = data["part"]
        chosen = np.flatnonzero((part == VALIDATION) | (part == CALIBRATION))
        fine, part = data["fine"][chosen], part[chosen]
        self.pictures = data["pictures"][chosen]
        self.label = data["group_of_fine"][fine]
        self.own = self.label < len(GROUPS)
        # Each class counts the same, as in the test; CALIBRATION stands for all that are never trained on.
        stands_for = np.where(part == CALIBRATION, 1 + UNSEEN_CLASSES / CALIBRATION_CLASSES, 1.0)
        self.weight = (stands_for / np.bincount(fine)[fine]).astype(np.float32)

    def keep_the_promise(self, scores: Array) -> bool:
        """Return whether the answers at the default configuration are as right as promised, beyond DOUBT."""
        ordered, best = np.sort(scores, 1), scores.argmax(1)
        qualifies = (ordered[:, -1] >= THRESHOLD) & (ordered[:, -1] - ordered[:, -2] >= MARGIN)
        answered = qualifies & (best < len(GROUPS))
        right, false_alarm = answered & (best == self.label), answered & ~self.own
        resampled = np.random.default_rng(SEED).exponential(size=(400, len(best))) * self.weight
        precision = resampled[:, right].sum(1) / resampled[:, answered].sum(1)
        false_alarms = resampled[:, false_alarm].sum(1) / resampled[:, ~self.own].sum(1)
        low, high = np.quantile(precision, DOUBT), np.quantile(false_alarms, 1 - DOUBT)
        answered_rightly = np.average(right[self.own], weights=self.weight[self.own])
        print(
            f"of the calibration pictures: {np.median(precision):.3f} of the answers right (at least {low:.3f}), "
            f"{np.median(false_alarms):.4f} of background answered (at most {high:.4f}), "
            f"{answered_rightly:.3f} of the own groups answered rightly"
        )
        return bool(low >= PROMISED_PRECISION and high <= PROMISED_FALSE_ALARMS)


def most_likely(logits: Array, label: Array, weight: Array) -> tuple[float, Array]:
    """Return the factor and the biases that make the scores the most likely probabilities (temperature scaling)."""
    factor, bias = tf.Variable(0.0), tf.Variable(tf.zeros(len(LABELS)))
    optimizer = tf.keras.optimizers.Adam(0.03)
    for _ in range(400):
        with tf.GradientTape() as tape:
            losses = tf.nn.sparse_softmax_cross_entropy_with_logits(label, logits * tf.exp(factor) + bias)
            loss = tf.reduce_sum(losses * weight) / tf.reduce_sum(weight)
        optimizer.apply_gradients(zip(tape.gradient(loss, [factor, bias]), [factor, bias], strict=True))
    return math.exp(factor.numpy()), bias.numpy()


def quantized(model: tf.keras.Model, pictures: Array) -> bytes:
    """Return the .tflite of the network's labels, its ranges measured on the pictures."""
    picture = layers.Input((PIXELS, PIXELS, 3), batch_size=1)
    converter = tf.lite.TFLiteConverter.from_keras_model(tf.keras.Model(picture, layers.Softmax()(model(picture)[0])))
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([one[None].astype(np.float32) / 127.5 - 1.0] for one in pictures)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.uint8
    content: bytes = converter.convert()
    return content


def scores_of(content: bytes, pictures: Array) -> Array:
    """Return the scores that a .tflite gives pictures, shape [N, labels]."""
    interpreter = tf.lite.Interpreter(model_content=content)
    interpreter.allocate_tensors()
    (entry,), (result,) = interpreter.get_input_details(), interpreter.get_output_details()
    rows = []
    for picture in pictures:
        interpreter.set_tensor(entry["index"], picture[None])
        interpreter.invoke()
        rows.append(interpreter.get_tensor(result["index"])[0] * np.float32(result["quantization"][0]))
    return np.stack(rows)


def export(work: Path) -> None:
    """Write the last checkpoint as WORK/starter.tflite, and WORK/starter.txt.

    `background` gets the least addition to its most likely bias with which the quantized model keeps the promise. As
    quantizing takes a while, the search begins a little below what the unquantized network needs.
    """
    data = dict(np.load(work / "pictures.npz"))
    model = network(PIXELS)
    tf.train.Checkpoint(model=model).restore(tf.train.latest_checkpoint(work / "checkpoints")).expect_partial()
    known = CalibrationPictures(data)
    batches = np.array_split(known.pictures, 12)
    logits = np.concatenate([model(batch.astype(np.float32) / 127.5 - 1.0)[0] for batch in batches])
    factor, bias = most_likely(logits, known.label, known.weight)
    step = BIAS_STEP * (np.arange(len(LABELS)) == len(GROUPS))
    while not known.keep_the_promise(tf.nn.softmax(logits * factor + bias).numpy()):
        bias = bias + step
    bias = bias - STEPS_BACK * step

    trained = np.flatnonzero(data["part"] == TRAIN)
    sample = data["pictures"][np.random.default_rng(SEED).choice(trained, QUANTIZATION_PICTURES, replace=False)]
    head = model.get_layer("group")
    kernel, offset = head.get_weights()
    while True:
        head.set_weights([kernel * factor, offset * factor + bias])
        content = quantized(model, sample)
        if known.keep_the_promise(scores_of(content, known.pictures)):
            break
        bias = bias + step
    (work / "starter.tflite").write_bytes(content)
    (work / "starter.txt").write_text("".join(f"{label}\n" for label in LABELS), encoding="utf-8")


def main() -> None:
    """Export the last checkpoint."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", type=Path, metavar="WORK", help="the folder with pictures.npz and checkpoints")
    export(parser.parse_args().work)


if __name__ == "__main__":
    main()
