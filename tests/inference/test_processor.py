"""Where the runtime would crash for want of knowledge of the processor, it is not tried."""

from pathlib import Path

import pytest

from edgeclassify.errors import ModelError
from edgeclassify.inference.processor import check_processor

PI = "processor\t: 0\nFeatures\t: fp asimd crc32\nCPU implementer\t: 0x41\nCPU part\t: 0xd08\n"
PC = "processor\t: 0\nvendor_id\t: GenuineIntel\nflags\t\t: fpu sse2\n"


@pytest.mark.parametrize("told", [None, "", PC])
def test_64_bit_arm_of_which_nothing_is_told_is_an_error(tmp_path: Path, told: str | None) -> None:
    cpuinfo = tmp_path / "cpuinfo"
    if told is not None:
        cpuinfo.write_text(told)
    with pytest.raises(ModelError, match=r"a.tflite: .*cpuinfo tells nothing of an ARM processor, .*; mount /proc"):
        check_processor("a.tflite", "aarch64", cpuinfo)


@pytest.mark.parametrize(("machine", "told"), [("aarch64", PI), ("x86_64", PC), ("x86_64", ""), ("armv7l", "")])
def test_what_the_runtime_can_live_with_is_none(tmp_path: Path, machine: str, told: str) -> None:
    (tmp_path / "cpuinfo").write_text(told)
    check_processor("a.tflite", machine, tmp_path / "cpuinfo")
