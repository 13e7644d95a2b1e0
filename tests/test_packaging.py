"""The package as users install it, and the scripts in a fresh clone; minutes, and pip needs its index."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import venv
from pathlib import Path

import pytest
from PIL import Image

PROJECT = Path(__file__).parents[1]
NOT_COPIED = shutil.ignore_patterns(
    ".venv", ".git", "build", "dist", "*.egg-info", "__pycache__", ".*_cache", ".hypothesis"
)

pytestmark = [pytest.mark.packaging, pytest.mark.timeout(900)]


def _run(*command: str | Path, cwd: Path, **environment: str) -> str:
    """Run a program without what this environment would add; give what it printed."""
    clean = {
        name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV", "EDGE"))
    }
    result = subprocess.run(
        command, cwd=cwd, env=clean | environment, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False
    )
    assert result.returncode == 0, f"{command} ended with {result.returncode}:\n{result.stdout}\n{result.stderr}"
    return result.stdout


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project that may be built in."""
    return shutil.copytree(PROJECT, tmp_path_factory.mktemp("source") / "edgeclassify", ignore=NOT_COPIED)


@pytest.fixture(scope="module")
def distributions(source: Path) -> dict[str, Path]:
    """The wheel, the sdist and the source itself."""
    log = _run(sys.executable, "-m", "build", "--outdir", source.parent, source, cwd=source)
    assert "Deprecat" not in log
    (wheel,) = source.parent.glob("*.whl")
    (sdist,) = source.parent.glob("*.tar.gz")
    return {"wheel": wheel, "sdist": sdist, "editable": source}


@pytest.fixture(params=["wheel", "sdist", "editable"])
def installed(request: pytest.FixtureRequest, distributions: dict[str, Path], tmp_path: Path) -> Path:
    """The program, installed in a fresh environment."""
    environment = tmp_path / "env"
    venv.create(environment, with_pip=True)
    options = ["--editable"] if request.param == "editable" else []
    target = distributions[request.param]
    _run(environment / "bin/python", "-m", "pip", "install", "--quiet", *options, target, cwd=tmp_path)
    return environment / "bin/edgeclassify"


def test_an_installed_package_is_complete(installed: Path, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    home = {"HOME": str(empty)}
    picture = tmp_path / "picture.png"
    Image.new("RGB", (64, 64), "green").save(picture)

    assert _run(installed, "--version", cwd=empty, **home).startswith("edgeclassify ")
    assert _run(installed, "check", cwd=empty, **home).rstrip().endswith("ok")
    (line,) = _run(installed, "classify", picture, "--json", cwd=empty, **home).splitlines()
    assert json.loads(line)["results"]
    tell = "from edgeclassify import resources as r; print(*r.root().rglob('*'), *r.PACKAGE.rglob('*'))"
    told = _run(installed.with_name("python"), "-c", tell, cwd=empty, **home)
    for name in (
        "config.yaml",
        "starter.tflite",
        "starter.txt",
        "edgeclassify.service",
        "stand_in_edgetpu.c",
        "colours_edgetpu.tflite",
    ):
        assert name in told
    assert list(empty.iterdir()) == []


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project in which scripts/test was begun, interrupted in pip, and then run to its end."""
    folder = shutil.copytree(PROJECT, tmp_path_factory.mktemp("clone") / "edgeclassify", ignore=NOT_COPIED)
    begun = subprocess.Popen(
        [folder / "scripts/test", "--version"], start_new_session=True, stderr=subprocess.PIPE, text=True
    )
    assert begun.stderr is not None
    for line in begun.stderr:
        if "Python packages" in line:
            break
    os.killpg(begun.pid, signal.SIGINT)  # what Ctrl-C does
    begun.communicate()
    assert begun.returncode != 0
    assert not (folder / ".venv/ready-dev").exists()
    _run(folder / "scripts/test", "--version", cwd=folder)
    return folder


def test_the_set_up_recovers_from_ctrl_c_and_is_not_repeated(clone: Path) -> None:
    started_s = time.monotonic()
    # No package index can be asked: the second run works offline.
    _run(clone / "scripts/test", "--version", cwd=clone, PIP_NO_INDEX="1", PIP_INDEX_URL="http://127.0.0.1:9/")
    assert time.monotonic() - started_s < 10
    assert _run(clone / "scripts/test", "tests/test_vocabulary.py", "-q", cwd=clone)


def test_the_set_up_is_repeated_when_the_dependencies_change(clone: Path) -> None:
    with (clone / "setup.cfg").open("a") as file:
        file.write("# changed\n")
    before = (clone / ".venv/ready-dev").read_text()
    _run(clone / "scripts/test", "--version", cwd=clone)
    assert (clone / ".venv/ready-dev").read_text() != before
