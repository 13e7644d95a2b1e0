"""Every error this package raises on purpose, and the exit code each one means.

EdgeClassifyError          70  something of ours is broken; systemd restarts
├── UsageError              2  the command line is wrong
├── InputError              1  one of several inputs could not be used; the rest was done
├── UnavailableError       69  something needed is not there (broker, lock, camera)
├── ConfigError            78  config.yaml must be edited; systemd does not restart
├── ModelError             78  the model or its labels do not fit; systemd does not restart
│   └── LabelsError            it is its labels
├── CameraError            69  a camera failed; the daemon tries again with growing pauses
├── ChildError             70  a child process answered with an error
│   ├── ChildTimeoutError      it did not answer in time and was killed
│   └── ChildDiedError         it ended by itself (a crash in native code), or was killed
└── StuckThreadError       70  a thread did not end when it was told to

A message says where, what, and what to do, without a full stop:
"camera door: picamera2 is missing; run: sudo apt install python3-picamera2".
"""

from __future__ import annotations


class EdgeClassifyError(Exception):
    """The base of them all; `exit_code` is what a command ends with."""

    exit_code = 70


class UsageError(EdgeClassifyError):
    """The command line is wrong."""

    exit_code = 2


class InputError(EdgeClassifyError, ValueError):
    """An input (a picture, say) could not be used."""

    exit_code = 1


class UnavailableError(EdgeClassifyError, OSError):
    """Something needed is not there now."""

    exit_code = 69


class ConfigError(EdgeClassifyError, ValueError):
    """The configuration must be edited; `problems` holds every one of them, a line each."""

    exit_code = 78

    def __init__(self, *problems: str) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class ModelError(EdgeClassifyError, ValueError):
    """The model or its labels do not fit."""

    exit_code = 78
    key = "name"
    """What of the section `model` is to be mended."""


class LabelsError(ModelError):
    """The labels are missing, unreadable, or not as many as the model has outputs."""

    key = "labels"


class CameraError(EdgeClassifyError, OSError):
    """A camera failed: no frame in time, or the device is gone."""

    exit_code = 69


class ChildError(EdgeClassifyError, RuntimeError):
    """A child process answered with an error; the message is the child's."""


class ChildTimeoutError(ChildError, TimeoutError):
    """A child process did not answer in time and was killed."""


class ChildDiedError(ChildError):
    """A child process ended by itself, or was killed by somebody else."""

    was_killed = False
    """By SIGKILL: by the kernel, say, which had no memory left."""


class StuckThreadError(EdgeClassifyError, RuntimeError):
    """A thread did not end when it was told to."""
