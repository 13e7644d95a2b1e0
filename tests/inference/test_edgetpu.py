"""A model on an Edge TPU that works: what it says, when it is used, and which device it is."""

from __future__ import annotations

import logging
import statistics
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgeclassify.config.sections import ModelConfig
from edgeclassify.errors import ModelError
from edgeclassify.inference import Classifier, load_model, open_classifier
from edgeclassify.inference.admission import admit
from edgeclassify.inference.edgetpu import Deadline, EdgeTpu
from tests.edgetpu.stand_in import StandIn, library, twin, write_twins
from tests.inference.conftest import frame, middle
from tests.inference.tiny_models import Graph, Operation, Tensor, classifier, pool_options, reshape_to

ORANGE = np.array([[[230, 120, 5]]], np.uint8)

Open = Callable[..., AbstractContextManager[Classifier]]


@pytest.fixture
def opened(tmp_path: Path) -> Open:
    """Open the model `colours` on the stand-in."""

    def open_it(accelerator: str = "edgetpu", name: str = "colours.tflite", **more: Any) -> Any:
        if not (tmp_path / "colours.tflite").exists():
            write_twins(tmp_path)
        config = ModelConfig(name=name, accelerator=accelerator, edgetpu_library=str(library()), scores="probabilities")
        return open_classifier(config, tmp_path, **more)

    return open_it


@pytest.mark.parametrize("accelerator", ["auto", "edgetpu", "edgetpu:usb:0"])
def test_scores_come_from_the_edge_tpu(accelerator: str, opened: Open, stand_in: StandIn) -> None:
    with opened(accelerator) as both:
        scores = both.classify(frame(ORANGE))
        assert both.accelerator == scores.accelerator == "edgetpu:usb:0"
        assert (scores.model, both.model.name, both.failovers_total) == ("colours", "colours", 0)
        assert scores.values == pytest.approx(ORANGE.ravel() / 255)
        stand_in.set(**{"class": 2, "score": 255})
        assert both.classify(frame(ORANGE)).values == pytest.approx([0, 0, 1])
        assert scores.values == pytest.approx(ORANGE.ravel() / 255)  # what was given before stays
        assert 0 < scores.inference_ms < 1000


def test_the_cpu_is_the_cpu(opened: Open, stand_in: StandIn) -> None:
    with opened("cpu") as both:
        assert both.classify(frame(ORANGE)).accelerator == both.accelerator == "cpu"


def test_either_twin_names_the_model(opened: Open, stand_in: StandIn) -> None:
    with opened(name="colours_edgetpu.tflite") as both:
        assert (both.model.name, both.classify(frame(ORANGE)).accelerator) == ("colours", "edgetpu:usb:0")


def test_the_twin_may_be_among_the_models_that_were_pulled(
    opened: Open, stand_in: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cpu = write_twins(tmp_path)
    (tmp_path / "pulled").mkdir()
    cpu.with_name("colours_edgetpu.tflite").rename(tmp_path / "pulled/colours_edgetpu.tflite")
    monkeypatch.setenv("EDGECLASSIFY_MODELS", str(tmp_path / "pulled"))
    with opened() as both:
        assert both.accelerator == "edgetpu:usb:0"


def test_the_device_that_the_kernel_shows_is_named_and_opened(opened: Open, stand_in: StandIn) -> None:
    stand_in.show_pci()
    stand_in.show()
    with opened() as both:
        assert both.accelerator == "edgetpu:pci:0"
    stand_in.set(only="usb:0")  # the one on PCIe is in use by somebody else, say
    with opened("auto") as both:
        assert both.accelerator == "edgetpu:usb:0"


def test_a_device_that_is_asked_for_is_the_only_one_tried(
    opened: Open, stand_in: StandIn, caplog: pytest.LogCaptureFixture
) -> None:
    stand_in.show()
    stand_in.set(only="usb:0")
    with opened("edgetpu:usb:1") as both:
        assert both.accelerator == "cpu"
    assert "accelerator edgetpu:usb:1: no Edge TPU (usb:1) can be opened" in caplog.text


@pytest.mark.parametrize(
    ("files", "name"),
    [
        ({"utils/edgetpu.py": "def list_edge_tpus():\n    return [{'type': 'usb'}, {'type': 'pci'}]"}, "usb:0"),
        ({"utils/edgetpu.py": "def list_edge_tpus():\n    return [{'type': 'pci'}]"}, "pci:0"),
        ({"utils/edgetpu.py": "raise ImportError('made for another Python')"}, "usb:0"),
        ({"__init__.py": "raise SystemExit('another project of that name')"}, "usb:0"),
    ],
)
def test_googles_pycoral_names_devices_that_the_kernel_does_not_show(
    files: dict[str, str],
    name: str,
    opened: Open,
    stand_in: StandIn,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "packages/pycoral/utils").mkdir(parents=True)
    for path, text in files.items():
        (tmp_path / "packages/pycoral" / path).write_text(text)
    monkeypatch.syspath_prepend(tmp_path / "packages")
    with opened() as both:
        assert both.accelerator == f"edgetpu:{name}"


@pytest.mark.parametrize("accelerator", ["auto", "edgetpu"])
def test_without_a_library(
    accelerator: str, tmp_path: Path, stand_in: StandIn, caplog: pytest.LogCaptureFixture
) -> None:
    write_twins(tmp_path)
    config = ModelConfig(name="colours.tflite", accelerator=accelerator, edgetpu_library="libno-such-thing.so.1")
    with caplog.at_level(logging.INFO), open_classifier(config, tmp_path) as opened:
        assert opened.classify(frame(ORANGE)).accelerator == "cpu"
    warnings = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    if accelerator == "auto":
        assert not any("Edge TPU" in text for text in warnings)
    else:
        assert len([text for text in warnings if "libno-such-thing.so.1: cannot be loaded" in text]) == 1


def test_auto_without_a_device_is_the_cpu_without_noise(
    opened: Open, stand_in: StandIn, caplog: pytest.LogCaptureFixture
) -> None:
    stand_in.set("nodevice")
    with caplog.at_level(logging.INFO), opened("auto") as both:
        assert both.accelerator == "cpu"
    assert "Edge TPU" not in caplog.text
    assert "accelerator auto" not in caplog.text


def test_auto_with_a_device_that_cannot_be_used_says_so(
    opened: Open, stand_in: StandIn, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    stand_in.show()
    write_twins(tmp_path)
    config = ModelConfig(name="colours.tflite", edgetpu_library="libno-such-thing.so.1")
    with open_classifier(config, tmp_path) as both:
        assert both.accelerator == "cpu"
    assert caplog.text.count("libno-such-thing.so.1: cannot be loaded") == 1


def test_asked_for_and_not_there_is_said_once(
    opened: Open, stand_in: StandIn, caplog: pytest.LogCaptureFixture
) -> None:
    stand_in.set("nodevice")
    with opened() as both:
        assert (both.accelerator, both.failovers_total) == ("cpu", 0)
    assert caplog.text.count("accelerator edgetpu: no Edge TPU (of any kind) can be opened") == 1


@pytest.mark.parametrize(("accelerator", "level"), [("auto", logging.INFO), ("edgetpu", logging.WARNING)])
def test_a_model_without_a_twin_runs_on_the_cpu(
    accelerator: str, level: int, opened: Open, stand_in: StandIn, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write_twins(tmp_path).with_name("colours_edgetpu.tflite").unlink()
    stand_in.show()
    with caplog.at_level(logging.INFO), opened(accelerator) as both:
        assert both.accelerator == "cpu"
    told = [record for record in caplog.records if "no colours_edgetpu.tflite beside it" in record.getMessage()]
    assert [record.levelno for record in told] == [level]


def test_a_model_for_the_edge_tpu_alone_says_what_is_missing(opened: Open, stand_in: StandIn, tmp_path: Path) -> None:
    write_twins(tmp_path).unlink()
    config = ModelConfig(name="colours_edgetpu.tflite", edgetpu_library=str(library()))
    with pytest.raises(ModelError, match=r"put the model for the CPU, colours.tflite, beside it"):
        load_model(config, tmp_path)


def test_a_model_for_the_edge_tpu_is_admitted_by_its_twin(stand_in: StandIn, tmp_path: Path) -> None:
    write_twins(tmp_path)
    admit(ModelConfig(name="colours_edgetpu.tflite"), tmp_path, tmp_path / "state")


@pytest.mark.parametrize("content", [twin((1, 2, 2, 3)), twin(labels=6), b"no model", b"\0\0\0\0TFL3" + bytes(40)])
def test_a_twin_of_another_model_or_a_damaged_one_is_not_used(
    content: bytes, opened: Open, stand_in: StandIn, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write_twins(tmp_path).with_name("colours_edgetpu.tflite").write_bytes(content)
    with opened() as both:
        assert both.classify(frame(ORANGE)).accelerator == "cpu"
    told = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert len([text for text in told if "colours_edgetpu.tflite" in text]) == 1


@pytest.mark.parametrize("mode", ["nop", "refuse"])
def test_a_library_that_does_not_take_the_model_is_not_used(
    mode: str, opened: Open, stand_in: StandIn, caplog: pytest.LogCaptureFixture
) -> None:
    stand_in.set(mode)
    with opened() as both:
        assert both.classify(frame(ORANGE)).accelerator == "cpu"
    assert caplog.text.count("the Edge TPU tried again") == 1


def test_scores_that_are_no_numbers_fail_the_trial(
    stand_in: StandIn, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write_twins(tmp_path).write_bytes(classifier(3, softmax=False))
    (tmp_path / "colours_edgetpu.tflite").write_bytes(twin(dtype="float32", scale=0))
    stand_in.set("garbage")
    config = ModelConfig(
        name="colours.tflite", accelerator="edgetpu", edgetpu_library=str(library()), scores="probabilities"
    )
    with open_classifier(config, tmp_path) as both:
        assert both.accelerator == "cpu"
    assert "gives scores that are no numbers" in caplog.text


def test_a_disagreement_with_the_cpu_is_said_once_and_used_all_the_same(
    opened: Open, stand_in: StandIn, caplog: pytest.LogCaptureFixture
) -> None:
    stand_in.set(**{"class": 2, "score": 255})
    with opened() as both:
        assert both.accelerator == "edgetpu:usb:0"
    assert caplog.text.count("blue 1.00 where the CPU says") == 1


def test_a_frame_of_another_size_is_refused(opened: Open, stand_in: StandIn) -> None:
    with opened() as both, pytest.raises(ValueError, match=r"[Dd]imension"):
        both.classify(frame(np.zeros((4, 4, 3), np.uint8)))


def test_a_real_model_for_the_edge_tpu(shared: Path, stand_in: StandIn) -> None:
    name = "mobilenet_v1_0.25_128_quant"
    stand_in.set(**{"class": 283, "score": 230})
    config = ModelConfig(
        name=f"{name}.tflite", labels="imagenet_labels.txt", accelerator="edgetpu", edgetpu_library=str(library())
    )
    with open_classifier(config, shared / "models") as both:
        scores = both.classify(frame(middle(shared / "images/cat.bmp", (128, 128))))
        assert (scores.accelerator, scores.model, int(scores.values.argmax())) == ("edgetpu:usb:0", name, 283)


def test_the_child_costs_less_than_a_millisecond(stand_in: StandIn, tmp_path: Path) -> None:
    side = 224
    pool = Operation("AVERAGE_POOL_2D", (0,), (1,), *pool_options(side))
    tensors = [Tensor(shape, "uint8", 1 / 255) for shape in ((1, side, side, 3), (1, 1, 1, 3), (1, 3))]
    write_twins(tmp_path).write_bytes(
        Graph(tensors, [pool, Operation("RESHAPE", (1,), (2,), *reshape_to((1, 3)))]).pack()
    )
    path = tmp_path / "colours_edgetpu.tflite"
    path.write_bytes(twin((1, side, side, 3)))
    model = load_model(ModelConfig(name="colours.tflite", scores="probabilities"), tmp_path)
    shown = frame(np.zeros((side, side, 3), np.uint8))
    with EdgeTpu(model, path, str(library()), ()) as tpu:
        tpu.try_out(shown)
        medians_ms = [statistics.median(tpu.classify(shown).inference_ms for _ in range(50)) for _ in range(5)]
    assert min(medians_ms) < 1  # the stand-in takes no time: all of it is the child's; other processes disturb some


def test_the_deadline_is_ten_times_what_is_usual_within_limits() -> None:
    deadline = Deadline()
    assert deadline.limit_s == Deadline.MOST_S
    for took_s, limit_s in [(0.01, 0.5), (0.08, 0.8), (0.5, 1.0)]:
        for _ in range(60):
            deadline.note(took_s)
        assert deadline.limit_s == pytest.approx(limit_s)


def test_without_library_and_device_nothing_of_it_is_started(tmp_path: Path) -> None:
    write_twins(tmp_path)
    program = (
        "import sys, threading; from pathlib import Path; from edgeclassify.config.sections import ModelConfig; "
        "from edgeclassify.inference import open_classifier; "
        "opened = open_classifier(ModelConfig(name='colours.tflite', edgetpu_library='no.so'), Path(sys.argv[1])); "
        "print(type(opened.__enter__()).__name__, threading.active_count())"
    )
    run = subprocess.run([sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["CpuClassifier", "1"]
