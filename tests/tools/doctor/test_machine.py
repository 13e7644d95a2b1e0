"""Who has a device, on this machine's real kernel."""

import os
import subprocess
import sys
from pathlib import Path

from edgeclassify.tools.doctor.machine import Machine, output_of
from tests.tools.doctor.conftest import FakeKernel

HOLDER = "import sys; held = open(sys.argv[1]); print('held', flush=True); sys.stdin.read()"


def test_a_process_that_has_a_device_open_is_named(tmp_path: Path) -> None:
    device = tmp_path / "video0"
    device.touch()
    link = tmp_path / "by-id"
    link.symlink_to(device)
    machine = Machine(Path("/"))
    assert machine.holders(device) == []
    command = [sys.executable, "-c", HOLDER, str(device)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        (holder,) = machine.holders(link)
        assert holder.pid == process.pid
        assert holder.name in str(holder)
        assert process.pid in machine.family(os.getpid())
        assert machine.may_look_into(process.pid)
        process.stdin.close()
    assert machine.holders(device) == []


def test_the_family_of_a_process_with_an_odd_name(kernel: FakeKernel) -> None:
    kernel.process(10, "a) S 99 (b")
    kernel.process(11, "child", parent=10)
    kernel.process(12, "grandchild", parent=11)
    kernel.process(13, "stranger")
    assert kernel.machine.family(10) == {10, 11, 12}


def test_commands_that_are_missing_fail_or_print_nothing_say_nothing() -> None:
    assert output_of("no-such-command-here") == ""
    assert output_of("false") == ""
    assert output_of("echo", "yes") == "yes"
