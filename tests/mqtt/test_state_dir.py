import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from edgeclassify.errors import UnavailableError
from edgeclassify.mqtt.state_dir import Identity, lock_state_dir


def test_the_folder_is_made_for_us_alone(tmp_path: Path):
    with lock_state_dir(tmp_path / "a" / "state"):
        assert (tmp_path / "a" / "state").stat().st_mode & 0o777 == 0o700


def test_another_process_is_told_who_has_it(tmp_path: Path):
    code = (
        "import sys; from pathlib import Path; from edgeclassify.mqtt.state_dir import lock_state_dir\n"
        "with lock_state_dir(Path(sys.argv[1])): print('locked', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "locked\n"
        with pytest.raises(UnavailableError, match=rf"another edgeclassify uses it \(pid {other.pid}\); stop that one"):
            lock_state_dir(tmp_path).__enter__()
        other.kill()  # the lock dies with its process, the file stays
        other.wait()
    with lock_state_dir(tmp_path):
        assert (tmp_path / "lock").read_text().strip() == str(os.getpid())


def test_a_folder_that_cannot_be_made_is_an_os_error(tmp_path: Path):
    (tmp_path / "file").touch()
    with pytest.raises(NotADirectoryError):
        lock_state_dir(tmp_path / "file" / "state").__enter__()


def test_the_client_id_stays_until_it_is_renewed(tmp_path: Path):
    first = Identity(tmp_path, "hut").client_id
    assert re.fullmatch(r"edgeclassify-hut-[0-9a-f]{8}", first)
    again = Identity(tmp_path, "hut")
    assert again.client_id == first
    again.renew()
    assert Identity(tmp_path, "hut").client_id == again.client_id != first


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"x" * 8, b"0123abcd/#", b"A" * 10_000])
def test_a_client_id_that_is_none_is_replaced(tmp_path: Path, content: bytes):
    (tmp_path / "client_id").write_bytes(content)
    made = Identity(tmp_path, "hut").client_id
    assert re.fullmatch(r"edgeclassify-hut-[0-9a-f]{8}", made)
    assert Identity(tmp_path, "hut").client_id == made


def test_without_a_folder_the_client_id_is_random(tmp_path: Path):
    assert Identity(None, "hut").client_id != Identity(None, "hut").client_id
    assert Identity(tmp_path / "missing", "hut").client_id.startswith("edgeclassify-hut-")
