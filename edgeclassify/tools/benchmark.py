"""`edgeclassify benchmark`: what a model costs on this machine, alone and in the whole pipeline, taken in turns."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import av

from edgeclassify.config.sections import EventsConfig, ModelConfig
from edgeclassify.events.rules import rules_for
from edgeclassify.events.tracker import Tracker
from edgeclassify.image import VideoPicture, View
from edgeclassify.inference import Classifier, open_classifier, runtime
from edgeclassify.inference.quantization import input_encoder
from edgeclassify.records import Frame
from edgeclassify.tools.benchmark_pipeline import Slice, running_pipeline
from edgeclassify.tools.model_memory import model_memory_mb
from edgeclassify.vocabulary import Vocabulary

ROUNDS = 10
_FEWEST_CALLS = 3
_STAGE_CALLS = 50
_THREADS = (1, 2, 4)


@dataclass(frozen=True)
class Times:
    """How long the single calls of a loop took, and how many there were in a second."""

    median_ms: float
    p95_ms: float
    p99_ms: float
    frames_per_second: float
    cpu_ms: float
    """Of all threads, per call."""

    @classmethod
    def of(cls, calls_ms: Sequence[float], slices: Sequence[Slice]) -> Times:
        """Sum up a loop that ran in slices."""
        percent = statistics.quantiles(calls_ms, n=100, method="inclusive")
        rate = statistics.median(one.frames_per_second for one in slices)
        cpu_ms = statistics.median(one.cpu_ms for one in slices)
        return cls(statistics.median(calls_ms), percent[94], percent[98], rate, cpu_ms)


@dataclass(eq=False)
class Loop:
    """Something that is called over and over, a while in each round."""

    call: Callable[[], object]
    calls_ms: list[float] = field(default_factory=list)
    slices: list[Slice] = field(default_factory=list)

    def run(self, seconds: float) -> None:
        """Call it for so long."""
        calls_ms: list[float] = []
        started_cpu_s, started_s = time.process_time(), time.perf_counter()
        before_s = now_s = started_s
        while now_s < started_s + seconds or len(calls_ms) < _FEWEST_CALLS:
            self.call()
            before_s, now_s = now_s, time.perf_counter()
            calls_ms.append((now_s - before_s) * 1000)
        self.calls_ms += calls_ms
        self.slices.append(Slice(len(calls_ms), now_s - started_s, time.process_time() - started_cpu_s))

    def times(self) -> Times:
        """Return what it took, without the first slice, in which it got warm."""
        warm = self.slices[0].frames
        return Times.of(self.calls_ms[warm:], self.slices[1:])


@dataclass(frozen=True)
class Benchmark:
    """What was measured of one model; everything in ms unless it says otherwise."""

    model: str
    input_size: tuple[int, int]
    file_mb: float
    accelerator: str
    xnnpack: bool
    threads: int
    """What the product takes."""
    load_ms: float
    """Reading, checking and building, the file being in memory already."""
    first_ms: float
    interpreter: dict[int, Times]
    """The bare `invoke()`, by threads."""
    classify: Times
    """A frame to scores."""
    classify_of_interpreter: float
    """Its frames per second as a fraction of the bare interpreter's with as many threads, in the same rounds."""
    pipeline: Slice
    """From the encoded clip to the decision."""
    pipeline_of_interpreter: float
    cpu_of_interpreter: float
    stages_ms: dict[str, float]
    model_mb: float | None
    """Resident memory that the model adds."""


def thread_counts(chosen: int) -> list[int]:
    """Return which are compared: 1, 2, 4 as far as there are cores, and the one that the product takes."""
    cores = len(os.sched_getaffinity(0))
    return sorted({n for n in _THREADS if n <= cores} | {chosen})


def benchmark(config: ModelConfig, base: Path, clip: Path, seconds: float, advance: Callable[[], None]) -> Benchmark:
    """Measure one model for about `seconds`.

    Args:
        config: which model.
        base: the folder that its relative paths start at.
        clip: a recording.
        seconds: of all loops together.
        advance: called after each of ROUNDS + 1 rounds.

    Raises:
        ModelError: it cannot be used.
        UnavailableError: the clip cannot be played.
    """
    model_mb = model_memory_mb(config, base)
    started_s = time.perf_counter()
    with ExitStack() as stack:
        classifier = stack.enter_context(open_classifier(config, base))
        load_ms = (time.perf_counter() - started_s) * 1000
        picture = _first_picture(clip)
        frame = Frame("benchmark", picture.captured_s, picture.model_input(*classifier.model.input_size), picture)
        started_s = time.perf_counter()
        classifier.classify(frame)
        first_ms = (time.perf_counter() - started_s) * 1000
        bare = {threads: _bare(classifier, frame, threads) for threads in thread_counts(classifier.threads)}
        classify = Loop(lambda: classifier.classify(frame))
        pipeline = stack.enter_context(running_pipeline(classifier, clip))
        slices: list[Slice] = []
        for share_s in _shares(seconds, len(bare) + 2):
            for loop in (*bare.values(), classify):
                loop.run(share_s)
            slices.append(pipeline(share_s))
            advance()
        same = bare[classifier.threads]
        return Benchmark(
            model=classifier.model.name,
            input_size=classifier.model.input_size,
            file_mb=len(classifier.model.content) / 1e6,
            accelerator=classifier.accelerator,
            xnnpack=classifier.xnnpack,
            threads=classifier.threads,
            load_ms=load_ms,
            first_ms=first_ms,
            interpreter={threads: loop.times() for threads, loop in bare.items()},
            classify=classify.times(),
            classify_of_interpreter=_ratio(classify.slices, same.slices, _rate),
            pipeline=Slice.sum(slices[1:]),
            pipeline_of_interpreter=_ratio(slices, same.slices, _rate),
            cpu_of_interpreter=_ratio(slices, same.slices, _cpu),
            stages_ms=_stages(classifier, picture, frame, clip),
            model_mb=model_mb,
        )


def _shares(seconds: float, loops: int) -> Iterator[float]:
    """Yield how long each loop runs in a round: a short one to get warm, then ROUNDS others."""
    share_s = seconds / (loops * (ROUNDS + 0.5))
    yield share_s / 2
    yield from [share_s] * ROUNDS


def _bare(classifier: Classifier, frame: Frame, threads: int) -> Loop:
    model = classifier.model
    interpreter = runtime.build(model.content, threads, model.path)
    interpreter.set_tensor(model.input.index, input_encoder(model.input, model.normalization)(frame.input))
    return Loop(interpreter.invoke)


def _first_picture(clip: Path) -> VideoPicture:
    with av.open(str(clip)) as container:
        return VideoPicture(next(container.decode(video=0)), View(), time.monotonic())


def _stages(classifier: Classifier, picture: VideoPicture, frame: Frame, clip: Path) -> dict[str, float]:
    """Return the median of each step around the inference."""
    model, scores = classifier.model, classifier.classify(frame)
    encode, decoder = input_encoder(model.input, model.normalization), model.decoder()
    interpreter = runtime.build(model.content, 1, model.path)
    interpreter.invoke()
    stored = interpreter.get_tensor(model.output.index)
    vocabulary, events = Vocabulary(model.labels), EventsConfig()
    tracker = Tracker("benchmark", vocabulary, rules_for(events, [events.thresholds], vocabulary))
    steps: dict[str, Callable[[], object]] = {
        "scale": lambda: picture.model_input(*model.input_size),
        "encode": lambda: encode(frame.input),
        "scores": lambda: decoder.decode(stored),
        "decide": lambda: tracker.update(scores),
    }
    with av.open(str(clip)) as container:
        container.streams.video[0].codec_context.thread_count = 1  # as the cameras do
        decoded = container.decode(video=0)
        steps = {"decode": lambda: next(decoded), **steps}
        return {name: _median_ms(step) for name, step in steps.items()}


def _median_ms(step: Callable[[], object]) -> float:
    loop = Loop(step)
    for _ in range(_STAGE_CALLS // _FEWEST_CALLS):
        loop.run(0)
    return statistics.median(loop.calls_ms)


def _ratio(own: Sequence[Slice], base: Sequence[Slice], of: Callable[[Slice], float]) -> float:
    """Return the median ratio of those of the same round, without the first."""
    return statistics.median(of(mine) / of(theirs) for mine, theirs in zip(own[1:], base[1:], strict=True))


def _rate(one: Slice) -> float:
    return one.frames_per_second


def _cpu(one: Slice) -> float:
    return one.cpu_ms
