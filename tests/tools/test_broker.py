"""The demo's private broker, and programs that end with the one that started them."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from edgeclassify.errors import UnavailableError
from edgeclassify.tools.broker import background, free_port, private_broker
from tests.broker import Broker
from tests.running import environment
from tests.waiting import wait_until


@pytest.fixture(autouse=True)
def _needs_mosquitto(tmp_path: Path) -> None:
    Broker(tmp_path / "unused")


def is_running(pid: int) -> bool:
    try:
        status = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return status != "Z"


def test_it_listens_on_loopback_while_the_block_runs(tmp_path: Path) -> None:
    with private_broker(tmp_path) as port:
        local = f"0100007F:{port:04X}"
        listening = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
        assert [local] == [line[1] for line in listening if line[1].endswith(f":{port:04X}") and line[3] == "0A"]
    with Broker(tmp_path / "other", port=port):
        pass  # the port is free again


def test_one_that_does_not_start_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edgeclassify.tools.broker.free_port", lambda: 70_000)
    with pytest.raises(UnavailableError, match="the demo's broker does not start: "), private_broker(tmp_path):
        pass


def test_a_program_ends_with_the_block_even_if_it_does_not_want_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edgeclassify.tools.broker._STOP_S", -2.5)
    stubborn = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('on', flush=True); signal.pause()"
    log = tmp_path / "log"
    with background([sys.executable, "-c", stubborn], log) as program:
        wait_until(lambda: log.exists() and "on" in log.read_text())
    assert program.returncode == -signal.SIGKILL


def test_a_program_dies_with_the_one_that_started_it(tmp_path: Path) -> None:
    if shutil.which("setpriv") is None:
        pytest.skip("needs setpriv; run: apt install util-linux")
    script = (
        "import pathlib, signal, sys\nfrom edgeclassify.tools.broker import background\n"
        "with background(['sleep', '100'], pathlib.Path('log')) as program:\n"
        "    print(program.pid, flush=True)\n    signal.pause()\n"
    )
    starter = subprocess.Popen(
        [sys.executable, "-c", script], cwd=tmp_path, env=environment(tmp_path), stdout=subprocess.PIPE, text=True
    )
    with starter:
        assert starter.stdout is not None
        pid = int(starter.stdout.readline())
        # Until setpriv has become the program, the death of its parent would pass unnoticed.
        wait_until(lambda: b"sleep" in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[0])
        starter.kill()
        starter.wait()
        wait_until(lambda: not is_running(pid))


def test_a_free_port_is_free() -> None:
    assert 1024 <= free_port() < 65536
