import os
import signal

import pytest

from edgeclassify.tools.interruption import interruption
from tests.waiting import wait_until


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_is_noted_and_raises_nothing(number: int) -> None:
    before = signal.getsignal(number)
    with interruption() as interrupted:
        assert not interrupted()
        os.kill(os.getpid(), number)
        wait_until(interrupted)
        os.kill(os.getpid(), number)
        wait_until(lambda: interrupted() == 2)
    assert signal.getsignal(number) is before
