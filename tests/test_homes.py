"""What is said of a file in a home folder that the service does not see."""

from pathlib import Path

import pytest

from edgeclassify import homes


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(homes, "FOLDERS", (tmp_path / "home",))
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


@pytest.mark.parametrize("by_systemd", [True, False])
@pytest.mark.parametrize("hidden", [True, False])
def test_only_a_service_whose_unit_hides_it_gets_that_advice(
    home: Path, monkeypatch: pytest.MonkeyPatch, by_systemd: bool, hidden: bool
) -> None:
    if by_systemd:
        monkeypatch.setenv("INVOCATION_ID", "1")
    else:
        monkeypatch.delenv("INVOCATION_ID", raising=False)
    monkeypatch.setattr("os.access", lambda *_: not hidden)  # root may enter all folders
    told = homes.advice(home / "pi/birds.tflite", "chmod")
    assert ("move it to /etc/edgeclassify" in told) == (by_systemd and hidden)
    assert (told == "chmod") == (not (by_systemd and hidden))
    assert homes.advice(Path("/opt/birds.tflite"), "chmod") == "chmod"


@pytest.mark.parametrize(("path", "home"), [("/home", "/home"), ("/home/pi/a", "/home"), ("/root/a", "/root")])
def test_a_path_leads_into_a_home(path: str, home: str) -> None:
    assert homes.home_of(Path(path)) == Path(home)


@pytest.mark.parametrize("path", ["/homes/a", "/opt/home/a", "/run/users", "relative/home"])
def test_a_path_that_only_looks_like_it_does_not(path: str) -> None:
    assert homes.home_of(Path(path)) is None
