"""scripts/install on a machine that has next to nothing: what it gets by apt and from a mirror, and what the service
makes of it."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from edgeclassify.resources import GOOD_MODEL
from tests.pi import UNIT, Pi, build_rig, project_of
from tests.waiting import wait_until

pytestmark = [pytest.mark.rig, pytest.mark.timeout(900)]  # the root file systems are built once

VERSION = "0.0.9"
_PICAMERA2 = """
import numpy

MappedArray = None

class Picamera2:
    @staticmethod
    def global_camera_info():
        return [{"Id": "0", "Model": numpy.__file__}]
"""
"""What stands for Raspberry Pi OS's: it has one camera, which is called by where numpy lies."""
_CONTROL = """Package: python3-picamera2
Version: 0.3.12-1
Architecture: all
Maintainer: nobody <nobody@example.org>
Depends: python3-numpy
Description: what stands for Raspberry Pi OS's
"""
# What apt finds: the packages that were downloaded when the rig was built, and the one that Debian does not have.
_REPOSITORY = """
cd /opt/rig/debs
mkdir -p /tmp/deb/DEBIAN /tmp/deb/usr/lib/python3/dist-packages/picamera2
cp /shared/control /tmp/deb/DEBIAN/control
cp /shared/picamera2.py /tmp/deb/usr/lib/python3/dist-packages/picamera2/__init__.py
dpkg-deb --root-owner-group --build /tmp/deb picamera2.deb
{ dpkg-deb --field picamera2.deb; echo Filename: ./picamera2.deb; echo Size: $(stat -c %s picamera2.deb)
  echo SHA256: $(sha256sum < picamera2.deb | cut -d ' ' -f 1); echo; } >> Packages
rm -f /etc/apt/sources.list.d/*
echo 'deb [trusted=yes] file:/opt/rig/debs ./' > /etc/apt/sources.list
dpkg --purge mosquitto python3-numpy
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, shared: Path) -> Path:
    """What the machines see: the project, a mirror of models, pictures."""
    folder = tmp_path_factory.mktemp("shared")
    folder.chmod(0o755)
    project_of(VERSION, folder)
    (folder / "picamera2.py").write_text(_PICAMERA2)
    (folder / "control").write_text(_CONTROL)
    (folder / "mirror").mkdir()
    for source in (f"models/{GOOD_MODEL}.tflite", "models/imagenet_labels.txt", "images/cat.bmp", "images/parrot.jpg"):
        target = folder / "mirror" if source.startswith("models") else folder / "pictures"
        target.mkdir(exist_ok=True)
        (target / Path(source).name).write_bytes((shared / source).read_bytes())
    return folder


@pytest.fixture(scope="module", params=["bookworm", "trixie"])
def machine(request: pytest.FixtureRequest, folder: Path) -> Iterator[Pi]:
    """A machine on which all was installed, and what was said."""
    build_rig(request.param)
    with Pi(request.param, folder) as pi:
        pi.shell(_REPOSITORY)
        serve = ("python3", "-m", "http.server", "--bind", "127.0.0.1", "--directory", "/shared/mirror", "8000")
        pi.run("systemd-run", "--quiet", "--unit=mirror", *serve)
        wait_until(lambda: "LISTEN" in pi.run("ss", "-tlnH", "sport = :8000"), 20)
        pi.said_at_installation = pi.run(  # type: ignore[attr-defined]
            f"/shared/{VERSION}/scripts/install", "--with-broker", "--mirror", "http://127.0.0.1:8000"
        )
        pi.record()
        yield pi


def python_of_the_service(pi: Pi, code: str) -> str:
    return pi.run("/opt/edgeclassify/current/bin/python", "-c", code).strip()


def test_the_broker_is_installed_enabled_and_used(machine: Pi) -> None:
    assert "set-up: installing python3-numpy" in machine.said_at_installation  # type: ignore[attr-defined]
    assert "set-up: installing mosquitto" in machine.said_at_installation  # type: ignore[attr-defined]
    assert machine.run("systemctl", "is-active", "mosquitto") == "active\n"
    assert machine.run("systemctl", "is-enabled", "mosquitto").strip() == "enabled"
    wait_until(lambda: "broker connected" in machine.unit("StatusText"), 30)


def test_picamera2_comes_by_apt_and_with_apts_numpy_into_the_service(machine: Pi) -> None:
    assert "set-up: installing python3-picamera2" in machine.said_at_installation  # type: ignore[attr-defined]
    seen = python_of_the_service(machine, "import numpy, picamera2; print(numpy.__file__, picamera2.__file__)")
    assert [path.startswith("/usr/lib/python3/dist-packages/") for path in seen.split()] == [True, True]
    since = machine.cursor()
    change_config(machine, {"cameras": {"door": {"source": "picamera:1"}}})
    machine.wait_for_words("1 Pi camera(s) found, set source: picamera:0 (/usr/lib/python3/dist-packages/numpy", since)


def test_the_model_comes_from_the_mirror_and_the_events_are_its_own(machine: Pi) -> None:
    told = machine.said_at_installation  # type: ignore[attr-defined]
    assert f"getting the model {GOOD_MODEL} from http://127.0.0.1:8000" in told
    assert "the starter model is used" not in told
    config = yaml.safe_load(machine.run("cat", "/etc/edgeclassify/config.yaml"))
    assert (config["model"]["name"], config["events"]["groups"]) == (GOOD_MODEL, "home")
    assert machine.run("edgeclassify", "check").rstrip().endswith("ok")
    camera = {"source": "/shared/pictures", "picture_seconds": 3}
    change_config(machine, {"cameras": {"door": camera}})
    wait_until(lambda: any(event["label"] == "cat" for event in machine.events()), 60)
    event = next(event for event in machine.events() if event["label"] == "cat")
    assert (event["model"], event["index"]) == (GOOD_MODEL, None)


def change_config(pi: Pi, more: dict[str, Any]) -> None:
    """What a user adds to the configuration that was installed."""
    config = yaml.safe_load(pi.run("cat", "/etc/edgeclassify/config.yaml"))
    pi.configure(config | more)
    pi.run("systemctl", "restart", UNIT)


def test_what_lies_in_a_home_folder_is_told_and_a_drop_in_lets_it_through(machine: Pi) -> None:
    machine.shell("mkdir -p /home/pi/models; cp /shared/pictures/* /home/pi/models; chmod 700 /home/pi")
    since = machine.cursor()
    change_config(machine, {"cameras": {"door": {"source": "/home/pi/models"}}})
    told = "/home/pi/models: Permission denied; the service sees no home folders: move it to "
    machine.wait_for_words(told, since)
    assert "Traceback" not in machine.said(since)
    for command in ("check", "doctor", "service status"):
        assert "cameras.door.source: /home/pi/models: the service sees no home folders; move it to " in (
            machine.run("edgeclassify", *command.split(), code=None)
        )
    since = machine.cursor()
    example = "/opt/edgeclassify/current/share/edgeclassify/systemd/home-folders.conf"
    machine.run("install", "-D", "-m", "644", example, f"/etc/systemd/system/{UNIT}.d/home-folders.conf")
    machine.run("systemctl", "daemon-reload")
    machine.run("systemctl", "restart", UNIT)
    machine.wait_for_words("camera door: online", since)
    assert "home folders" not in machine.run("edgeclassify", "check")
    machine.run("rm", "-r", f"/etc/systemd/system/{UNIT}.d")


def test_an_upgrade_stops_at_a_mistake_in_the_configuration_and_changes_nothing(machine: Pi) -> None:
    change_config(machine, {"cameras": {"door": {"source": "test"}}})
    before = machine.run("readlink", "/opt/edgeclassify/current")
    machine.shell("echo 'event: {}' >> /etc/edgeclassify/config.yaml")
    said = machine.run("edgeclassify", "service", "install", code=69)
    assert re.search(r"edgeclassify check -c /etc/edgeclassify/config.yaml: failed with 78; mend", said)
    assert "event: unknown key; did you mean 'events'?" in said
    assert machine.run("readlink", "/opt/edgeclassify/current") == before
    assert machine.unit("ActiveState") == "active"
    machine.run("sed", "-i", "$ d", "/etc/edgeclassify/config.yaml")


def test_an_upgrade_lets_the_service_read_its_configuration_or_says_how(machine: Pi) -> None:
    change_config(machine, {"cameras": {"door": {"source": "test"}}})
    machine.shell("chown root:root /etc/edgeclassify/config.yaml; chmod 600 /etc/edgeclassify/config.yaml")
    machine.run("edgeclassify", "service", "install")
    assert machine.run("stat", "-c%U:%G %a", "/etc/edgeclassify/config.yaml") == "root:edgeclassify 640\n"
    machine.shell("chown nobody:root /etc/edgeclassify/config.yaml; chmod 600 /etc/edgeclassify/config.yaml")
    said = machine.run("edgeclassify", "service", "install", code=69)
    assert machine.unit("ActiveState") == "active"
    (advice,) = re.findall(r"may not be read by the service; run: (.*)", said)
    machine.shell(advice.replace("sudo ", ""))
    machine.run("runuser", "-u", "edgeclassify", "--", "cat", "/etc/edgeclassify/config.yaml")


def test_after_an_uninstallation_all_comes_back_and_a_user_who_was_there_before_stays(machine: Pi) -> None:
    machine.run("edgeclassify", "service", "uninstall")
    machine.shell("useradd --create-home edgeclassify")
    # The configuration was kept, and the model that it names is gone.
    said = machine.run(f"/shared/{VERSION}/scripts/install", "--offline", code=69)
    assert f"names {GOOD_MODEL}, which is not here: get it with --mirror" in said
    assert not machine.exists(f"/etc/systemd/system/{UNIT}")
    machine.run(f"/shared/{VERSION}/scripts/install", "--mirror", "http://127.0.0.1:8000")
    assert machine.unit("ActiveState") == "active"
    said = machine.run("edgeclassify", "service", "uninstall", "--purge")
    assert "the user edgeclassify is kept: it was there before, with the home folder /home/edgeclassify" in said
    assert machine.run("id", "-un", "edgeclassify") == "edgeclassify\n"
