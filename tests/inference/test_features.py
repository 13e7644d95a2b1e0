"""Any classifier ends at its last features, with two numbers changed in its file."""

from pathlib import Path

import numpy as np
import pytest

from edgeclassify import resources
from edgeclassify.errors import ModelError
from edgeclassify.image import load_picture
from edgeclassify.inference import runtime
from edgeclassify.inference.features import ending_at_features
from edgeclassify.inference.model import load_backbone
from tests.inference.tiny_models import classifier

STARTER = resources.models() / "starter.tflite"


def test_the_starter_ends_at_its_features_and_keeps_its_file() -> None:
    content = STARTER.read_bytes()
    cut = ending_at_features(content, STARTER)
    assert len(cut) == len(content)
    assert sum(a != b for a, b in zip(cut, content, strict=True)) <= 8
    model = load_backbone("starter", Path.cwd())
    assert model.outputs == len(model.labels) == 512


def test_the_scores_made_of_the_features_are_the_models_own() -> None:
    """Features times the weights of the layer that was cut off, by the full model's own interpreter, are its logits."""
    content = STARTER.read_bytes()
    picture = load_picture(resources.models() / "golden.png")
    full, cut = (runtime.build(c, 1, STARTER) for c in (content, ending_at_features(content, STARTER)))
    given = {}
    for name, interpreter in (("full", full), ("cut", cut)):
        source, output = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
        _, height, width, _ = source["shape"]
        interpreter.set_tensor(source["index"], picture.model_input(int(width), int(height))[np.newaxis])
        interpreter.invoke()
        given[name] = interpreter.get_tensor(output["index"]).reshape(-1).astype(np.float64)
        scale, zero_point = output["quantization"]
        given[name] = (given[name] - zero_point) * scale
    layer = [one for one in runtime.operations(runtime.read_graph(content, STARTER)) if one.name == "CONV_2D"][-1]
    details = {int(one["index"]): one for one in full.get_tensor_details()}
    stored, bias = (full.get_tensor(index).astype(np.float64) for index in layer.inputs[1:3])
    scales = details[layer.inputs[1]]["quantization_parameters"]["scales"]
    feature_scale = cut.get_output_details()[0]["quantization"][0]
    logits = (stored.reshape(len(bias), -1) * scales[:, np.newaxis]) @ given["cut"] + bias * scales * feature_scale
    scores = np.exp(logits - logits.max()) / np.exp(logits - logits.max()).sum()
    assert np.abs(scores - given["full"]).max() < 0.03


def test_an_embedding_extractor_is_taken_as_it_is(shared: Path) -> None:
    path = shared / "models/mobilenet_v1_1.0_224_quant_embedding_extractor.tflite"
    assert ending_at_features(path.read_bytes(), path) == path.read_bytes()
    assert load_backbone(str(path), Path.cwd()).outputs == 1024


@pytest.mark.parametrize(
    ("name", "features"),
    [
        ("mobilenet_v1_0.25_128_quant", 256),
        ("mobilenet_v2_1.0_224_quant", 1280),
        ("tf2_mobilenet_v2_1.0_224_ptq", 1280),
    ],
)
def test_published_classifiers_have_features(shared: Path, name: str, features: int) -> None:
    assert load_backbone(str(shared / f"models/{name}.tflite"), Path.cwd()).outputs == features


def test_a_model_without_a_pooling_has_none_and_says_which_has(tmp_path: Path) -> None:
    path = tmp_path / "plain.tflite"
    path.write_bytes(classifier(3, dtype="uint8", scale=1 / 255))
    with pytest.raises(ModelError, match=r"has no features to learn with.*embedding_extractor"):
        load_backbone(str(path), tmp_path)
