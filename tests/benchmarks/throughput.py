"""Frames a second and CPU time per frame of the daemon, against the bare interpreter, taken in turns.

The daemon is the real one: H.264 decoded, scaled, classified, decided on, connected to a broker.
"""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
from loops import machine_busy_s
from rig import CAMERA, Arrival, machine, make_video, parser, running_daemon, spread

_PICTURES = 50


@dataclass(frozen=True)
class Cost:
    """What one run took."""

    frames_per_second: float
    cpu_ms: float
    """Of all threads, per frame."""
    others: float
    """How many cores other processes kept busy meanwhile."""


def daemon(model: Path, video: Path, seconds: float) -> Cost:
    """Run the daemon on a recording, as fast as it can."""
    camera = {"source": str(video), "frames_per_second": 0}
    with running_daemon({"model": {"name": str(model), "threads": 1}, "cameras": {CAMERA: camera}}) as process:

        def classified(arrival: Arrival) -> int:
            return arrival.fields["cameras"][CAMERA]["classified_total"]

        first = process.next("health", lambda arrival: classified(arrival) > 50)
        first_cpu_s, first_busy_s = process.cpu_s(), machine_busy_s()
        last = process.next("health", lambda arrival: arrival.monotonic_s - first.monotonic_s >= seconds - 0.5)
        cpu_s, busy_s = process.cpu_s() - first_cpu_s, machine_busy_s() - first_busy_s
        wall_s = last.monotonic_s - first.monotonic_s
        frames = classified(last) - classified(first)
        return Cost(frames / wall_s, 1000 * cpu_s / frames, (busy_s - cpu_s) / wall_s)


def loop(python: str, name: str, model: Path, pictures: Path, seconds: float) -> Cost:
    """Run a loop of loops.py in a process of its own."""
    script = Path(__file__).with_name("loops.py")
    command = [python, str(script), name, str(model), str(seconds), str(pictures)]
    answer = subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
    told = json.loads(answer.splitlines()[-1])
    wall_s, frames = told["wall_s"], told["frames"]
    return Cost(frames / wall_s, 1000 * told["cpu_s"] / frames, told["others_cpu_s"] / wall_s)


def has_mediapipe(python: str) -> bool:
    answer = subprocess.run([python, "-c", "import mediapipe"], check=False, capture_output=True)
    return answer.returncode == 0


def save_pictures(video: Path, file: Path) -> None:
    with av.open(str(video)) as container:
        first = itertools.islice(container.decode(video=0), _PICTURES)
        np.save(file, np.stack([frame.to_ndarray(format="rgb24") for frame in first]))


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--pairs", type=int, default=5, help="how often each is run")
    options.add_argument("--seconds", type=float, default=6.0, help="how long each run is measured")
    options.add_argument("--mediapipe", default=sys.executable, metavar="PYTHON", help="a Python that has mediapipe")
    options.add_argument("--quiet", type=float, default=0.1, help="cores that other processes may use meanwhile")
    options.add_argument("--only-daemon", action="store_true", help="leave out the other loops but the bare one")
    options.add_argument(
        "--kilobits", type=int, default=512, help="a second of the video; what decoding costs grows with it"
    )
    given = options.parse_args()
    print(machine())

    with tempfile.TemporaryDirectory() as name:
        video, pictures = Path(name, "video.mp4"), Path(name, "pictures.npy")
        make_video(video, bits_per_second=1000 * given.kilobits)
        save_pictures(video, pictures)
        runs: dict[str, Callable[[], Cost]] = {
            "bare": lambda: loop(sys.executable, "bare", given.model, pictures, given.seconds),
            "daemon": lambda: daemon(given.model, video, given.seconds),
        }
        if not given.only_daemon:
            runs["usual"] = lambda: loop(sys.executable, "usual", given.model, pictures, given.seconds)
            if has_mediapipe(given.mediapipe):
                runs["mediapipe"] = lambda: loop(given.mediapipe, "mediapipe", given.model, pictures, given.seconds)
            else:
                print("mediapipe: left out, it is not installed; pip install mediapipe, or --mediapipe PYTHON")
        report(take_turns(runs, given.pairs, given.quiet))


def take_turns(runs: dict[str, Callable[[], Cost]], rounds: int, quiet: float) -> dict[str, list[Cost]]:
    """Run each in turn; what other processes disturbed is done again, as long as that is not most of the time."""
    costs: dict[str, list[Cost]] = {name: [] for name in runs}
    retries = 3 * rounds
    while len(costs["bare"]) < rounds:
        this_round = {name: run() for name, run in runs.items()}
        disturbed = max(cost.others for cost in this_round.values()) > quiet
        for name, cost in this_round.items():
            print(f"  {name} {cost.frames_per_second:.1f}/s {cost.cpu_ms:.2f} ms", end="")
            print(f" (others: {cost.others:.2f} cores)", end="", flush=True)
        print("  disturbed" if disturbed else "")
        if disturbed and retries:
            retries -= 1
            continue
        for name, cost in this_round.items():
            costs[name].append(cost)
    return costs


def report(costs: dict[str, list[Cost]]) -> None:
    """Print medians, and the median of the ratios to the bare run of the same round."""
    print("| loop | frames/s | of bare | CPU ms per frame | of bare |\n|---|---|---|---|---|")
    bare = costs["bare"]
    for name, own in costs.items():
        rates, cpu = [cost.frames_per_second for cost in own], [cost.cpu_ms for cost in own]
        rate_ratios = [mine.frames_per_second / base.frames_per_second for mine, base in zip(own, bare, strict=True)]
        cpu_ratios = [mine.cpu_ms / base.cpu_ms for mine, base in zip(own, bare, strict=True)]
        print(f"| {name} | {spread(rates, 1)} | {spread(rate_ratios)} | {spread(cpu)} | {spread(cpu_ratios)} |")


if __name__ == "__main__":
    main()
