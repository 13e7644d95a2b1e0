"""What benchmarks found: as a JSON document, and in words."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgeclassify.device import read_device, report
from edgeclassify.tools.benchmark import Benchmark, Times

_RATES = (5, 10, 15, 30, 60)
"""Frames per second that people ask for."""
_MS_DIGITS = 3
_BUSY = 0.3
_PI_MODEL = Path("/proc/device-tree/model")


@dataclass(frozen=True)
class Machine:
    """Where it was measured, and how that was doing at the moment."""

    name: str
    cores: int
    python: str
    load: float
    """Mean number of processes that wanted a core in the last minute."""
    device: Mapping[str, Any]
    """`cpu_celsius`, `throttled`, `memory_mb`; what it cannot tell is None."""

    @classmethod
    def now(cls) -> Machine:
        """Look."""
        return cls(
            _name(),
            len(os.sched_getaffinity(0)),
            platform.python_version(),
            round(os.getloadavg()[0], 2),
            report(read_device()),
        )


def _name() -> str:
    try:
        return _PI_MODEL.read_text().rstrip("\0\n")
    except OSError:
        return platform.machine()


def document(found: Sequence[Benchmark], clip: str, before: Machine, after: Machine) -> dict[str, Any]:
    """Return everything, for JSON."""
    return {
        "machine": {"name": before.name, "cores": before.cores, "python": before.python},
        "before": {"load": before.load, **before.device},
        "after": {"load": after.load, **after.device},
        "clip": clip,
        "models": [_model(one) for one in found],
    }


def _model(one: Benchmark) -> dict[str, Any]:
    return {
        "model": one.model,
        "input": list(one.input_size),
        "file_mb": round(one.file_mb, 2),
        "accelerator": one.accelerator,
        "xnnpack": one.xnnpack,
        "threads": one.threads,
        "load_ms": round(one.load_ms, _MS_DIGITS),
        "first_ms": round(one.first_ms, _MS_DIGITS),
        "interpreter": {str(threads): _times(times) for threads, times in one.interpreter.items()},
        "classify": {**_times(one.classify), "of_interpreter": round(one.classify_of_interpreter, 3)},
        "pipeline": {
            "frames": one.pipeline.frames,
            "frames_per_second": round(one.pipeline.frames_per_second, 2),
            "ms_per_frame": round(1000 / one.pipeline.frames_per_second, _MS_DIGITS),
            "of_interpreter": round(one.pipeline_of_interpreter, 3),
            "cpu_ms": round(one.pipeline.cpu_ms, _MS_DIGITS),
            "cpu_of_interpreter": round(one.cpu_of_interpreter, 3),
        },
        "stages_ms": {name: round(ms, _MS_DIGITS) for name, ms in one.stages_ms.items()},
        "model_mb": _rounded(one.model_mb),
    }


def _times(times: Times) -> dict[str, float]:
    return {
        "median_ms": round(times.median_ms, _MS_DIGITS),
        "p95_ms": round(times.p95_ms, _MS_DIGITS),
        "p99_ms": round(times.p99_ms, _MS_DIGITS),
        "frames_per_second": round(times.frames_per_second, 2),
        "cpu_ms": round(times.cpu_ms, _MS_DIGITS),
    }


def in_words(found: Mapping[str, Any]) -> Iterator[str]:
    """Yield the lines for a document: one model in detail, several in a table."""
    machine, models = found["machine"], found["models"]
    cores = machine["cores"]
    yield f"{machine['name']}, {cores} core(s), Python {machine['python']}; clip of {found['clip']}"
    yield from _warnings(found)
    yield ""
    if len(models) == 1:
        yield from _details(models[0], cores)
    elif models:
        yield from _table(models)


def _warnings(found: Mapping[str, Any]) -> Iterator[str]:
    before, after = found["before"], found["after"]
    if after["cpu_celsius"] is not None:
        throttled = {True: "throttled", False: "not throttled", None: "throttling unknown"}[after["throttled"]]
        yield f"{before['cpu_celsius']} °C before, {after['cpu_celsius']} °C after, {throttled}"
    if before["throttled"] or after["throttled"]:
        yield "it is throttled (heat, or a weak power supply): figures are worse than they need be"
    if before["load"] > _BUSY * found["machine"]["cores"]:
        yield f"it was busy before (load {before['load']:.1f}): figures are worse than when it has nothing else to do"


def _details(one: Mapping[str, Any], cores: int) -> Iterator[str]:
    backend = "XNNPACK" if one["xnnpack"] else "without XNNPACK"
    width, height = one["input"]
    yield f"{one['model']}: {width} x {height}, {one['file_mb']:.1f} MB, on the {one['accelerator'].upper()}, {backend}"
    yield f"  load            {one['load_ms']:.1f} ms, first inference {one['first_ms']:.1f} ms"
    yield "                      median     p95     p99   frames/s"
    for threads, times in one["interpreter"].items():
        mark = "  (chosen)" if int(threads) == one["threads"] else ""
        yield f"  bare, {threads} thread(s) {_columns(times)}{mark}"
    classify, pipeline = one["classify"], one["pipeline"]
    yield f"  classify          {_columns(classify)}  {classify['of_interpreter']:.2f} of the bare interpreter"
    yield (
        f"  whole pipeline    {pipeline['ms_per_frame']:8.2f}{'':16}{pipeline['frames_per_second']:11.1f}"
        f"  {pipeline['of_interpreter']:.2f} of it, {pipeline['cpu_of_interpreter']:.2f} of its CPU time"
    )
    yield "  one frame       " + ", ".join(f"{name} {ms:.2f}" for name, ms in one["stages_ms"].items()) + " ms"
    if one["model_mb"] is not None:
        yield f"  memory          {one['model_mb']:.1f} MB for the model"
    if left_out := [str(n) for n in (2, 4) if n > cores]:
        yield f"  {' and '.join(left_out)} threads make no sense with {cores} core(s)"
    yield ""
    yield from (_possible(rate, pipeline["ms_per_frame"]) for rate in _RATES)


def _possible(rate: int, ms: float) -> str:
    return f"{rate} frames/s ({1000 / rate:.0f} ms): {'yes' if ms <= 1000 / rate else 'no'}, {ms:.1f} ms"


def _columns(times: Mapping[str, float]) -> str:
    shown = "".join(f"{times[key]:8.2f}" for key in ("median_ms", "p95_ms", "p99_ms"))
    return f"{shown}{times['frames_per_second']:11.1f}"


def _table(models: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    width = max(len(one["model"]) for one in models)
    yield f"{'':{width}}                     inference, ms              whole pipeline     memory"
    yield f"{'model':{width}}  input   load  first  median    p95    p99  frames/s  of bare     MB  30 frames/s (33 ms)"
    for one in models:
        times, pipeline = one["classify"], one["pipeline"]
        memory = "-" if one["model_mb"] is None else f"{one['model_mb']:.1f}"
        answer = _possible(30, pipeline["ms_per_frame"]).partition(": ")[2]
        yield (
            f"{one['model']:{width}}  {one['input'][0]:5}{one['load_ms']:7.1f}{one['first_ms']:7.1f}"
            f"{times['median_ms']:8.1f}{times['p95_ms']:7.1f}{times['p99_ms']:7.1f}"
            f"{pipeline['frames_per_second']:10.1f}{pipeline['of_interpreter']:9.2f}{memory:>7}  {answer}"
        )


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 1)
