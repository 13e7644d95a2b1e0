"""The model that runs: admitted, opened, and closed when another one has taken over."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Self

from edgeclassify.config.reader import ConfigFile, model_errors
from edgeclassify.errors import EdgeClassifyError, UnavailableError
from edgeclassify.inference import Classifier, open_classifier
from edgeclassify.inference.admission import admit
from edgeclassify.inference.versions import Version, version_of

_EDGE_TPU_PATIENCE_S = 1.5  # one that takes longer, or hangs, is used when it is ready


class ModelInUse:
    """From entering to leaving; used by the main thread.

    Args:
        state_dir: where it is remembered which models were tried out.
        changed: called by whoever changes the accelerator.
    """

    version: Version
    """Of the files as they were opened."""

    def __init__(self, state_dir: Path, changed: Callable[[], None]) -> None:
        self._state_dir = state_dir
        self._changed = changed
        self._opened = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._opened.close()

    def open(self, file: ConfigFile, opening: ExitStack) -> tuple[Classifier, Version]:
        """Open the model that a file names.

        Raises:
            ModelError: it cannot be used.
            UnavailableError: this machine has no process, file descriptor or memory for it now.
        """
        version = version_now(file)  # before it is opened: what is changed meanwhile is noticed by the next reload
        model = file.config.model
        try:
            with model_errors(file):
                admit(model, file.base, self._state_dir)
                opened = open_classifier(model, file.base, changed=self._changed, patience_s=_EDGE_TPU_PATIENCE_S)
                return opening.enter_context(opened), version
        except EdgeClassifyError:
            raise
        except (OSError, MemoryError) as error:
            reason = getattr(error, "strerror", None) or "there is not enough memory"
            raise UnavailableError(f"model {model.name}: cannot be opened: {reason}; stop other programs") from error

    def take_over(self, opening: ExitStack, version: Version) -> None:
        """Close the model before, which nobody uses any more."""
        self._opened.close()
        self._opened, self.version = opening.pop_all(), version


def version_now(file: ConfigFile) -> Version:
    """Return the version of the files that make the model now.

    Raises:
        ModelError: they cannot be read.
    """
    with model_errors(file):
        return version_of(file.config.model, file.base)
