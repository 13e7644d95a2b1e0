"""Running other programs: what they say is kept for the error."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

from edgeclassify.errors import UnavailableError
from edgeclassify.tools.service.places import NAME

Say = Callable[[str], None]
"""Tells the user what is being done, a line."""

# A start takes up to TimeoutStartSec of the unit, a stop up to TimeoutStopSec and TimeoutAbortSec.
_UNIT_S = 180
_LINES_OF_ERROR = 8


def run(*command: str | Path, timeout_s: float = 60, variables: Mapping[str, str] | None = None) -> str:
    """Run a program to its end; return what it printed.

    Raises:
        UnavailableError: it is missing, failed, or took too long.
    """
    name = shlex.join(map(str, command))
    # Programs of ours must not find the code of the one that runs: each version brings its own.
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    try:
        result = subprocess.run(
            command,
            env=inherited | dict(variables or {}),
            cwd="/",
            close_fds=False,  # they keep the lock of the installation
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout_s,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise UnavailableError(f"service: {name}: did not end within {timeout_s:g} s; try again") from None
    except OSError as error:
        raise UnavailableError(f"service: {name}: {error.strerror}; install the package that it is part of") from None
    if result.returncode != 0:
        said = (result.stderr.strip() or result.stdout.strip()).splitlines()[-_LINES_OF_ERROR:]
        lines = "".join(f"\n  {line}" for line in said)
        raise UnavailableError(f"service: {name}: failed with {result.returncode}; mend what it says:{lines}")
    return result.stdout


def systemctl(*arguments: str) -> str:
    """Tell systemd something about units; return what it says.

    Raises:
        UnavailableError: it could not do that.
    """
    return run("systemctl", *arguments, timeout_s=_UNIT_S)


def properties(*names: str) -> dict[str, str]:
    """Return what systemd knows of the service, by the names of its properties; empty when it knows nothing."""
    told = run("systemctl", "show", f"{NAME}.service", f"--property={','.join(names)}")
    return dict(line.split("=", 1) for line in told.splitlines() if "=" in line)


def journal(*options: str) -> list[str]:
    """Return what the service logged, a line each; options are those of journalctl: `--lines=5`, `--since=@SECONDS`.

    Raises:
        UnavailableError: it cannot be read.
    """
    return run("journalctl", f"--unit={NAME}.service", *options, "--output=cat", "--no-pager").splitlines()
