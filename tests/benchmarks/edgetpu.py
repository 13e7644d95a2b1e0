"""What the child process of an Edge TPU costs per inference, against the same model in this process; and if it grows.

Both run the stand-in, which computes nothing: what is left is the way of a 224 x 224 frame and its 1001 scores.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image
from rig import machine

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from edgeclassify.image import StillPicture
from edgeclassify.inference import Model, runtime, signature
from edgeclassify.inference.edgetpu import EdgeTpu
from edgeclassify.inference.quantization import ScoreDecoder, Tensor, input_encoder
from edgeclassify.records import Frame
from edgeclassify.view import View
from tests.edgetpu.stand_in import library, twin

_SHAPE = (1, 224, 224, 3)
_LABELS = 1001
_SCALE = 1 / 256
_TURNS = 5
_WARM_UP = 50


def described() -> Model:
    """The model as the CPU would run it: only its form counts here."""
    source = Tensor(0, _SHAPE, np.dtype(np.uint8), 1 / 255, 0)
    output = Tensor(1, (1, _LABELS), np.dtype(np.uint8), _SCALE, 0)
    labels = tuple(map(str, range(_LABELS)))
    return Model("bench", Path("bench.tflite"), b"", "", labels, source, output, logits=False, normalization=None)


def in_process(content: bytes) -> Callable[[Frame], object]:
    """The same in this process: nothing but the interpreter, and what turns pixels to tensors and scores."""
    delegate = runtime.load_delegate(str(library()), {})
    interpreter = runtime.build(content, 1, Path("bench_edgetpu.tflite"), delegate)
    source = signature.picture_input(interpreter.get_input_details(), "bench")
    output = signature.score_output(interpreter.get_output_details(), "bench")
    encode, decoder = input_encoder(source, None), ScoreDecoder(output, logits=False)

    def classify(frame: Frame) -> object:
        interpreter.set_tensor(source.index, encode(frame.input))
        interpreter.invoke()
        _ = delegate  # which must live as long as the interpreter
        return decoder.decode(interpreter.get_tensor(output.index))

    return classify


def times_ms(classify: Callable[[Frame], object], frame: Frame, count: int) -> list[float]:
    for _ in range(_WARM_UP):
        classify(frame)
    times = []
    for _ in range(count):
        started_s = time.perf_counter()
        classify(frame)
        times.append(1000 * (time.perf_counter() - started_s))
    return times


def held(pid: int) -> tuple[int, int]:
    """Resident memory, kB, and descriptors of a process."""
    text = Path(f"/proc/{pid}/status").read_text()
    resident = next(line.split()[1] for line in text.splitlines() if line.startswith("VmRSS"))
    return int(resident), len(list(Path(f"/proc/{pid}/fd").iterdir()))


def row(name: str, times: list[float]) -> str:
    return f"| {name} | {statistics.median(times):.3f} | {statistics.quantiles(times, n=20)[-1]:.3f} |"


def main() -> None:
    given = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    given.add_argument("--inferences", type=int, default=1000, help="of each kind; in all, ten times so many")
    count = given.parse_args().inferences // _TURNS
    print(machine())
    pixels = np.random.default_rng(1).integers(0, 256, _SHAPE[1:], np.uint8)
    frame = Frame("camera", time.monotonic(), pixels, StillPicture(Image.fromarray(pixels), View(), 0, ""))
    content = twin(_SHAPE, _LABELS, scale=_SCALE)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "bench_edgetpu.tflite")
        path.write_bytes(content)
        print("| ms per inference | median | p95 |\n|---|---|---|")
        for delay_ms in (0, 3):
            os.environ["STAND_IN_EDGETPU"] = f"delay_ms={delay_ms}"
            here, there = in_process(content), []
            with EdgeTpu(described(), path, str(library()), ()) as tpu:
                tpu.try_out(frame)
                near = []
                for _ in range(_TURNS):  # in turns, so that what disturbs one disturbs the other
                    near += times_ms(here, frame, count)
                    there += times_ms(tpu.classify, frame, count)
                print(row(f"in this process, the device takes {delay_ms} ms", near))
                print(row("in the child", there))
                print(f"| the child costs | {statistics.median(there) - statistics.median(near):.3f} | |")
                if not delay_ms:
                    before = held(os.getpid()), held(tpu.pid)
                    times_ms(tpu.classify, frame, 10 * count * _TURNS)
                    print(f"\nkB and descriptors, of parent and child, before {10 * count * _TURNS} more: {before}")
                    print(f"afterwards: {(held(os.getpid()), held(tpu.pid))}\n")


if __name__ == "__main__":
    main()
