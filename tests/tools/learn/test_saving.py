"""A learned model on disk: as it was, checked, and never half of one."""

import json
import os
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgeclassify.config.sections import ModelConfig
from edgeclassify.errors import InputError, ModelError
from edgeclassify.inference import load_model
from edgeclassify.inference.bundle import INDEX, read_bundle, read_index
from edgeclassify.inference.model import load_backbone
from edgeclassify.tools.learn.examples import Examples
from edgeclassify.tools.learn.learning import Learned, learn, open_eye, read_before
from edgeclassify.tools.learn.saving import to_be_written
from edgeclassify.tools.learn.stored_features import stored
from tests.learned import write_backbone


def colours(per_class: int = 6) -> Examples:
    rng = np.random.default_rng(0)
    labels = [name for name in ("blue", "green", "red") for _ in range(per_class)]
    centre = {"red": (1, 0.1, 0.1), "green": (0.1, 1, 0.1), "blue": (0.1, 0.1, 1)}
    features = np.array([centre[label] for label in labels]) + rng.uniform(0, 0.2, (len(labels), 3))
    keys = [f"{row:04d}" for row in range(len(labels))]
    return Examples.of(stored(features), labels, keys, keys)


def learned(folder: Path, examples: Examples | None = None, **more: bool) -> Learned:
    path = write_backbone(folder)
    with open_eye(str(path), folder, ModelConfig(accelerator="cpu")) as eye:
        return learn(examples or colours(), "auto", 0.9, eye.backbone, folder / "mine", force=more.get("force", False))


def test_what_was_written_is_read_again_and_used_by_its_path(tmp_path: Path) -> None:
    folder = learned(tmp_path).folder
    model = load_model(ModelConfig(name="./mine"), tmp_path)
    assert model.labels == ("blue", "green", "red", "none")
    assert model.name == "mine"
    assert model.input_size == (8, 8)
    assert model.sha256 == read_bundle(folder).sha256
    scores = model.decoder().decode(np.array([[[[10, 10, 200]]]], np.uint8))
    assert scores.argmax() == 0
    kinds = sorted(path.name.split("-")[0] for path in folder.iterdir())
    assert kinds == ["bundle.json", "card.md", "examples", "head"]


def test_examples_are_kept_as_they_were_learned(tmp_path: Path) -> None:
    folder = learned(tmp_path).folder
    kept = read_before(folder).examples
    assert np.array_equal(kept.features.bytes(), colours().features.bytes())
    assert (kept.keys, kept.classes) == (colours().keys, colours().classes)


def test_a_copy_with_its_backbone_inside_needs_nothing_else(tmp_path: Path) -> None:
    folder = learned(tmp_path).folder
    elsewhere = tmp_path / "elsewhere/copy"
    elsewhere.parent.mkdir()
    folder.rename(elsewhere)
    (tmp_path / "colours.tflite").rename(elsewhere / "colours.tflite")
    assert load_model(ModelConfig(name=str(elsewhere)), tmp_path).labels[0] == "blue"


def test_a_missing_backbone_is_named_with_what_to_do(tmp_path: Path) -> None:
    folder = learned(tmp_path).folder
    (tmp_path / "colours.tflite").unlink()
    with pytest.raises(ModelError, match=r"mine: its backbone colours is not here; put colours\.tflite"):
        read_bundle(folder)
    index = json.loads((folder / INDEX).read_text())
    index["backbone"]["name"] = "mobilenet_v1_1.0_224_quant_embedding_extractor"
    (folder / INDEX).write_text(json.dumps(index))
    with pytest.raises(ModelError, match=r"edgeclassify models pull mobilenet_v1_1\.0_224_quant_embedding_extractor"):
        read_bundle(folder)


def test_a_changed_backbone_is_not_used(tmp_path: Path) -> None:
    folder = learned(tmp_path).folder
    path = tmp_path / "colours.tflite"
    path.write_bytes(path.read_bytes() + b"\0")
    with pytest.raises(ModelError, match="is not the one that it was learned with"):
        read_bundle(folder)


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("head", b""),
        ("head", b"PK\3\4 and then nothing"),
        (INDEX, b""),
        (INDEX, b"[]"),
        (INDEX, b"{}"),
        (INDEX, b'{"format": "another"}'),
        (INDEX, b"\xff\xfe"),
    ],
)
def test_a_damaged_file_is_told(tmp_path: Path, file: str, content: bytes) -> None:
    folder = learned(tmp_path).folder
    next(folder.glob(f"{file}*")).write_bytes(content)
    with pytest.raises(ModelError, match=r"damaged|another format"):
        read_bundle(folder)


def test_a_bundle_leads_to_no_file_outside(tmp_path: Path) -> None:
    folder = learned(tmp_path).folder
    index = json.loads((folder / INDEX).read_text())
    index["head"]["file"] = "../../etc/passwd"
    (folder / INDEX).write_text(json.dumps(index))
    with pytest.raises(ModelError, match="is no file of a learned model"):
        read_bundle(folder)


def test_labels_of_its_own_are_not_replaced(tmp_path: Path) -> None:
    learned(tmp_path)
    (tmp_path / "labels.txt").write_text("a\nb\nc\nd\n")
    with pytest.raises(ModelError, match=r"remove model\.labels"):
        load_model(ModelConfig(name="./mine", labels="labels.txt"), tmp_path)


def test_a_learned_model_is_no_backbone(tmp_path: Path) -> None:
    learned(tmp_path)
    with pytest.raises(ModelError, match="name the model that it was learned with"):
        load_backbone("./mine", tmp_path)


def test_replacing_leaves_no_old_files(tmp_path: Path) -> None:
    learned(tmp_path)
    folder = learned(tmp_path, colours(9), force=True).folder
    index = read_index(folder)
    assert {path.name for path in folder.iterdir()} == {INDEX, "card.md", index.head_file, index.examples_file}


_FULL = """
import resource, sys
from pathlib import Path
from tests.tools.learn.test_saving import colours, learned
from edgeclassify.errors import UnavailableError
import signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
try:
    learned(Path(sys.argv[1]), colours(400), force=True)
except UnavailableError as error:
    print(error)
"""


@pytest.mark.parametrize("there_is_one", [True, False])
@pytest.mark.parametrize("limit_bytes", [900, 4000])
def test_a_disk_that_takes_no_more_leaves_the_old_model_or_none(
    tmp_path: Path, limit_bytes: int, there_is_one: bool
) -> None:
    folder = tmp_path / "mine"
    before = read_bundle(learned(tmp_path).folder).sha256 if there_is_one else ""
    write_backbone(tmp_path)
    run = subprocess.run(
        [sys.executable, "-c", _FULL, str(tmp_path), str(limit_bytes)],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[3],
        env=os.environ | {"HOME": str(tmp_path)},
    )
    assert "cannot be written" in run.stdout, run.stderr
    if there_is_one:
        assert read_bundle(folder).sha256 == before
        assert not list(folder.glob(".*.part"))
    else:
        assert not folder.exists()


def test_what_was_learned_from_the_same_is_not_learned_again(tmp_path: Path) -> None:
    first, second = learned(tmp_path), learned(tmp_path)
    assert (first.unchanged, second.unchanged) == (False, True)
    assert first.measured == second.measured
    assert not learned(tmp_path, force=True).unchanged
    assert not learned(tmp_path, colours(7)).unchanged
    next(second.folder.glob("head-*")).write_bytes(b"")
    assert not learned(tmp_path, colours(7)).unchanged


def test_a_model_changed_meanwhile_is_not_written_over(tmp_path: Path) -> None:
    folder = learned(tmp_path).folder
    before = read_before(folder)
    backbone = read_index(folder).backbone
    learn(before.examples.without("red"), "auto", 0.9, backbone, folder, force=False, before=before)
    with pytest.raises(InputError, match="another command changed it meanwhile; run this one again"):
        learn(before.examples.without("blue"), "auto", 0.9, backbone, folder, force=True, before=before)
    assert read_index(folder).labels == ("blue", "green", "none")


def test_what_another_process_writes_is_waited_for_and_left_alone(tmp_path: Path) -> None:
    folder = learned(tmp_path).folder
    part = folder / ".head.npz.part"
    written = threading.Event()

    def other() -> None:
        with to_be_written(folder):
            written.set()

    with to_be_written(folder):
        part.write_bytes(b"half")
        waiting = threading.Thread(target=other)
        waiting.start()
        assert not written.wait(0.2)
        assert part.exists()
    waiting.join(10)
    assert written.is_set()


def test_a_model_that_is_replaced_while_it_is_read_is_the_old_one_or_the_new_one(tmp_path: Path) -> None:
    folder = learned(tmp_path).folder
    backbone, known = read_index(folder).backbone, colours()
    done = threading.Event()

    def other() -> None:
        for turn in range(25):
            learn(known.without("red") if turn % 2 else known, "imprinting", 0.9, backbone, folder, force=True)
        done.set()

    writing = threading.Thread(target=other)
    writing.start()
    read = 0
    while not done.is_set():
        bundle = read_bundle(folder)
        assert len(bundle.head.weights) == len(bundle.labels) - 1
        read += 1
    writing.join(60)
    assert read > 25


def test_a_model_tested_with_other_pictures_is_not_replaced_unless_told(tmp_path: Path) -> None:
    folder = learned(tmp_path).folder
    sha256 = read_bundle(folder).sha256
    other = colours()
    renamed = replace(other, keys=tuple(f"other {key}" for key in other.keys))
    with pytest.raises(InputError, match=r"was tested with other pictures.*--force, or give another name"):
        learned(tmp_path, renamed)
    one_of_each = other.rows_of([0, 6, 12])
    with pytest.raises(InputError, match="was tested with other pictures"):
        learned(tmp_path, one_of_each)
    assert read_bundle(folder).sha256 == sha256
    assert learned(tmp_path, renamed, force=True).folder == folder
