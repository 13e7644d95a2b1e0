"""`edgeclassify doctor` as a user runs it."""

import json
import re
import subprocess
import time
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from tests.broker import Broker, free_port
from tests.running import ROOT, Daemon, colour_of, run_to_end, slides, write_model, write_pictures

SCHEMA = {
    "type": "object",
    "additionalProperties": False,
    "required": ["version", "ok", "findings"],
    "properties": {
        "version": {"type": "string"},
        "ok": {"type": "boolean"},
        "findings": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "additionalProperties": False,
                "required": ["status", "part", "check", "message", "advice"],
                "properties": {
                    "status": {"enum": ["ok", "warn", "fail", "skip"]},
                    "part": {"type": "string", "minLength": 1},
                    "check": {"type": "string", "minLength": 1},
                    "message": {"type": "string", "minLength": 1},
                    "advice": {"type": "string"},
                },
            },
        },
    },
}

HEALTHY = """\
ok   configuration file: config.yaml, node hut
ok   device python: N on M, edgeclassify N
ok   device libraries: numpy N, av N, Pillow N, paho-mqtt N, pydantic N, PyYAML N
ok   device runtime: R
ok   device clock: N-N-N N:N UTC
ok   device time server: the clock was set by a time server
ok   device temperature: N C
ok   device power: the voltage was never too low in the last seconds
ok   device throttling: the processor was never slowed down in the last seconds
ok   device memory: N MB available
ok   state_dir daemon: none runs on this configuration now
ok   state_dir folder: HERE/state can be made
ok   state_dir disk: N MB free
ok   state_dir inodes: N inodes free
skip state_dir outbox: there is none yet; the daemon makes it
ok   model file: HERE/colours.tflite, N MB
ok   model trial: runs in a process of its own, which scores are right is not known of this model
ok   model labels: N, as many as the model has outputs
ok   model names: the model has all labels that the configuration names
ok   model xnnpack: active
ok   model inference: N ms on the CPU with N thread(s)
skip edgetpu wanted: none is here, and model.accelerator auto needs none: the CPU is used
ok   camera porch frames: the first came after N s (S)
ok   camera porch picture: colours and brightness are plausible (mean N of N)
skip camera porch rate: it is read when a frame is wanted
ok   broker name: N is N
ok   broker tcp: port N answers in N ms
skip broker tls: mqtt.tls.enabled is false
ok   broker login: accepted without a user name, MQTT N
ok   broker publish: edgeclassify/hut/doctor acknowledged in N ms
ok   broker receive: it came back
all is well
"""


def settings(port: int, **sections: Any) -> dict[str, Any]:
    return {
        "node": "hut",
        "state_dir": "state",
        "model": {"name": "colours.tflite", "edgetpu_library": "libnowhere.so.1"},
        "cameras": {"porch": {"source": "test", "frames_per_second": 0}},
        "events": {"ignore": []},
        "mqtt": {"host": "127.0.0.1", "port": port},
    } | sections


def doctor(folder: Path, *options: str, **more: str) -> subprocess.CompletedProcess[str]:
    done = run_to_end(folder, "doctor", "-c", "config.yaml", *options, **more)
    assert "Traceback" not in done.stdout + done.stderr
    return done


@pytest.fixture
def sound_machine(tmp_path: Path) -> dict[str, str]:
    """A kernel that has nothing to complain of."""
    told = {
        "run/systemd/timesync/synchronized": "",
        "sys/class/thermal/thermal_zone0/temp": "48312",
        "sys/devices/platform/soc/soc:firmware/get_throttled": "0",
        "proc/meminfo": "MemAvailable: 3000000 kB",
    }
    for path, text in told.items():
        file = tmp_path / "root" / path
        file.parent.mkdir(parents=True)
        file.write_text(text + "\n")
    return {"EDGECLASSIFY_SYSFS_ROOT": str(tmp_path / "root")}


def test_a_healthy_installation(broker: Broker, tmp_path: Path, sound_machine: dict[str, str]) -> None:
    write_model(tmp_path)
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(settings(broker.port)))
    done = doctor(tmp_path, **sound_machine)
    assert (done.returncode, done.stderr) == (0, "")
    said = done.stdout.replace(str(tmp_path), "HERE")
    said = re.sub(r"(?<= on )\w+(?=, edgeclassify)", "M", said)
    said = re.sub(r"(?<=runtime: ).*", "R", said)
    said = re.sub(r"\(test[^)]*\)|(?<= s )\(.*\)$", "(S)", said, flags=re.MULTILINE)
    assert re.sub(r"\d+(\.\w+)*", "N", said) == HEALTHY


def test_the_json_keeps_its_form(broker: Broker, tmp_path: Path) -> None:
    write_model(tmp_path)
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(settings(broker.port, cameras={"porch": {"source": "gone"}})))
    done = doctor(tmp_path, "--json")
    report = json.loads(done.stdout)
    jsonschema.validate(report, SCHEMA)
    assert (done.returncode, done.stderr, report["ok"]) == (1, "", False)
    failed = [finding for finding in report["findings"] if finding["status"] == "fail"]
    assert [(finding["part"], finding["check"]) for finding in failed] == [("camera porch", "frames")]
    assert all(finding["advice"] for finding in report["findings"] if finding["status"] in ("fail", "warn"))


def test_a_configuration_with_problems_names_them_all_and_checks_the_device(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("cameras: {porch: {sorce: test}}\nmqtt: {port: x, password: s3cret}\n")
    done = doctor(tmp_path)
    assert done.returncode == 1
    failed = [line for line in done.stdout.splitlines() if line.startswith("fail")]
    assert len(failed) == 3
    assert all("config.yaml:" in line for line in failed)
    assert "ok   device python" in done.stdout
    assert "skip configuration other parts: they are checked once the configuration is right" in done.stdout
    assert "s3cret" not in done.stdout


@pytest.mark.parametrize("text", ["", "\t- x", "\0\1\2", "[]"])
def test_files_that_are_no_configuration(tmp_path: Path, text: str) -> None:
    (tmp_path / "config.yaml").write_text(text)
    doctor(tmp_path)
    assert run_to_end(tmp_path, "doctor", "-c", "gone.yaml").stdout.startswith("fail configuration file: gone.yaml")


def test_everything_wrong_at_once_is_told_in_time_and_without_secrets(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("s3cret")
    config = settings(
        free_port(),
        model={"name": "gone.tflite", "accelerator": "edgetpu", "edgetpu_library": "libnowhere.so.1"},
        cameras={
            "door": {"source": f"rtsp://ann:s3cret@127.0.0.1:{free_port()}/1"},
            "hall": {"source": "/dev/video99"},
        },
    )
    config["mqtt"] |= {"username": "ann", "password_file": "password"}
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config))
    started_s = time.monotonic()
    done = doctor(tmp_path)
    assert time.monotonic() - started_s < 30
    assert done.returncode == 1
    failed = [line.split(":")[0] for line in done.stdout.splitlines() if line.startswith("fail")]
    assert failed[-6:] == [
        "fail model use", "fail edgetpu library", "fail edgetpu device", "fail camera door frames",
        "fail camera hall present", "fail broker tcp",
    ]  # fmt: skip
    assert "s3cret" not in done.stdout + done.stderr


def test_a_running_daemon_is_recognized_and_not_disturbed(broker: Broker, tmp_path: Path) -> None:
    pictures = write_pictures(tmp_path / "pictures", colour_of(0), colour_of(1))
    with Daemon(tmp_path, broker.port, {"porch": slides(pictures)}) as daemon:
        daemon.wait_for("connected (MQTT")
        done = doctor(tmp_path)
        assert f"ok   state_dir daemon: in use by the running daemon (pid {daemon.process.pid})" in done.stdout
        assert "ok   broker receive" in done.stdout
        assert "events wait for the broker" in done.stdout
        assert not [line for line in done.stdout.splitlines() if line.startswith("fail")], done.stdout
        assert daemon.process.poll() is None
        assert daemon.said().count("connected (MQTT") == 1
        assert f"{ROOT}/doctor" not in daemon.said()
        assert daemon.stop() == 0
