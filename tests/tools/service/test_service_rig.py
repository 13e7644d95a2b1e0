"""The service as a user has it: installed, supervised, reloaded, upgraded and removed, on a booted systemd."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.pi import UNIT, Pi, build_rig, project_of, wheel_of
from tests.running import AT_ONCE, colour_of, slides, write_model, write_pictures
from tests.waiting import wait_until

pytestmark = [pytest.mark.rig, pytest.mark.timeout(900)]  # the root file systems are built once

OLD, NEW, BROKEN = "0.0.8", "0.0.9", "0.0.10"
CONFIG: dict[str, Any] = {
    "node": "hut",
    "state_dir": "/var/lib/edgeclassify",
    "model": {"name": "/shared/colours.tflite"},
    "cameras": {"door": slides(Path("/shared/pictures"), 0.4)},
    "events": AT_ONCE,
}
NO_CAMERA = "this machine has no camera"
NAME_SERVER = """
import socket

server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("198.51.100.53", 53))
while True:
    query, client = server.recvfrom(512)
    end = query.index(0, 12) + 1  # of the name
    question, has_answer = query[12 : end + 4], query[end : end + 2] == bytes((0, 1))  # an IPv4 address is asked for
    answer = bytes.fromhex("c00c 0001 0001 0000003c 0004") + socket.inet_aton("192.168.9.9") if has_answer else b""
    head = query[:2] + bytes.fromhex("8180 0001") + bytes((0, has_answer)) + bytes(4)
    server.sendto(head + question + answer, client)
"""


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the machines see: the old project, wheels of newer ones, model and pictures."""
    folder = tmp_path_factory.mktemp("shared")
    folder.chmod(0o755)
    write_model(folder)
    write_pictures(folder / "pictures", colour_of(0), colour_of(1))
    projects = folder / "projects"
    project_of(OLD, projects)
    wheel_of(project_of(NEW, projects), folder)
    wheel_of(project_of(BROKEN, projects, '\nraise RuntimeError("broken on purpose")\n'), folder)
    return folder


@pytest.fixture(scope="module", params=["bookworm", "trixie"])
def machine(request: pytest.FixtureRequest, shared: Path) -> Iterator[Pi]:
    """A machine on which the old version was installed from its folder, and a broker runs."""
    build_rig(request.param)
    with Pi(request.param, shared) as pi:
        pi.start_broker("listener 1883", "allow_anonymous true")
        pi.record()
        pi.said_at_installation = pi.run(f"/shared/projects/{OLD}/scripts/install")  # type: ignore[attr-defined]
        yield pi


@pytest.fixture
def pi(machine: Pi) -> Pi:
    """The same with a camera, as a user has set it up."""
    machine.configure(CONFIG)
    machine.drop_in()
    return machine


def wheel(version: str) -> str:
    return f"/shared/edgeclassify-{version}-py3-none-any.whl"


def version_in_use(pi: Pi) -> str:
    return pi.run("edgeclassify", "--version").split()[1]


def events_wait(pi: Pi) -> bool:
    """Whether the service says that the broker is away, and that events wait for it."""
    return re.search(r"NOT connected.*, [1-9]\d* waiting", pi.unit("StatusText")) is not None


def assert_nothing_lost(pi: Pi) -> None:
    """All events of an epoch arrived, in order; repeats are allowed."""
    first_times: dict[str, list[int]] = {}
    for event in pi.events():
        ids = first_times.setdefault(event["epoch"], [])
        if int(event["id"]) not in ids:
            ids.append(int(event["id"]))
    for ids in first_times.values():
        assert ids == list(range(1, len(ids) + 1))


def test_after_the_installation_it_is_enabled_runs_and_is_hardened(machine: Pi) -> None:
    assert (machine.unit("ActiveState"), machine.unit("UnitFileState")) == ("active", "enabled")
    assert NO_CAMERA in machine.unit("StatusText")
    told = machine.said_at_installation  # type: ignore[attr-defined]
    assert "the starter model is used" in told  # without a network, the better one cannot be pulled
    assert "name: starter" in machine.run("cat", "/etc/edgeclassify/config.yaml")
    assert machine.run("stat", "-c%U:%G %a", "/etc/edgeclassify/config.yaml") == "root:edgeclassify 640\n"
    exposure = re.search(r"exposure level for \S+: ([0-9.]+)", machine.run("systemd-analyze", "security", UNIT))
    assert exposure is not None
    assert float(exposure[1]) <= 1.5
    assert "active (running), enabled at boot" in machine.run("edgeclassify", "service", "status")


def test_an_ordinary_command_finds_the_services_configuration_and_state(machine: Pi) -> None:
    assert machine.run("edgeclassify", "check").rstrip().endswith("ok")
    assert "nothing is set over MQTT" in machine.run("edgeclassify", "overrides")
    assert "in use by the running daemon" in machine.run("edgeclassify", "doctor", code=None)


def test_its_events_arrive_at_the_broker(pi: Pi) -> None:
    wait_until(lambda: {"red", "green"} <= {event["label"] for event in pi.events()}, 30)
    assert pi.arrived("/hut/status")[-1] == "online"
    assert "broker connected" in pi.unit("StatusText")


def test_a_reload_applies_what_is_right_and_refuses_what_is_wrong(pi: Pi) -> None:
    since, process = pi.cursor(), pi.unit("MainPID")
    pi.configure(CONFIG | {"events": AT_ONCE | {"thresholds": {"*": 0.99}}})
    pi.run("systemctl", "reload", UNIT)
    pi.wait_for_words("threshold", since)
    since = pi.cursor()
    pi.configure(CONFIG | {"event": {}})
    pi.run("systemctl", "reload", UNIT, code=None)
    pi.wait_for_words("did you mean 'events'", since)
    assert pi.unit("MainPID") == process
    wait_until(lambda: "did you mean" in pi.unit("StatusText"))


@pytest.mark.parametrize("number", ["SIGSTOP", "SIGKILL"])
def test_a_daemon_that_stands_still_or_dies_runs_again(pi: Pi, number: str) -> None:
    pi.drop_in("WatchdogSec=4")
    wait_until(pi.events, 30)
    restarts, since = int(pi.unit("NRestarts")), pi.cursor()
    pi.run("systemctl", "kill", f"--signal={number}", "--kill-who=main", UNIT)
    pi.wait_for_restart(restarts)
    assert ("Watchdog timeout" in pi.said(since)) == (number == "SIGSTOP")
    known = len(pi.events())
    wait_until(lambda: len(pi.events()) > known, 30)
    assert_nothing_lost(pi)


@pytest.mark.parametrize("loop", ["classify", "interpreter"])
def test_a_deadlock_ends_in_a_restart_and_the_journal_shows_where(pi: Pi, loop: str) -> None:
    since = pi.cursor()
    pi.drop_in("WatchdogSec=4", f"Environment=EDGECLASSIFY_TEST_HANG={loop}:3")
    pi.wait_for_restart(0)
    pi.wait_for_words("Watchdog timeout", since)
    assert 'heartbeats.py", line ' in pi.said(since)


def test_a_process_that_the_kernel_kills_for_want_of_memory_runs_again(pi: Pi) -> None:
    wait_until(pi.events, 30)
    restarts, since = int(pi.unit("NRestarts")), pi.cursor()
    pi.starve()
    pi.wait_for_restart(restarts)
    assert "code=killed, status=9/KILL" in pi.said(since)
    known = len(pi.events())
    wait_until(lambda: len(pi.events()) > known, 30)
    assert_nothing_lost(pi)


def test_the_units_own_limit_of_memory_counts_where_the_kernel_keeps_to_it(pi: Pi) -> None:
    if "memory" not in pi.run("cat", "/sys/fs/cgroup/cgroup.controllers").split():
        pytest.skip("cannot run here: this kernel's memory controller is not in cgroup v2")
    since = pi.cursor()
    pi.drop_in("MemoryMax=70M", "MemorySwapMax=0")
    pi.wait_for_words("oom-kill", since)
    pi.drop_in()
    assert pi.unit("ActiveState") == "active"


def test_the_same_installation_may_be_repeated(pi: Pi) -> None:
    version, before = version_in_use(pi), pi.run("cat", "/etc/edgeclassify/config.yaml")
    recorded = pi.shell("cd /opt/edgeclassify/current/lib; cat python3*/site-packages/edgeclassify-*/direct_url.json")
    assert json.loads(recorded)["url"].startswith("file:///opt/edgeclassify/versions/")
    pi.run("edgeclassify", "service", "install")
    assert version_in_use(pi) == version
    assert pi.unit("ActiveState") == "active"
    assert pi.run("cat", "/etc/edgeclassify/config.yaml") == before
    (kept,) = pi.shell("stat -c '%U %a %n' /opt/edgeclassify/current/source/*").splitlines()
    assert re.fullmatch(rf"root 644 \S+/edgeclassify-{re.escape(version)}-py3-none-any\.whl", kept)
    assert len(pi.run("ls", "/opt/edgeclassify/versions").split()) == 1


def test_an_upgrade_keeps_configuration_and_waiting_events(pi: Pi) -> None:
    before = pi.run("cat", "/etc/edgeclassify/config.yaml")
    pi.run("systemctl", "stop", "mosquitto")
    wait_until(lambda: events_wait(pi), 30)
    pi.run("edgeclassify", "service", "install", "--from", wheel(NEW))
    assert version_in_use(pi) == NEW
    assert pi.unit("ActiveState") == "active"
    assert pi.run("cat", "/etc/edgeclassify/config.yaml") == before
    assert len(pi.run("ls", "/opt/edgeclassify/versions").split()) == 1
    known = len(pi.events())
    pi.run("systemctl", "start", "mosquitto")
    wait_until(lambda: len(pi.events()) > known + 3, 30)
    assert_nothing_lost(pi)


@pytest.mark.parametrize("source", [wheel(BROKEN), "/shared/no-such.whl"])
def test_an_upgrade_that_fails_leaves_the_old_version_running(pi: Pi, source: str) -> None:
    version, files = version_in_use(pi), pi.shell("ls /opt/edgeclassify/versions; cat /etc/systemd/system/" + UNIT)
    said = pi.run("edgeclassify", "service", "install", "--from", source, code=69)
    assert "Traceback" not in said.partition("edgeclassify: service:")[0]
    if source == wheel(BROKEN):
        assert "the new version does not start, and the version before it runs again" in said
        assert "broken on purpose" in said
    assert version_in_use(pi) == version
    assert pi.unit("ActiveState") == "active"
    assert pi.shell("ls /opt/edgeclassify/versions; cat /etc/systemd/system/" + UNIT) == files
    known = len(pi.events())
    wait_until(lambda: len(pi.events()) > known, 30)


def test_a_password_is_kept_from_others_and_used(pi: Pi) -> None:
    pi.shell("mosquitto_passwd -b -c /etc/mosquitto/passwords hut geheim; chown mosquitto: /etc/mosquitto/passwords")
    pi.run("systemctl", "stop", "recorder")
    pi.start_broker("listener 1883", "allow_anonymous false", "password_file /etc/mosquitto/passwords")
    pi.configure(CONFIG | {"mqtt": {"username": "hut"}})
    pi.run("systemctl", "restart", UNIT)
    wait_until(lambda: "refused" in pi.unit("StatusText") or "NOT connected" in pi.unit("StatusText"), 30)
    assert "is empty" in pi.run("edgeclassify", "service", "set-password", typed="\n", code=2)
    assert "restarted" in pi.run("edgeclassify", "service", "set-password", typed="geheim\n")
    assert pi.run("stat", "-c%U %a", "/etc/edgeclassify/secrets/mqtt-password") == "root 600\n"
    wait_until(lambda: "broker connected" in pi.unit("StatusText"), 30)
    pi.start_broker("listener 1883", "allow_anonymous true")
    pi.run("rm", "/etc/edgeclassify/secrets/mqtt-password")
    pi.record()


def test_setup_sets_up_the_service_and_lets_it_use_that_at_once(pi: Pi) -> None:
    pi.shell("mosquitto_passwd -b -c /etc/mosquitto/passwords hut geheim; chown mosquitto: /etc/mosquitto/passwords")
    pi.run("systemctl", "stop", "recorder")
    pi.start_broker("listener 1883", "allow_anonymous false", "password_file /etc/mosquitto/passwords")
    login = ("--username", "hut", "--password-stdin")
    given = ("--camera", "door", "--source", "/shared/pictures", "--host", "127.0.0.1", *login, "--force", "--reload")
    said = pi.run("edgeclassify", "setup", *given, typed="geheim\n")
    assert "/etc/edgeclassify/config.yaml is changed at the end: the configuration of the service" in said
    assert "done: systemctl restart edgeclassify" in said
    wait_until(lambda: "broker connected" in pi.unit("StatusText"), 30)
    assert pi.run("stat", "-c%U:%G %a", "/etc/edgeclassify/config.yaml") == "root:edgeclassify 640\n"
    assert pi.run("stat", "-c%U %a", "/etc/edgeclassify/secrets/mqtt-password") == "root 600\n"
    assert "says all of that already" in pi.run("edgeclassify", "setup", "--offline")
    pi.start_broker("listener 1883", "allow_anonymous true")
    pi.run("rm", "/etc/edgeclassify/secrets/mqtt-password")
    pi.record()


def test_fragments_are_read_by_the_service_and_nobody_else(pi: Pi) -> None:
    assert pi.run("stat", "-c%U:%G %a", "/etc/edgeclassify/config.d") == "root:edgeclassify 2750\n"
    since = pi.cursor()
    pi.write("/etc/edgeclassify/config.d/10-site.yaml", "events: {margin: 0.2}\n")
    pi.run("systemctl", "reload", UNIT)
    pi.wait_for_words("events: margin as written", since)
    pi.run("rm", "/etc/edgeclassify/config.d/10-site.yaml")


def test_the_network_is_the_local_one_unless_a_drop_in_says_otherwise(pi: Pi) -> None:
    pi.shell("ip link set lo up; ip address add 198.51.100.7/32 dev lo; ip address add 192.168.9.9/32 dev lo")
    pi.configure(CONFIG | {"mqtt": {"host": "192.168.9.9"}})
    pi.run("systemctl", "restart", UNIT)
    wait_until(lambda: "broker connected" in pi.unit("StatusText"), 30)
    pi.configure(CONFIG | {"mqtt": {"host": "198.51.100.7"}})
    pi.run("systemctl", "restart", UNIT)
    told = json.loads(pi.run("edgeclassify", "doctor", "--json", code=None))["findings"]
    (advice,) = [finding["advice"] for finding in told if finding["check"] == "firewall"]
    assert "broker NOT connected" in pi.unit("StatusText")
    pi.shell(advice.removeprefix("run: ").replace("sudo ", ""))
    wait_until(lambda: "broker connected" in pi.unit("StatusText"), 30)
    pi.run("rm", f"/etc/systemd/system/{UNIT}.d/internet-broker.conf")


def test_a_name_server_on_the_internet_is_told_and_asked_once_a_drop_in_says_so(pi: Pi) -> None:
    pi.shell("ip link set lo up; ip address replace 198.51.100.53/32 dev lo; ip address replace 192.168.9.9/32 dev lo")
    pi.write("/root/name_server.py", NAME_SERVER)
    pi.run("systemd-run", "--quiet", "--unit=name-server", "python3", "/root/name_server.py")
    pi.shell("rm -f /etc/resolv.conf; echo nameserver 198.51.100.53 > /etc/resolv.conf")
    wait_until(lambda: "192.168.9.9" in pi.run("getent", "ahosts", "broker.example", code=None), 20)
    pi.configure(CONFIG | {"mqtt": {"host": "broker.example"}})
    pi.run("systemctl", "restart", UNIT)
    told = json.loads(pi.run("edgeclassify", "doctor", "--json", code=None))["findings"]
    (advice,) = [finding["advice"] for finding in told if finding["check"] == "name server"]
    assert "broker NOT connected" in pi.unit("StatusText")
    pi.shell(advice.partition("run: ")[2].replace("sudo ", ""))
    wait_until(lambda: "broker connected" in pi.unit("StatusText"), 30)
    pi.shell(f"rm /etc/systemd/system/{UNIT}.d/internet-broker.conf /etc/resolv.conf")


def test_what_was_installed_goes_and_what_the_user_wrote_goes_when_he_says_so(pi: Pi) -> None:
    removed = (
        "/opt/edgeclassify",
        "/var/lib/edgeclassify",
        "/usr/local/bin/edgeclassify",
        "/etc/sysusers.d/edgeclassify.conf",
        "/etc/udev/rules.d/65-edgeclassify-coral.rules",
        f"/etc/systemd/system/{UNIT}",
    )
    before = pi.run("cat", "/etc/edgeclassify/config.yaml")
    pi.run("systemctl", "stop", "mosquitto")
    wait_until(lambda: events_wait(pi), 30)
    said = pi.run("edgeclassify", "service", "uninstall")
    assert re.search(r"^[1-9]\d* events that still wait for the broker are deleted$", said, re.MULTILINE)
    assert "kept: /etc/edgeclassify" in said
    pi.run("systemctl", "start", "mosquitto")
    assert not any(map(pi.exists, removed))
    assert pi.unit("LoadState") == "not-found"
    assert "edgeclassify" not in pi.run("cat", "/etc/passwd", "/etc/group")
    assert pi.run("cat", "/etc/edgeclassify/config.yaml") == before

    pi.shell(f"python3 -m venv --system-site-packages /root/own; /root/own/bin/pip install -q {wheel(NEW)}")
    assert "say what to install" in pi.run("/root/own/bin/edgeclassify", "service", "install", code=2)
    pi.run("/root/own/bin/edgeclassify", "service", "install", "--from", wheel(NEW))
    assert pi.run("cat", "/etc/edgeclassify/config.yaml") == before
    assert pi.unit("ActiveState") == "active"
    for _ in range(2):  # what is removed may be removed again
        pi.run("/root/own/bin/edgeclassify", "service", "uninstall", "--purge")
        assert not any(map(pi.exists, (*removed, "/etc/edgeclassify", f"/etc/systemd/system/{UNIT}.d")))
