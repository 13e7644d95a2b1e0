"""Train the starter model.

    pip install tensorflow-cpu==2.15.1 Pillow                         # Python 3.10 or 3.11
    python models/prepare_starter.py tiny-imagenet.tar.gz WORK        # WORK/pictures.npz
    python models/train_starter.py WORK                               # WORK/checkpoints: about an hour on two cores
    python models/export_starter.py WORK                              # WORK/starter.tflite, WORK/starter.txt
    python models/measure_starter.py WORK                             # WORK/results.json, WORK/starter_confusion.png

It keeps a checkpoint of every epoch; stopped at any moment and started again, it goes on from the last one. The
seed fixes the split, the order and the augmentation of the pictures; the weights still differ from machine to machine
(number of threads, CPU), the accuracy does not, within noise.
"""

from __future__ import annotations

import argparse
import math
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from prepare_starter import LABELS, SEED, TRAIN

BATCH = 128
PEAK_LEARNING_RATE = 0.15
WEIGHT_DECAY = 3e-4
WARM_UP = 0.04  # part of the training
PIXELS = 64
SMALL_PIXELS = 48  # the first epochs see smaller pictures: nearly twice as fast
SMALL_PART = 2 / 3

Array = npt.NDArray[Any]
layers = tf.keras.layers


def convolution(x: tf.Tensor, channels: int, size: int = 3, stride: int = 1, *, from_zero: bool = False) -> tf.Tensor:
    """Return a normalized convolution; from zero: the last one of a residual, so that a deep network learns at once."""
    x = layers.Conv2D(channels, size, stride, "same", use_bias=False, kernel_initializer="he_normal")(x)
    return layers.BatchNormalization(momentum=0.98, gamma_initializer="zeros" if from_zero else "ones")(x)


def network(pixels: int | None) -> tf.keras.Model:
    """Return the network: pictures [N, pixels, pixels, 3] from -1 to 1 -> logits of the labels and of the 200 classes.

    Plain 3x3 convolutions instead of MobileNet's depthwise ones: for as many multiplications they take a quarter of the
    time to train on a CPU. The 200 classes only help to learn; the .tflite leaves them out.
    """
    pictures = layers.Input((pixels, pixels, 3))
    x = layers.ReLU()(convolution(pictures, 32, stride=2))
    for channels in (48, 96, 192):
        x = layers.ReLU()(convolution(x, channels, stride=2))
        for _ in range(2):
            inner = layers.ReLU()(convolution(x, channels))
            x = layers.ReLU()(layers.Add()([x, convolution(inner, channels, from_zero=True)]))
    x = layers.ReLU()(convolution(x, 512, size=1))
    # The Edge TPU's compiler knows AVERAGE_POOL_2D and CONV_2D, not every form of MEAN and FULLY_CONNECTED.
    x = layers.AveragePooling2D(pixels // 16)(x) if pixels else layers.GlobalAveragePooling2D(keepdims=True)(x)
    x = layers.Dropout(0.2)(x)
    by_label = layers.Conv2D(len(LABELS), 1, name="group", dtype="float32")(x)
    by_class = layers.Conv2D(200, 1, name="fine", dtype="float32")(x)
    outputs = [layers.Reshape((logits.shape[-1],), dtype="float32")(logits) for logits in (by_label, by_class)]
    return tf.keras.Model(pictures, outputs)


def augment(pictures: tf.Tensor, pixels: int, smallest_area: tf.Tensor, random: tf.random.Generator) -> tf.Tensor:
    """Return other views of the pictures: uint8 [N, 64, 64, 3] -> float32 [N, pixels, pixels, 3] from -1 to 1."""
    count = tf.shape(pictures)[0]

    def uniform(low: float | tf.Tensor, high: float, *shape: int) -> tf.Tensor:
        return random.uniform([count, *shape], low, high)

    area, aspect = uniform(smallest_area, 1.0), tf.exp(uniform(-0.25, 0.25))
    height, width = tf.minimum(1.0, tf.sqrt(area / aspect)), tf.minimum(1.0, tf.sqrt(area * aspect))
    top, left = uniform(0.0, 1.0) * (1 - height), uniform(0.0, 1.0) * (1 - width)
    mirrored = uniform(0.0, 1.0) < 0.5
    from_x, to_x = tf.where(mirrored, left + width, left), tf.where(mirrored, left, left + width)
    boxes = tf.stack([top, from_x, top + height, to_x], 1)
    x = tf.image.crop_and_resize(tf.cast(pictures, tf.float32), boxes, tf.range(count), (pixels, pixels))
    # Blurred or sharpened: camera frames, scaled down, are sharper than the archive.
    x += (x - tf.nn.avg_pool2d(x, 3, 1, "SAME")) * uniform(-0.7, 1.0, 1, 1, 1)
    gray = tf.reduce_mean(x, -1, keepdims=True)
    by_night = uniform(0.0, 1.0, 1, 1, 1) < 0.05
    x = gray + (x - gray) * tf.where(by_night, 0.0, uniform(0.5, 1.4, 1, 1, 1))
    mean = tf.reduce_mean(x, [1, 2], keepdims=True)
    x = mean + (x - mean) * uniform(0.7, 1.3, 1, 1, 1) + uniform(-30.0, 30.0, 1, 1, 1) + uniform(-10.0, 10.0, 1, 1, 3)
    x += random.normal(tf.shape(x)) * uniform(0.0, 6.0, 1, 1, 1)
    return tf.clip_by_value(x, 0.0, 255.0) / 127.5 - 1.0


def epoch_order(fine: Array, part: Array, epoch: int) -> Array:
    """Return the pictures of one epoch, shuffled: each once, those of the small classes (80 pictures) twice."""
    members = np.flatnonzero(part == TRAIN)
    small = np.bincount(fine[members])[fine[members]] < 100
    return np.random.default_rng((SEED, epoch)).permutation(np.concatenate([members, members[small]]))


def learning_rate(progress: float) -> float:
    """Return the rate at a point of the training, 0 to 1: rising, then falling like a cosine."""
    if progress < WARM_UP:
        return PEAK_LEARNING_RATE * progress / WARM_UP
    return PEAK_LEARNING_RATE * 0.5 * (1 + math.cos(math.pi * (progress - WARM_UP) / (1 - WARM_UP)))


def training_step(
    model: tf.keras.Model, optimizer: tf.keras.optimizers.Optimizer, label_of_class: Array
) -> Callable[..., tf.Tensor]:
    """Return the function that takes a step and returns the loss; traced once for each number of pixels."""
    kernels = [variable for variable in model.trainable_variables if "kernel" in variable.name]
    loss_of_labels = tf.keras.losses.CategoricalCrossentropy(from_logits=True)
    loss_of_classes = tf.keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.1)
    label_of = tf.constant(label_of_class)

    @tf.function  # type: ignore[untyped-decorator]  # TensorFlow has no types
    def step(
        pictures: tf.Tensor, fine: tf.Tensor, pixels: int, area: tf.Tensor, rate: tf.Tensor, random: tf.random.Generator
    ) -> tf.Tensor:
        optimizer.learning_rate.assign(rate)
        with tf.GradientTape() as tape:
            by_label, by_class = model(augment(pictures, pixels, area, random), training=True)
            loss = loss_of_labels(tf.one_hot(tf.gather(label_of, fine), len(LABELS)), by_label)
            loss += loss_of_classes(tf.one_hot(fine, 200), by_class)
            total = loss + WEIGHT_DECAY * tf.add_n([tf.nn.l2_loss(kernel) for kernel in kernels])
        optimizer.apply_gradients(
            zip(tape.gradient(total, model.trainable_variables), model.trainable_variables, strict=True)
        )
        return loss

    return step  # type: ignore[no-any-return]  # as above


def train(work: Path, epochs: int, threads: int) -> None:
    """Train from the last checkpoint on; print the loss of every epoch."""
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    tf.keras.mixed_precision.set_global_policy("mixed_bfloat16")  # a third faster where the CPU has it
    tf.keras.utils.set_random_seed(SEED)
    data = dict(np.load(work / "pictures.npz"))
    model = network(None)
    optimizer = tf.keras.optimizers.SGD(0.0, momentum=0.9, nesterov=True)
    optimizer.build(model.trainable_variables)
    done = tf.Variable(0, dtype=tf.int64)
    state = tf.train.Checkpoint(model=model, optimizer=optimizer, epochs=done)
    checkpoints = tf.train.CheckpointManager(state, str(work / "checkpoints"), max_to_keep=2)
    checkpoints.restore_or_initialize()
    random = tf.random.Generator.from_seed(SEED)
    step = training_step(model, optimizer, data["group_of_fine"])
    for epoch in range(int(done), epochs):
        started, losses = time.monotonic(), []
        random.reset_from_seed(SEED * 1000 + epoch)
        order = epoch_order(data["fine"], data["part"], epoch)
        pixels = SMALL_PIXELS if epoch < epochs * SMALL_PART else PIXELS
        batches = len(order) // BATCH
        for number in range(batches):
            chosen = order[number * BATCH : (number + 1) * BATCH]
            progress = (epoch + number / batches) / epochs
            # The crops grow towards the whole picture, which is what the model will be shown.
            area, rate = tf.constant(0.25 + 0.4 * progress), tf.constant(learning_rate(progress))
            losses.append(step(data["pictures"][chosen], data["fine"][chosen], pixels, area, rate, random))
        done.assign(epoch + 1)
        checkpoints.save()
        seconds = time.monotonic() - started
        print(f"epoch {epoch + 1} of {epochs}: loss {np.mean(losses):.3f}, {seconds:.0f} s", flush=True)


def main() -> None:
    """Train."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", type=Path, metavar="WORK", help="the folder with pictures.npz")
    parser.add_argument("--epochs", type=int, default=29)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    train(args.work, args.epochs, args.threads)


if __name__ == "__main__":
    main()
