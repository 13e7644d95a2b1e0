"""Train the starter model: MobileNet v1 of half width on 64 x 64 pictures, quantized to uint8.

    pip install tensorflow-cpu==2.15.1 Pillow   # Python 3.10 or 3.11
    python models/prepare_starter.py tiny-imagenet.tar.gz pictures.npz
    python models/train_starter.py pictures.npz out

About 30 minutes on two cores. Writes out/starter.tflite and out/starter.txt. The weights differ from machine to
machine (number of threads, CPU); the accuracy does not, within noise.
"""

from __future__ import annotations

import argparse
import math
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np
import tensorflow as tf

BATCH = 128
FINAL_SIZE = 64  # pixels
FIRST_SIZE = 48  # the first epochs see smaller pictures: nearly as good, and twice as fast
FIRST_PART = 0.6
LABEL_SMOOTHING = 0.1
# Groups differ in size: a small one is drawn up to the first number, a large one cut at the second.
PICTURES_PER_GROUP = (700, 1300)
BACKGROUND_PICTURES = 4000
CALIBRATION_PICTURES = 300

# Filters (before the width) and stride of each depthwise separable block.
BLOCKS = [(64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *[(512, 1)] * 5, (1024, 1), (1024, 1)]

layers = tf.keras.layers


def network(groups: int, width: float, size: int | None, *, deployed: bool = False) -> tf.keras.Model:
    """Return the network: logits of pictures of any size, or probabilities of one picture when deployed."""

    def filters(count: int) -> int:
        return max(8, int(count * width))

    def normalized(x: tf.Tensor) -> tf.Tensor:
        return layers.ReLU(6.0)(layers.BatchNormalization(momentum=0.98, epsilon=1e-3)(x))

    pictures = layers.Input((size, size, 3), batch_size=1 if deployed else None)
    x = normalized(layers.Conv2D(filters(32), 3, 2, "same", use_bias=False)(pictures))
    for count, stride in BLOCKS:
        x = normalized(layers.DepthwiseConv2D(3, stride, "same", use_bias=False)(x))
        x = normalized(layers.Conv2D(filters(count), 1, 1, "same", use_bias=False)(x))
    # The Edge TPU's compiler knows AVERAGE_POOL_2D and CONV_2D, not every form of MEAN and FULLY_CONNECTED.
    x = layers.AveragePooling2D(x.shape[1])(x) if deployed else layers.GlobalAveragePooling2D(keepdims=True)(x)
    x = layers.Reshape((groups,))(layers.Conv2D(groups, 1)(x))
    return tf.keras.Model(pictures, layers.Softmax()(x) if deployed else x)


def scaled(pictures: np.ndarray, size: int) -> tf.Tensor:
    """Return pictures as the network takes them: -1 to 1."""
    return tf.image.resize(tf.cast(pictures, tf.float32), (size, size)) / 127.5 - 1.0


def augmented(pictures: tf.Tensor, size: int) -> tf.Tensor:
    """Return random parts of pictures, mirrored, in other colours, brightness and contrast, with noise; -1 to 1."""
    count = tf.shape(pictures)[0]
    x = tf.cast(pictures, tf.float32)

    def uniform(low: float, high: float, shape: tuple[int, ...] = ()) -> tf.Tensor:
        return tf.random.uniform([count, *shape], low, high)

    area, aspect = uniform(0.35, 1.0), tf.exp(uniform(-0.25, 0.25))
    height, width = tf.minimum(1.0, tf.sqrt(area / aspect)), tf.minimum(1.0, tf.sqrt(area * aspect))
    top, left = uniform(0.0, 1.0) * (1 - height), uniform(0.0, 1.0) * (1 - width)
    mirrored = uniform(0.0, 1.0) < 0.5
    right = left + width
    boxes = tf.stack([top, tf.where(mirrored, right, left), top + height, tf.where(mirrored, left, right)], 1)
    x = tf.image.crop_and_resize(x, boxes, tf.range(count), (size, size))
    grey = tf.reduce_mean(x, -1, keepdims=True)
    x = grey + (x - grey) * uniform(0.5, 1.4, (1, 1, 1))
    mean = tf.reduce_mean(x, [1, 2], keepdims=True)
    x = (
        mean
        + (x - mean) * uniform(0.7, 1.3, (1, 1, 1))
        + uniform(-30.0, 30.0, (1, 1, 1))
        + uniform(-10.0, 10.0, (1, 1, 3))
    )
    x = x + tf.random.normal(tf.shape(x)) * uniform(0.0, 6.0, (1, 1, 1))
    return tf.clip_by_value(x, 0.0, 255.0) / 127.5 - 1.0


def training_step(model: tf.keras.Model, groups: int, size: int, weight_decay: float, optimizer: object) -> Callable:
    """Return the function that trains one batch at one size of picture and gives its loss."""
    decayed = [v for v in model.trainable_variables if "kernel" in v.name and "depthwise" not in v.name]
    loss_of = tf.keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=LABEL_SMOOTHING)

    @tf.function
    def step(pictures: tf.Tensor, numbers: tf.Tensor, rate: tf.Tensor) -> tf.Tensor:
        optimizer.learning_rate.assign(rate)
        with tf.GradientTape() as tape:
            logits = model(augmented(pictures, size), training=True)
            decay = weight_decay * tf.add_n([tf.nn.l2_loss(kernel) for kernel in decayed])
            loss = loss_of(tf.one_hot(numbers, groups), logits) + decay
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
        return loss

    return step


def epoch_indexes(numbers: np.ndarray, groups: int, rng: np.random.Generator) -> np.ndarray:
    """Return which pictures one epoch sees, in which order."""
    fewest, most = PICTURES_PER_GROUP
    chosen = []
    for group in range(groups):
        members = np.flatnonzero(numbers == group)
        limit = BACKGROUND_PICTURES if group == groups - 1 else most
        chosen.append(rng.permutation(members)[:limit] if len(members) >= fewest else rng.choice(members, fewest))
    return rng.permutation(np.concatenate(chosen))


def learning_rate(step: int, warm_up: int, total: int, highest: float) -> float:
    """Rise over one epoch, then fall along half a cosine."""
    if step < warm_up:
        return highest * step / warm_up
    return highest * 0.5 * (1 + math.cos(math.pi * (step - warm_up) / (total - warm_up)))


def accuracies(model: tf.keras.Model, pictures: np.ndarray, numbers: np.ndarray, groups: int) -> tuple[float, float]:
    """Return accuracy and balanced accuracy (the mean over groups)."""
    starts = range(0, len(pictures), 500)
    found = np.concatenate([model(scaled(pictures[i : i + 500], FINAL_SIZE)).numpy().argmax(1) for i in starts])
    return float((found == numbers).mean()), float(np.mean([(found[numbers == g] == g).mean() for g in range(groups)]))


def train(data: dict[str, np.ndarray], options: argparse.Namespace, rng: np.random.Generator) -> tf.keras.Model:
    """Return the trained network."""
    groups = len(data["names"])
    model = network(groups, options.width, None)
    optimizer = tf.keras.optimizers.SGD(0.0, momentum=0.9, nesterov=True)
    sizes = (FIRST_SIZE, FINAL_SIZE)
    steps = {size: training_step(model, groups, size, options.weight_decay, optimizer) for size in sizes}
    per_epoch = len(epoch_indexes(data["y"], groups, rng)) // BATCH
    start_s = time.monotonic()
    for epoch in range(options.epochs):
        step = steps[FIRST_SIZE if epoch < options.epochs * FIRST_PART else FINAL_SIZE]
        indexes = epoch_indexes(data["y"], groups, rng)
        losses = []
        for batch in range(per_epoch):
            rate = learning_rate(epoch * per_epoch + batch, per_epoch, per_epoch * options.epochs, options.rate)
            chosen = indexes[batch * BATCH : (batch + 1) * BATCH]
            pictures, numbers = tf.constant(data["x"][chosen]), tf.constant(data["y"][chosen])
            losses.append(float(step(pictures, numbers, tf.constant(rate, tf.float32))))
        line = f"epoch {epoch + 1}: loss {np.mean(losses):.3f}, {time.monotonic() - start_s:.0f} s"
        if epoch % 3 == 2 or epoch == options.epochs - 1:
            line += ", held out: accuracy {:.3f}, balanced {:.3f}".format(
                *accuracies(model, data["xe"], data["ye"], groups)
            )
        print(line, flush=True)
    return model


def quantized(model: tf.keras.Model, data: dict[str, np.ndarray], width: float, rng: np.random.Generator) -> bytes:
    """Return the .tflite: all integers, uint8 in and out."""
    deployed = network(len(data["names"]), width, FINAL_SIZE, deployed=True)
    deployed.set_weights(model.get_weights())

    def representative() -> Iterator[list[np.ndarray]]:
        for index in rng.integers(0, len(data["x"]), CALIBRATION_PICTURES):
            yield [scaled(data["x"][index : index + 1], FINAL_SIZE).numpy()]

    converter = tf.lite.TFLiteConverter.from_keras_model(deployed)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = representative
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.uint8
    return converter.convert()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pictures", type=Path, help="the .npz of prepare_starter.py")
    parser.add_argument("target", type=Path, help="the folder to write to")
    parser.add_argument("--epochs", type=int, default=26)
    parser.add_argument("--width", type=float, default=0.5)
    parser.add_argument("--rate", type=float, default=0.2, help="the highest learning rate")
    parser.add_argument("--weight-decay", type=float, default=1e-4)
    options = parser.parse_args()

    tf.keras.utils.set_random_seed(1)
    rng = np.random.default_rng(1)
    with np.load(options.pictures) as file:
        data = dict(file)
    model = train(data, options, rng)
    options.target.mkdir(parents=True, exist_ok=True)
    (options.target / "starter.tflite").write_bytes(quantized(model, data, options.width, rng))
    (options.target / "starter.txt").write_text("\n".join(data["names"]) + "\n")


if __name__ == "__main__":
    main()
