"""The Edge TPU, with a stand-in library and a kernel that shows what a test wants."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from edgeclassify.config.sections import ModelConfig
from edgeclassify.tools.doctor import edgetpu
from edgeclassify.tools.doctor.edgetpu_devices import edgetpu_devices
from tests.edgetpu.stand_in import library, write_twins
from tests.tools.doctor.conftest import FakeKernel, as_nobody


def said(kernel: FakeKernel, base: Path, daemon: int | None = None, **model: Any) -> dict[str, str]:
    config = ModelConfig(**{"name": "colours.tflite", "accelerator": "edgetpu"} | model)
    found = edgetpu.check_edgetpu(config, base, kernel.machine, daemon)
    return {finding.check: finding.line.replace(f" edgetpu {finding.check}:", "") for finding in found}


@pytest.fixture
def works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """A configuration that uses the stand-in, and a model with its twin."""
    write_twins(tmp_path)
    monkeypatch.delenv("STAND_IN_EDGETPU_FILE", raising=False)
    return {"edgetpu_library": str(library())}


MISSING = {"edgetpu_library": "/nowhere/libedgetpu.so.1"}


def test_nothing_is_said_of_what_nobody_wants(kernel: FakeKernel, tmp_path: Path) -> None:
    assert said(kernel, tmp_path, accelerator="cpu") == {"wanted": "skip model.accelerator is cpu"}
    found = said(kernel, tmp_path, accelerator="auto", **MISSING)
    assert list(found) == ["wanted"]
    assert found["wanted"].startswith("skip none is here")


def test_the_library_is_missing(kernel: FakeKernel, tmp_path: Path) -> None:
    kernel.usb("1a6e:089a")
    assert said(kernel, tmp_path, **MISSING)["library"].startswith("fail /nowhere/libedgetpu.so.1 is missing")
    assert said(kernel, tmp_path, accelerator="auto", **MISSING)["library"].startswith("warn")


def test_a_library_that_is_none(kernel: FakeKernel, tmp_path: Path) -> None:
    (tmp_path / "libedgetpu.so").write_text("no library")
    found = said(kernel, tmp_path, edgetpu_library="./libedgetpu.so")
    assert "cannot be loaded" in found["trial"]
    assert "install libedgetpu1-std" in found["trial"]


def test_a_device_that_works(kernel: FakeKernel, tmp_path: Path, works: dict[str, str]) -> None:
    kernel.usb()
    found = said(kernel, tmp_path, **works)
    assert list(found) == ["library", "usb:0", "trial", "usb:0 port"]
    assert all(line.startswith("ok") for line in found.values()), found
    assert "colours_edgetpu.tflite on edgetpu:usb:0" in found["trial"]


def test_a_usb_2_port(kernel: FakeKernel, tmp_path: Path, works: dict[str, str]) -> None:
    kernel.usb(speed=480)
    assert said(kernel, tmp_path, **works)["usb:0 port"].startswith("warn 480 Mb/s: a USB 2 port or cable")


def test_a_model_without_a_twin(kernel: FakeKernel, tmp_path: Path, works: dict[str, str]) -> None:
    (tmp_path / "colours_edgetpu.tflite").unlink()
    kernel.usb()
    found = said(kernel, tmp_path, **works)
    assert found["trial"].startswith("warn a device could be opened, but model colours.tflite has no _edgetpu.tflite")


@pytest.mark.parametrize(("accelerator", "status"), [("edgetpu", "fail none is plugged in"), ("auto", "skip none")])
def test_no_device(
    kernel: FakeKernel, tmp_path: Path, works: dict[str, str], monkeypatch: pytest.MonkeyPatch, accelerator: str,
    status: str,
) -> None:  # fmt: skip
    monkeypatch.setenv("STAND_IN_EDGETPU", "mode=nodevice")
    assert said(kernel, tmp_path, accelerator=accelerator, **works)["device"].startswith(status)


@pytest.mark.parametrize("has_twin", [True, False])
def test_a_wrong_pair_of_library_and_runtime(
    kernel: FakeKernel, tmp_path: Path, works: dict[str, str], monkeypatch: pytest.MonkeyPatch, has_twin: bool
) -> None:
    monkeypatch.setenv("STAND_IN_EDGETPU", "mode=segv")
    if not has_twin:
        (tmp_path / "colours_edgetpu.tflite").unlink()
    kernel.usb()
    found = said(kernel, tmp_path, **works)
    assert found["trial"].startswith("fail ")
    assert "do not fit together (its process was killed by SIGSEGV" in found["trial"]
    assert "ai-edge-litert" in found["trial"]


def test_a_library_that_hangs(
    kernel: FakeKernel, tmp_path: Path, works: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STAND_IN_EDGETPU", "open_ms=60000")
    monkeypatch.setattr(edgetpu, "_OPEN_S", 3.0)
    (tmp_path / "colours_edgetpu.tflite").unlink()
    kernel.usb()
    assert "hung, and was stopped; unplug it" in said(kernel, tmp_path, **works)["trial"]


@pytest.mark.parametrize("shown", [True, False], ids=["shown", "in a container"])
@pytest.mark.parametrize(
    ("options", "how"), [("mode=lost", "the device is lost"), ("delay_ms=1500", "no answer to invoke within 1 s")]
)
def test_a_device_that_opens_and_then_fails_is_not_called_missing(
    kernel: FakeKernel, tmp_path: Path, works: dict[str, str], monkeypatch: pytest.MonkeyPatch, options: str, how: str,
    shown: bool,
) -> None:  # fmt: skip
    monkeypatch.setenv("STAND_IN_EDGETPU", options)
    if shown:
        kernel.usb()
    found = said(kernel, tmp_path, accelerator="auto", **works)
    assert f"edgetpu:usb:0 was opened, and failed at an inference: {how}" in found["trial"]
    assert found["trial"].startswith("fail ")
    assert "; unplug it and plug it in" in found["trial"]
    assert "device" not in found


def test_a_device_that_the_kernel_shows_and_the_library_cannot_open(
    kernel: FakeKernel, tmp_path: Path, works: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STAND_IN_EDGETPU", "mode=nodevice")
    kernel.usb()
    found = said(kernel, tmp_path, **works)
    assert found["trial"].startswith("fail the kernel shows usb:0, and the library cannot open it; run this with sudo")


def test_a_device_that_is_asked_for_and_another_is_here(
    kernel: FakeKernel, tmp_path: Path, works: dict[str, str]
) -> None:
    kernel.usb()
    found = said(kernel, tmp_path, accelerator="edgetpu:pci:1", **works)
    assert found["device"].startswith("fail model.accelerator wants pci:1, here is usb:0; set model.accelerator to")
    assert "trial" not in found


def test_who_keeps_a_device_busy(kernel: FakeKernel, tmp_path: Path, works: dict[str, str]) -> None:
    kernel.process(900, "frigate", opened=kernel.usb())
    found = said(kernel, tmp_path, **works)
    assert found["usb:0 owner"].startswith("fail in use by frigate (pid 900)")
    assert "trial" not in found


def test_the_running_daemon_has_it(kernel: FakeKernel, tmp_path: Path, works: dict[str, str]) -> None:
    kernel.process(77, "edgeclassify")
    kernel.process(78, "python3", parent=77, opened=kernel.usb(speed=480))
    found = said(kernel, tmp_path, 77, **works)
    assert found["usb:0 owner"] == "ok   in use by the running daemon (pid 77)"
    assert "trial" not in found
    assert found["usb:0 port"].startswith("warn 480 Mb/s")


def test_a_daemon_of_another_user_is_not_disturbed(
    open_kernel: FakeKernel, tmp_path: Path, works: dict[str, str]
) -> None:
    open_kernel.usb().chmod(0o666)
    (open_kernel.root / "proc").mkdir()  # no process is shown to this user
    found = said(open_kernel, tmp_path, 77, **works)
    assert found["trial"] == "skip probably in use by the running daemon; run with sudo to be sure"


def test_a_device_that_a_container_does_not_show(kernel: FakeKernel, tmp_path: Path, works: dict[str, str]) -> None:
    kernel.usb().unlink()
    assert "give the container or the service /dev/bus/usb" in said(kernel, tmp_path, **works)["usb:0"]


def test_a_card_without_its_driver(kernel: FakeKernel, tmp_path: Path, works: dict[str, str]) -> None:
    kernel.pci()
    found = said(kernel, tmp_path, **works)
    assert found["pci:0"].startswith("fail the card is there, and no driver made /dev/apex_0; install gasket-dkms")


def test_the_page_size_matters_for_cards_only(kernel: FakeKernel, tmp_path: Path, works: dict[str, str]) -> None:
    kernel.machine = replace(kernel.machine, page_bytes=16384)
    kernel.usb()
    assert not [check for check in said(kernel, tmp_path, **works) if "page size" in check]
    kernel.pci()
    kernel.write("dev/apex_0")
    found = said(kernel, tmp_path, **works)
    assert found["pci:0 page size"].startswith("fail the kernel's pages have 16 kB, the driver needs 4 kB")
    assert "kernel=kernel8.img" in found["pci:0 page size"]


def test_a_device_without_permission(open_kernel: FakeKernel) -> None:
    open_kernel.usb().chmod(0o600)
    open_kernel.pci()
    open_kernel.write("dev/apex_0").chmod(0o600)
    with as_nobody():
        pci, usb = (
            [finding.line for finding in edgetpu._device(device, open_kernel.machine, None)]
            for device in edgetpu_devices(open_kernel.machine)
        )
    assert "plugdev" in usb[-1]
    assert "65-apex.rules" in pci[-1]
    assert all("permission: this user may not use" in found[-1] for found in (pci, usb))
