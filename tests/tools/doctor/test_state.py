"""state_dir: who has it, whether it can be written, what waits."""

import os
import subprocess
from pathlib import Path

import pytest

from edgeclassify.mqtt.database import open_file
from edgeclassify.mqtt.state_dir import lock_state_dir
from edgeclassify.tools.doctor.machine import Machine
from edgeclassify.tools.doctor.state import check_state, running_daemon
from tests.tools.doctor.conftest import FakeKernel, as_nobody

HERE = Machine(Path("/"))


def said(folder: Path, machine: Machine = HERE) -> dict[str, str]:
    found = check_state(folder, running_daemon(folder, machine))
    return {finding.check: finding.line.replace(f" state_dir {finding.check}:", "") for finding in found}


def test_a_folder_that_the_daemon_will_make_is_not_made_by_looking(tmp_path: Path) -> None:
    found = said(tmp_path / "a/b")
    assert found["folder"] == f"ok   {tmp_path}/a/b can be made"
    assert found["outbox"].startswith("skip")
    assert list(tmp_path.iterdir()) == []


def test_the_owner_of_the_lock_is_named_and_not_disturbed(tmp_path: Path) -> None:
    with lock_state_dir(tmp_path):
        assert running_daemon(tmp_path, HERE) == os.getpid()
        assert said(tmp_path)["daemon"] == f"ok   in use by the running daemon (pid {os.getpid()})"
    assert running_daemon(tmp_path, HERE) is None
    with lock_state_dir(tmp_path):  # looking has not kept it
        pass


def test_a_sound_outbox(tmp_path: Path) -> None:
    open_file(tmp_path / "outbox.db").close()
    assert said(tmp_path)["outbox"] == "ok   0 events wait for the broker"


def test_a_damaged_outbox_and_those_set_aside(tmp_path: Path) -> None:
    (tmp_path / "outbox.db").write_bytes(b"no database at all" * 300)
    (tmp_path / "outbox.corrupt-20260101T000000Z.db").touch()
    found = said(tmp_path)
    assert found["outbox"].startswith("fail")
    assert "restart the daemon" in found["outbox"]
    assert found["outbox set aside"].startswith("warn 1 damaged databases")
    assert (tmp_path / "outbox.db").read_bytes().startswith(b"no database")


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    found = said(tmp_path / "file")
    assert found["folder"].startswith(f"fail {tmp_path}/file: Not a directory")


@pytest.mark.parametrize(
    ("options", "text", "advice"),
    [("size=64k", "No space left on device", "remove what"), ("ro", "Read-only file system", "an SD card that fails")],
)
def test_a_disk_that_is_full_or_read_only(tmp_path: Path, options: str, text: str, advice: str) -> None:
    folder = tmp_path / "disk"
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder], check=False).returncode:
        pytest.skip("cannot run here: only root can mount")
    try:
        if options != "ro":
            with pytest.raises(OSError, match="No space"):
                (folder / "filler").write_bytes(bytes(65_537))
        found = said(folder / "state")
    finally:
        subprocess.run(["umount", folder], check=True)
    assert found["folder"].startswith(f"fail {folder}/state: {text}; {advice}")


def test_a_folder_of_another_user(open_kernel: FakeKernel) -> None:
    folder = open_kernel.root / "state"
    folder.mkdir(parents=True)
    with as_nobody():
        found = said(folder)
    assert found["folder"].startswith(f"fail {folder}: Permission denied; it is root's: run: sudo -u root edgecl")


def test_a_service_of_another_user_is_recognized_by_its_command(open_kernel: FakeKernel) -> None:
    folder = open_kernel.root / "state"
    with lock_state_dir(folder):
        folder.chmod(0o700)
        open_kernel.process(77, "edgeclassify")
        open_kernel.write("proc/77/cmdline", "/opt/edgeclassify/bin/python\0/opt/edgeclassify/bin/edgeclassify\0run")
        with as_nobody():
            found = said(folder, open_kernel.machine)
    assert found["daemon"] == "ok   in use by the running daemon (pid 77)"
    assert found["folder"].startswith(f"skip {folder}: only for the daemon's own user; it is root's: run: sudo -u root")


def test_a_lock_that_is_no_file_does_not_hang(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "lock")
    assert running_daemon(tmp_path, HERE) is None
