"""Model and label files that cannot be used."""

from __future__ import annotations

import random

from edgeclassify import resources
from tests.errors.case import Group, Show
from tests.errors.desk import Desk, Said
from tests.inference.test_model import NO_CLASSIFIERS
from tests.inference.tiny_models import classifier, with_zip

MODELS = Group(
    "Models", "`edgeclassify check` with the file as `model.name`; `run`, `classify` and a reload say the same."
)
LABELS = Group("Labels", "`edgeclassify check` with a model of three outputs and these labels as `model.labels`.")
_STARTER = (resources.models() / "starter.tflite").read_bytes()


def _model(content: bytes) -> Show:
    def show(desk: Desk) -> Said:
        desk.write("birds.tflite", content)
        desk.write("birds.txt", "a\nb\nc\n")
        desk.configure(model={"name": "birds.tflite"})
        return desk.run("check")

    return show


def _named(name: str) -> Show:
    def show(desk: Desk) -> Said:
        desk.configure(model={"name": name})
        return desk.run("check")

    return show


MODELS.add("a name that nobody knows", _named("startr"))
MODELS.add("a model of the catalogue that was not pulled", _named("mobilenet_v2_1.0_224_quant"))
MODELS.add("a file that is not there", _named("./birds.tflite"))
MODELS.add("a folder", _named("./"))
MODELS.add("a device", _named("/dev/zero"))
MODELS.add("an empty file", _model(b""))
MODELS.add("half a model", _model(_STARTER[: len(_STARTER) // 2]))
MODELS.add("random bytes", _model(random.Random(1).randbytes(10_000)))
MODELS.add("random bytes that begin as a model does", _model(b"\x1c\0\0\0TFL3" + random.Random(1).randbytes(10_000)))
MODELS.add("a web page in place of a model", _model(b"<!DOCTYPE html><html>404</html>"))
MODELS.add("two outputs", _model(NO_CLASSIFIERS["has 2 outputs; a classification model is needed"]))
MODELS.add("a detection model", _model(NO_CLASSIFIERS["is a detection model"]))
MODELS.add(
    "a segmentation model", _model(NO_CLASSIFIERS["is a segmentation model: its output is a map of 1 x 4 x 4 x 3"])
)
MODELS.add("a greyscale model", _model(NO_CLASSIFIERS["1 x 8 x 8 x 1, 1 channel"]))
MODELS.add("channels first, as PyTorch has them", _model(NO_CLASSIFIERS["channels first"]))
MODELS.add("no model of pictures", _model(NO_CLASSIFIERS["takes no picture"]))


@MODELS.case("an embedding extractor")
def _extractor(desk: Desk) -> Said:
    name = "mobilenet_v1_1.0_224_quant_embedding_extractor.tflite"
    return _model((desk.shared / "models" / name).read_bytes())(desk)


@MODELS.case("a model for the Edge TPU alone, without its twin for the CPU")
def _twin(desk: Desk) -> Said:
    name = "mobilenet_v1_0.25_128_quant_edgetpu.tflite"
    desk.write(name, (desk.shared / "models" / name).read_bytes())
    return _named(name)(desk)


@MODELS.case("a model that fails when it is run")
def _failing(desk: Desk) -> Said:
    return _model((desk.shared / "models/invalid_model_invoking_error.tflite").read_bytes())(desk)


def _labels(content: str | bytes | None, name: str = "birds-names.txt") -> Show:
    def show(desk: Desk) -> Said:
        desk.write("birds.tflite", classifier(3))
        if content is not None:
            desk.write(name, content)
        desk.configure(model={"name": "birds.tflite", "labels": name})
        return desk.run("check")

    return show


LABELS.add("a file that is not there", _labels(None))
LABELS.add("an empty file", _labels(""))
LABELS.add("too few", _labels("robin\nwren\n"))
LABELS.add("too many", _labels("robin\nwren\ncrow\nrook\n"))
LABELS.add("another encoding", _labels("robin\nK\xe4uzchen\ncrow\n".encode("latin-1")))
LABELS.add("a folder", _labels(None, "./"))


@LABELS.case("none at all")
def _none(desk: Desk) -> Said:
    desk.write("birds.tflite", classifier(3))
    desk.configure(model={"name": "birds.tflite"})
    return desk.run("check")


@LABELS.case("damaged ones inside the model")
def _damaged(desk: Desk) -> Said:
    desk.write("birds.tflite", with_zip(classifier(3), {"labels.txt": b"\xff\xfe\xff"}))
    desk.configure(model={"name": "birds.tflite"})
    return desk.run("check")
