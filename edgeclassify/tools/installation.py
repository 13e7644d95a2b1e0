"""What is installed here, as a bug report needs it: nothing is loaded that could crash, and nothing that takes long."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import platform
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from edgeclassify import resources
from edgeclassify.errors import EdgeClassifyError
from edgeclassify.inference import devices
from edgeclassify.tools.doctor.machine import Machine, output_of
from edgeclassify.tools.foreign import harmless

_RUNTIMES = ("ai-edge-litert", "tflite-runtime")
_PACKAGES = ("numpy", "av", "paho-mqtt", "pydantic", "PyYAML", "Pillow", "click", "rich")
_FFMPEG_LIBRARIES = ("libavcodec", "libavformat", "libavutil", "libswscale")
_EDGE_TPU_LIBRARY = "libedgetpu.so.1"
_EDGE_TPU_PACKAGES = ("libedgetpu1-std", "libedgetpu1-max")
_NONE, _BROKEN = "none", "broken"

_FAULTS = (OSError, ValueError, KeyError, TypeError, AttributeError, ImportError, RuntimeError)
"""What damaged metadata raise: a report of what is broken must not break of it."""


def installation() -> Iterator[tuple[str, str]]:
    """Yield name and version, or place, of all that matters."""
    told: dict[str, Callable[[], str]] = {
        "python": lambda: f"{platform.python_version()}, {sys.executable}",
        "machine": _machine,
        "system": _system,
        "runtime": _runtime,
        **{name: lambda name=name: package_version(name) for name in _PACKAGES},  # type: ignore[misc]
        "FFmpeg": _ffmpeg,
        "SQLite": _sqlite,
        "picamera2": lambda: _debian_module("picamera2", "python3-picamera2"),
        "libcamera": lambda: _debian_module("libcamera", "python3-libcamera"),
        "libedgetpu": _edge_tpu_library,
        "PyTorch": lambda: package_version("torch"),
        "installed in": lambda: str(resources.PACKAGE),
        "configuration": lambda: str(resources.used_config().absolute()),
        "models": lambda: ", ".join(map(str, resources.model_folders())),
    }
    for name, tell in told.items():
        yield name, _told(tell)


def package_version(package: str) -> str:
    """Return the version of a Python package from its metadata; empty when it is not installed."""
    try:
        version: str | None = importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return ""
    except _FAULTS:
        return _BROKEN
    return version or _BROKEN


def runtime_version() -> str:
    """Return name and version of the TensorFlow Lite runtime: `ai-edge-litert 2.3.0`; empty when there is none."""
    return next((f"{name} {version}" for name in _RUNTIMES if (version := package_version(name))), "")


def _told(tell: Callable[[], str]) -> str:
    try:
        told = tell()
    except EdgeClassifyError as error:
        told = str(error)
    except _FAULTS:
        told = _BROKEN
    return harmless(told) if told else _NONE


def _machine() -> str:
    board = Machine().text("proc/device-tree/model")
    return f"{platform.machine()}, {os.cpu_count()} cores" + (f", {board}" if board else "")


def _system() -> str:
    try:
        name = platform.freedesktop_os_release().get("PRETTY_NAME", "")
    except OSError:
        name = ""
    libc = os.confstr("CS_GNU_LIBC_VERSION") or "another C library than glibc"
    return f"{name or platform.system()}, kernel {platform.release()}, {libc}"


def _runtime() -> str:
    runtime = runtime_version()
    if runtime and not Path("/proc/cpuinfo").exists():
        return f"{runtime}, XNNPACK off, as /proc/cpuinfo is missing"
    return f"{runtime}, XNNPACK on" if runtime.startswith(_RUNTIMES[0]) else runtime


def _ffmpeg() -> str:
    """Return the versions of the libraries that PyAV brings, else of the system's, from the names of their files."""
    spec = importlib.util.find_spec("av")
    bundled = [Path(place).with_name("av.libs") for place in (spec and spec.submodule_search_locations) or []]
    for folder in (*bundled, *Path("/usr/lib").glob("*-linux-gnu*")):
        found = {name: _library_version(folder, name) for name in _FFMPEG_LIBRARIES}
        if any(found.values()):
            return ", ".join(f"{name} {version}" for name, version in found.items() if version)
    return ""


def _library_version(folder: Path, name: str) -> str:
    """Return like `62.28.102`, of several the longest: a link is called libavcodec.so.62 alone."""
    names = (path.name for path in folder.glob(f"{name}[-.]*"))
    versions = [found[1] for one in names if (found := re.fullmatch(rf"{name}(?:-[0-9a-f]+)?\.so\.([\d.]+)", one))]
    return max(versions, key=len, default="")


def _sqlite() -> str:
    import sqlite3

    return sqlite3.sqlite_version


def _debian_module(module: str, package: str) -> str:
    """Return version and place of a module that Debian brings; it is not imported: libcamera can crash."""
    spec = importlib.util.find_spec(module)
    if spec is None:
        return ""
    place = spec.origin or ", ".join(spec.submodule_search_locations or [])
    return f"{package_version(module) or _debian_version(package) or 'of unknown version'}, {place}"


def _edge_tpu_library() -> str:
    library = devices.find_library(_EDGE_TPU_LIBRARY)
    if library is None:
        return ""
    package = next((f", {name} {found}" for name in _EDGE_TPU_PACKAGES if (found := _debian_version(name))), "")
    return f"{library.resolve()}{package}"


def _debian_version(package: str) -> str:
    return output_of("dpkg-query", "--show", "--showformat=${Version}", package)
