"""The installed versions: each a virtual environment of its own, one of them `current` by a link that is switched."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from edgeclassify import __version__, resources
from edgeclassify.errors import UnavailableError, UsageError
from edgeclassify.homes import home_of
from edgeclassify.tools.service.places import NAME
from edgeclassify.tools.service.running import Say, run

_SYSTEM_PYTHON = Path("/usr/bin/python3")
_KEPT = "source"
"""Below a release: the wheel that it was installed from, for the next installation."""
_PIP_S = 3600  # a Pi Zero on a slow line
_NOT_PART_OF_IT = shutil.ignore_patterns(".*", "build", "dist", "*.egg-info", "__pycache__", "tests")


class Releases:
    """The folder /opt/edgeclassify; whoever changes it holds the lock of `Places`."""

    def __init__(self, folder: Path) -> None:
        self._versions = folder / "versions"
        self._current = folder / "current"

    @property
    def current(self) -> Path | None:
        """The version that is used; None when there is none."""
        try:
            release = self._versions / self._current.readlink().name
        except OSError:
            return None
        return release if (release / "bin/python").exists() else None

    @contextlib.contextmanager
    def building(self, source: str, say: Say) -> Iterator[Path]:
        """Make a new version from what pip can install; it is gone again if the block raises.

        Raises:
            UnavailableError: no environment could be made, or pip could not install it.
        """
        self.prune()  # what a power cut left behind
        self._versions.mkdir(parents=True, exist_ok=True)
        # An environment cannot be moved: it gets its last name at once.
        release = self._versions / str(max((int(path.name) for path in self._numbered()), default=0) + 1)
        try:
            say(f"installing {source} into {release}, a few minutes on a Pi")
            # With the system's packages: picamera2 is one of them.
            run(_python(), "-m", "venv", "--system-site-packages", release, timeout_s=_PIP_S)
            _install(release, source)
            yield release
        except BaseException:
            shutil.rmtree(release, ignore_errors=True)
            raise

    def switch(self, release: Path | None) -> None:
        """Make this version the one that is used, at once; None for none."""
        if release is None:
            self._current.unlink(missing_ok=True)
            return
        fresh = self._current.with_name("current.new")
        fresh.unlink(missing_ok=True)
        fresh.symlink_to(release.relative_to(self._current.parent))
        fresh.replace(self._current)

    def prune(self) -> None:
        """Remove all versions but the one that is used."""
        current = self.current
        for path in self._numbered():
            if path != current:
                shutil.rmtree(path)

    def _numbered(self) -> list[Path]:
        return [path for path in self._versions.glob("*") if path.name.isdecimal()]


def own_source(prefix: Path = Path(sys.prefix)) -> str:
    """Return what to install when nobody says: this project's folder, or the wheel that was kept of this version.

    Never what pip recorded of where it came from: that may have been a folder in which others can write.

    Args:
        prefix: the environment of this version.

    Raises:
        UsageError: this is neither a checkout nor what `install` made.
    """
    root = resources.root()
    if (root / "setup.cfg").is_file():
        return str(root)
    for wheel in prefix.joinpath(_KEPT).glob("*.whl"):
        return str(wheel)
    raise UsageError(
        f"service install: {prefix} was not made by it; "
        f"say what to install: --from WHEEL, or --from {NAME}=={__version__}"
    )


def _install(release: Path, source: str) -> None:
    """Install from a wheel that is kept in the release, which only root can change."""
    python = release / "bin/python"
    with tempfile.TemporaryDirectory(prefix=f"{NAME}-") as folder:
        constraints = Path(folder) / "constraints.txt"
        constraints.write_text(_system_numpy(python), encoding="utf-8")
        if (Path(source) / "setup.cfg").is_file():
            # pip builds where the source lies: a user's folder must not be littered with files of root.
            source = str(shutil.copytree(source, Path(folder) / NAME, ignore=_NOT_PART_OF_IT))
        elif Path(source).exists():
            source = str(Path(source).absolute())
        pip, quiet = (python, "-m", "pip"), ("--quiet", "--disable-pip-version-check")
        variables = {"PIP_CONSTRAINT": str(constraints)}
        kept = release / _KEPT
        run(*pip, "wheel", *quiet, "--no-deps", "--wheel-dir", kept, source, timeout_s=_PIP_S, variables=variables)
        wheels = list(kept.glob("*.whl"))
        for wheel in wheels:
            wheel.chmod(0o644)  # whatever the original allowed
        run(*pip, "install", *quiet, "--no-warn-script-location", *wheels, timeout_s=_PIP_S, variables=variables)


def _system_numpy(python: Path) -> str:
    """Return a constraint: apt's picamera2 is built for apt's numpy, another one in front of it breaks it."""
    with contextlib.suppress(UnavailableError):
        return f"numpy=={run(python, '-c', 'import numpy; print(numpy.__version__)')}"
    return ""


def _python() -> Path:
    """Return the system's Python, which has picamera2; where it is too old, the one that runs this.

    Raises:
        UnavailableError: that one lies where the service cannot see it.
    """
    with contextlib.suppress(UnavailableError):
        run(_SYSTEM_PYTHON, "-c", "import sys; sys.exit(sys.version_info < (3, 11))")
        return _SYSTEM_PYTHON
    # Its library counts too: a program in /usr/local may be a small one that belongs to a home.
    for place in (Path(os.path.realpath(sys.executable)), Path(os.path.realpath(sys.base_prefix))):
        if home_of(place):
            raise UnavailableError(
                f"service: {place}: this Python lies in a home folder, which the service does not see; "
                "install Python 3.11 or newer for all users, in /usr/local say, and name it: "
                "sudo PYTHON=/usr/local/bin/python3.11 ./scripts/install"
            )
    return Path(os.path.realpath(sys.executable))
