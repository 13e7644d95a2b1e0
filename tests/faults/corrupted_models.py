"""Loads and runs damaged models and counts what comes of it; a crash or a hang is found, each in a child process.

python -m tests.faults.corrupted_models --count 500 MODEL.tflite ...
"""

from __future__ import annotations

import argparse
import random
import tempfile
from collections import Counter
from pathlib import Path

from edgeclassify import resources
from edgeclassify.config.sections import ModelConfig
from edgeclassify.errors import ChildDiedError, ChildTimeoutError, ModelError
from edgeclassify.inference import runtime
from edgeclassify.processes import Child

TIMEOUT_S = 20.0


class Loader:
    """In the child: what loading a model comes to."""

    def __init__(self, memory: memoryview) -> None: ...

    def load(self, path: Path) -> str:
        from edgeclassify.inference import load_model

        try:
            load_model(ModelConfig(name=str(path)), path.parent)  # its labels lie beside it
        except ModelError as error:
            assert path.name in str(error), f"does not say which model: {error}"
            return "refused"
        return "works"

    def close(self) -> None: ...


def damage(content: bytes, number: int) -> bytes:
    """A file cut off, with some bytes changed, with a stretch of zeros, or of nothing but random bytes."""
    chance = random.Random(number)
    kind = number % 4
    if kind == 0:
        return content[: chance.randrange(len(content))]
    if kind == 1:
        return b"\x1c\x00\x00\x00TFL3" + chance.randbytes(chance.randrange(8, 20_000))
    damaged = bytearray(content)
    if kind == 2:
        start = chance.randrange(len(content))
        damaged[start : start + 4096] = bytes(len(damaged[start : start + 4096]))
    else:
        # The graph stands at one end of the file or the other; weights are most of it.
        for _ in range(chance.randrange(1, 40)):
            where = chance.choice([chance.randrange(20_000), len(content) - 1 - chance.randrange(20_000)])
            damaged[where % len(content)] = chance.randrange(256)
    return bytes(damaged)


def label_lines(model: Path) -> str:
    """As many labels as the model has outputs."""
    interpreter = runtime.build(model.read_bytes(), 1, model)
    count = interpreter.get_output_details()[0]["shape"][-1]
    return "\n".join(f"label {number}" for number in range(count))


def campaign(models: list[Path], count: int, folder: Path) -> Counter[str]:
    """Try `count` damaged copies; `crashed` and `hung` should not be among what is counted."""
    outcomes: Counter[str] = Counter()
    originals = [(model.read_bytes(), label_lines(model)) for model in models]
    number = 0
    while number < count:
        with Child("damaged models", f"{__name__}:Loader", {}) as child:
            while number < count:
                path = folder / f"damaged-{number}.tflite"
                content, labels = originals[number // 4 % len(originals)]
                path.write_bytes(damage(content, number))
                path.with_suffix(".txt").write_text(labels)
                number += 1
                try:
                    outcomes[child.call("load", path, timeout_s=TIMEOUT_S)] += 1
                except ChildTimeoutError:
                    outcomes["hung"] += 1
                    break
                except ChildDiedError as error:
                    outcomes["crashed"] += 1
                    print(f"{path.name}: {error}")
                    break
                path.unlink()
    return outcomes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", nargs="*", type=Path, help="default: the starter")
    parser.add_argument("--count", type=int, default=500)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        models = arguments.models or [resources.models() / "starter.tflite"]
        for outcome, number in campaign(models, arguments.count, Path(folder)).most_common():
            print(f"{number:5}  {outcome}")


if __name__ == "__main__":
    from tests.faults.corrupted_models import main as run  # the child must find Loader under its own name

    run()
