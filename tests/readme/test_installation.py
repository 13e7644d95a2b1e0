"""The command lines of README.md that need root, in order, in a booted systemd; see ../rigs/systemd."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.pi import Pi, build_rig
from tests.readme import pictures
from tests.readme.document import Command, commands, read
from tests.readme.lasting import expected_of
from tests.readme.standing_in import as_run_here
from tests.readme.world import clone_of_this

pytestmark = [pytest.mark.rig, pytest.mark.timeout(600)]

README = read(Path(__file__).parents[2] / "README.md")
TYPED = "a password\n"
ANSWERS = "--yes --force --offline --source /shared/seen --host localhost"

# Root's machine in the rig has no sudo, and nobody sits before its editor: this one does what a user does there.
SUDO = '#!/bin/sh\nexec "$@"\n'
EDITOR = """#!/bin/sh
for file; do :; done
sed -i 's|^\\( *source:\\).*|\\1 /shared/seen|' "$file"
"""


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pi]:
    """A machine with a clone of the project, pictures for a camera, and a broker."""
    build_rig("trixie")
    folder = tmp_path_factory.mktemp("shared")
    folder.chmod(0o755)
    clone_of_this(folder)
    pictures.show("cat", folder / "seen", 5)
    with Pi("trixie", folder) as pi:
        pi.start_broker("listener 1883", "allow_anonymous true")
        pi.run("cp", "-r", "/shared/edgeclassify", "/root/edgeclassify")
        for name, text in (("sudo", SUDO), ("nano", EDITOR), ("editor", EDITOR)):
            pi.write(f"/usr/local/bin/{name}", text)
            pi.run("chmod", "755", f"/usr/local/bin/{name}")
        yield pi


@pytest.mark.parametrize("command", [one for one in commands(README) if one.needs == {"root"}], ids=str)
def test_a_line_that_needs_root_works(command: Command, machine: Pi) -> None:
    text, expected = as_run_here(command.text, ANSWERS), expected_of(command.text)
    if expected is not None:
        text = f"timeout --preserve-status --signal INT 10 {text}"
    said = machine.shell(f"cd /root/edgeclassify; {text}", TYPED)
    assert "Traceback" not in said
    assert re.search(expected or "", said)
