"""Writing configurations."""

from collections.abc import Callable
from pathlib import Path

import pytest

from edgeclassify.config.reader import ConfigFile, load_config
from edgeclassify.errors import ConfigError


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str | bytes], Path]:
    """Write a configuration; give its path."""

    def write_config(text: str | bytes) -> Path:
        path = tmp_path / "config.yaml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write_config


@pytest.fixture
def load(write: Callable[[str | bytes], Path]) -> Callable[[str | bytes], ConfigFile]:
    """Load a configuration from its text."""
    return lambda text: load_config(write(text))


@pytest.fixture
def problems(write: Callable[[str | bytes], Path]) -> Callable[[str | bytes], list[str]]:
    """Load a configuration that is wrong; give each problem without the folder."""

    def load_problems(text: str | bytes) -> list[str]:
        path = write(text)
        with pytest.raises(ConfigError) as caught:
            load_config(path)
        assert str(caught.value) == "\n".join(caught.value.problems)
        return [problem.replace(f"{path.parent}/", "") for problem in caught.value.problems]

    return load_problems
