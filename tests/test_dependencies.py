"""What setup.cfg names is what PyPI gives under that name."""

import configparser
import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
# Names of this field that mean something else on PyPI, or nothing: Google's libraries for the Edge TPU are not there.
OTHER_PROJECTS = {"pycoral", "edgetpu", "libedgetpu", "libcamera", "coral", "paho"}


def _requirements() -> dict[str, str]:
    """Every requirement, extras too, by the package's normalized name."""
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg", encoding="utf-8")
    texts = [setup["options"]["install_requires"], *setup["options.extras_require"].values()]
    lines = [line.strip() for text in texts for line in text.splitlines()]
    found = [line for line in lines if line and not line.startswith("#")]
    return {re.sub(r"[-_.]+", "-", re.split(r"[\s<>=!~;\[]", line)[0]).lower(): line for line in found}


def test_nothing_is_named_that_is_another_project_on_pypi() -> None:
    names = _requirements().keys()
    assert "paho-mqtt" in names
    assert names & OTHER_PROJECTS == set()


def test_every_requirement_that_this_field_names_is_explained() -> None:
    table = (ROOT / "docs/packages.md").read_text(encoding="utf-8")
    for name in ("ai-edge-litert", "tflite-runtime", "pycoral", "picamera2", "numpy", "paho-mqtt"):
        assert f"| `{name}` |" in table
    for name, line in _requirements().items():
        if name in ("ai-edge-litert", "tflite-runtime", "picamera2", "numpy", "paho-mqtt"):
            version = re.search(r"[<>=]=?\s*([\d.]+)", line)
            assert version is not None, line
            assert version.group(1) in table, f"docs/packages.md names another version of {name} than setup.cfg"
