"""Draws golden.png and writes into golden.yaml what models say of it.

    python models/make_golden.py models/starter.tflite MODEL.tflite ...

Run it again for all models when the picture or the starter changes. The picture is a drawing with strong colours:
with red and blue exchanged every model here says something else of it.
"""

import hashlib
import sys
from pathlib import Path

import numpy as np
import yaml
from ai_edge_litert.interpreter import Interpreter
from PIL import Image, ImageDraw, ImageFilter

FOLDER = Path(__file__).resolve().parent
BEST = 2


def draw() -> Image.Image:
    """A yellow fruit on green."""
    image = Image.new("RGB", (256, 256))
    drawing = ImageDraw.Draw(image)
    for row in range(256):
        drawing.line([(0, row), (255, row)], fill=(50 + row // 8, 100 + row // 6, 40 + row // 10))
    drawing.ellipse([40, 60, 216, 200], fill=(245, 210, 40))
    drawing.ellipse([60, 75, 150, 130], fill=(255, 235, 110))
    return image.filter(ImageFilter.GaussianBlur(3))


def telling_scores(content: bytes, image: Image.Image) -> dict[int, float]:
    """Return the scores of the labels that are best, and of those that would be with red and blue exchanged.

    By the bare interpreter and Pillow, not by the code that they are to check.
    """
    interpreter = Interpreter(model_content=content)
    interpreter.allocate_tensors()
    source = interpreter.get_input_details()[0]
    pixels = np.asarray(image.resize(source["shape"][[2, 1]], Image.Resampling.BILINEAR))
    right, exchanged = (_scores(interpreter, source["index"], array) for array in (pixels, pixels[..., ::-1]))
    telling = dict.fromkeys([*np.argsort(-right)[:BEST], *np.argsort(-exchanged)[:BEST]])
    return {int(index): round(float(right[index]), 3) for index in telling}


def _scores(interpreter: Interpreter, index: int, pixels: np.ndarray) -> np.ndarray:
    interpreter.set_tensor(index, np.ascontiguousarray(pixels)[None])
    interpreter.invoke()
    output = interpreter.get_output_details()[0]
    scale, zero_point = output["quantization"]
    return (interpreter.get_tensor(output["index"])[0].astype(float) - zero_point) * scale


def main(paths: list[str]) -> None:
    image = draw()
    image.save(FOLDER / "golden.png", optimize=True)
    entries = []
    for path in map(Path, paths):
        content = path.read_bytes()
        sha256 = hashlib.sha256(content).hexdigest()
        entries.append({"name": path.stem, "sha256": sha256, "scores": telling_scores(content, image)})
    text = "# What models say of golden.png, by the index of the label; written by make_golden.py.\n"
    (FOLDER / "golden.yaml").write_text(text + yaml.safe_dump(entries, sort_keys=False), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
