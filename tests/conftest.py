"""What several folders of tests need."""

from pathlib import Path

import pytest

_SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder with models and pictures for tests, which lies beside the project and is not part of it."""
    if not (_SHARED / "models").is_dir():
        pytest.skip("needs ../shared (models and pictures for tests) beside the project")
    return _SHARED
