"""The parts of a benchmark: loops in slices, the clip, the real pipeline on it."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import av
import pytest

from edgeclassify.config.sections import ModelConfig
from edgeclassify.errors import UnavailableError
from edgeclassify.inference import Classifier, open_classifier
from edgeclassify.tools.benchmark import Loop, thread_counts
from edgeclassify.tools.benchmark_clip import make_clip
from edgeclassify.tools.benchmark_pipeline import Slice, running_pipeline
from edgeclassify.tools.model_memory import model_memory_mb


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    assert make_clip(path).startswith("640 x 480, ")
    return path


@pytest.fixture
def classifier() -> Iterator[Classifier]:
    with open_classifier(ModelConfig(threads=1), Path()) as opened:
        yield opened


def test_the_clip_is_a_recording_of_ten_seconds(clip: Path) -> None:
    with av.open(str(clip)) as container:
        frames = [(frame.width, frame.height, frame.format.name) for frame in container.decode(video=0)]
    assert frames == [(640, 480, "yuv420p")] * 250


def test_a_clip_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match=r"benchmark: no clip could be made \(libx264: .*; mpeg4: .*\)"):
        make_clip(tmp_path / "none/clip.mp4")


def test_a_loop_counts_its_calls_and_leaves_out_the_first_slice() -> None:
    loop = Loop(lambda: time.sleep(0.002))
    for seconds in (0.0, 0.02, 0.02):
        loop.run(seconds)
    assert loop.slices[0].frames == 3  # the fewest
    times = loop.times()
    assert 2 <= times.median_ms <= times.p95_ms <= times.p99_ms
    assert times.frames_per_second <= 500
    assert times.cpu_ms < times.median_ms
    assert len(loop.calls_ms) == sum(one.frames for one in loop.slices)


def test_threads_are_compared_as_far_as_there_are_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    for cores, chosen, compared in [(1, 1, [1]), (2, 1, [1, 2]), (4, 3, [1, 2, 3, 4]), (8, 4, [1, 2, 4])]:
        monkeypatch.setattr(os, "sched_getaffinity", lambda _, cores=cores: set(range(cores)))
        assert thread_counts(chosen) == compared


def test_slices_of_the_pipeline_classify_every_frame_of_the_clip(classifier: Classifier, clip: Path) -> None:
    with running_pipeline(classifier, clip) as run:
        slices = [run(0.1) for _ in range(3)]
    for one in slices:
        assert one.frames > 0
        assert one.wall_s >= 0.1
        assert one.cpu_s > 0
    whole = Slice.sum(slices)
    assert whole.frames == sum(one.frames for one in slices)
    assert whole.frames_per_second == pytest.approx(whole.frames / whole.wall_s)


def test_a_clip_that_gives_no_frames_is_an_error_with_the_cameras_reason(
    classifier: Classifier, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edgeclassify.tools.benchmark_pipeline._PATIENCE_S", 0.2)
    (tmp_path / "clip.mp4").write_bytes(b"no clip")
    with (
        pytest.raises(UnavailableError, match=r"benchmark: the clip gives no frames: camera benchmark: .*clip\.mp4"),
        running_pipeline(classifier, tmp_path / "clip.mp4") as run,
    ):
        run(0.1)


def test_the_memory_of_a_model_is_that_of_a_fresh_process(shared: Path) -> None:
    large = model_memory_mb(ModelConfig(name="mobilenet_v2_1.0_224_quant.tflite", threads=1), shared / "models")
    assert large is not None
    assert 4 < large < 30


def test_the_memory_of_a_model_that_cannot_run_is_not_told(tmp_path: Path) -> None:
    assert model_memory_mb(ModelConfig(name="none.tflite"), tmp_path) is None
