"""Files in home folders, told from the unit and its drop-ins as they are installed."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from edgeclassify import resources
from edgeclassify.config.reader import load_config
from edgeclassify.tools.service.hidden import hidden_files
from edgeclassify.tools.service.places import Places


@pytest.fixture
def places(tmp_path: Path) -> Places:
    """An installed service."""
    places = Places(tmp_path)
    places.unit.parent.mkdir(parents=True)
    places.unit.write_bytes((resources.systemd() / "edgeclassify.service").read_bytes())
    places.drop_ins.mkdir()
    places.settings.mkdir()
    return places


def said(places: Places, config: dict[str, Any], path: Path | None = None) -> list[str]:
    path = path or places.config
    path.write_text(yaml.safe_dump(config))
    return hidden_files(load_config(path), places.root)


ALL: dict[str, Any] = {
    "model": {"name": "/home/pi/a.tflite", "labels": "/home/pi/a.txt", "edgetpu_library": "/root/libedgetpu.so"},
    "cameras": {"door": {"source": "/home/pi/pictures"}, "yard": {"source": "rtsp://here/home/pi"}},
    "mqtt": {"password_file": "/run/user/1000/pw", "tls": {"ca": "../../home/pi/ca"}},
}


def test_each_is_told_with_its_line_and_what_to_do(places: Places) -> None:
    lines = said(places, ALL | {"mqtt": {"password_file": "/run/user/1000/pw"}})
    assert len(lines) == 5
    assert all(line.startswith(f"{places.config}:") for line in lines)
    assert all("the service sees no home folders; move it to /etc/edgeclassify" in line for line in lines)
    assert ": cameras.door.source: /home/pi/pictures: " in lines[-1]


@pytest.mark.parametrize("name", ["starter", "/opt/edgeclassify/models/a.tflite", "./a.tflite"])
def test_what_lies_elsewhere_is_none_of_them(places: Places, name: str) -> None:
    assert said(places, {"model": {"name": name}, "cameras": {"door": {"source": "/dev/video0"}}}) == []


def test_a_link_into_a_home_counts_as_what_it_leads_to(places: Places) -> None:
    (places.settings / "a.tflite").symlink_to("/home/pi/a.tflite")
    assert len(said(places, {"model": {"name": "./a.tflite"}})) == 1


def test_another_configuration_is_not_the_services(places: Places) -> None:
    assert said(places, ALL, places.root / "config.yaml") == []


@pytest.mark.parametrize(
    ("lines", "hidden"),
    [
        ("ProtectHome=read-only", 0),
        ("ProtectHome=no", 0),
        ("ProtectHome=tmpfs", 2),
        ("ProtectHome=tmpfs\nBindReadOnlyPaths=/home/pi", 0),
        ("ProtectHome=tmpfs\nBindReadOnlyPaths=-/home/pi/a.tflite:/home/pi/a.tflite", 1),
        ("BindReadOnlyPaths=/home/pi", 2),
        ("# ProtectHome=no", 2),
    ],
)
def test_a_drop_in_lets_them_through_as_it_does(places: Places, lines: str, hidden: int) -> None:
    (places.drop_ins / "mine.conf").write_text(f"[Service]\n{lines}\n")
    config = {"model": {"name": "/home/pi/a.tflite"}, "cameras": {"door": {"source": "/home/pi/pictures"}}}
    assert len(said(places, config)) == hidden


def test_without_a_service_nothing_is_hidden(places: Places) -> None:
    places.unit.unlink()
    assert said(places, ALL) == []


def test_a_configuration_that_is_a_link_into_a_home_is_told(tmp_path: Path, places: Places, monkeypatch) -> None:
    monkeypatch.setattr("edgeclassify.homes.FOLDERS", (tmp_path / "home",))
    (tmp_path / "home").mkdir()
    (tmp_path / "home/config.yaml").write_text("")
    places.config.symlink_to(tmp_path / "home/config.yaml")
    (line,) = hidden_files(load_config(places.config), places.root)
    assert line.startswith(
        f"{places.config}: is a link to {tmp_path}/home/config.yaml; the service sees no home folders"
    )
