"""What several folders of tests need."""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Generator, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.broker import Broker, Inbox

if TYPE_CHECKING:
    from tests.edgetpu.stand_in import StandIn

_SHARED = Path(__file__).resolve().parents[2] / "shared"
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # What was started in the background of a script ignores Ctrl-C, and so would all that the tests start.
    signal.signal(signal.SIGINT, signal.default_int_handler)

with suppress(ImportError):  # the rigs do without
    from hypothesis import settings

    # No test is timed: a machine under load is slow.
    settings.register_profile("untimed", deadline=None)
    settings.load_profile("untimed")

_ACCEPTED_SKIP = "Skipped: cannot run here:"


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder with models and pictures for tests, which lies beside the project and is not part of it."""
    if not (_SHARED / "models").is_dir():
        pytest.skip("needs ../shared (models and pictures for tests) beside the project")
    return _SHARED


@pytest.fixture(autouse=True)
def no_log_handler_is_left() -> Iterator[None]:
    """A command that sets up logging must not write into the captured, then closed stderr of this test later."""
    yield
    root = logging.getLogger()
    for handler in [handler for handler in root.handlers if type(handler) is logging.StreamHandler]:
        root.removeHandler(handler)


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    """A private mosquitto."""
    with Broker(tmp_path / "broker") as running:
        yield running


@pytest.fixture
def inbox(broker: Broker) -> Iterator[Inbox]:
    """Everything that arrives there."""
    with Inbox(broker) as recording:
        yield recording


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StandIn:
    """An Edge TPU that works; the kernel shows none until told. `library()` is what runs it."""
    from tests.edgetpu.stand_in import StandIn, library  # late: not every test needs what builds models

    library()
    folder = tmp_path / "edgetpu"
    folder.mkdir()
    device = StandIn(folder)
    for key, value in device.variables.items():
        monkeypatch.setenv(key, value)
    return device


def _fail_if_skipped(report: pytest.TestReport | pytest.CollectReport) -> None:
    """Where CI is set, a test that is skipped although the machine could be made to run it is a failure."""
    if not os.environ.get("CI") or not report.skipped or hasattr(report, "wasxfail"):
        return
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    if not reason.startswith(_ACCEPTED_SKIP):
        report.outcome = "failed"
        report.longrepr = f"{reason}\nIn CI only a reason that begins with 'cannot run here:' is accepted."


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    _fail_if_skipped(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    _fail_if_skipped(report)
    return report
