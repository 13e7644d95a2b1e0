"""A process that accepts events until it is killed; prints how many were committed. Ends at SIGTERM."""

import signal
import sys
import time
from itertools import count
from pathlib import Path

from edgeclassify.config.sections import MqttConfig
from edgeclassify.mqtt.publisher import Publisher
from edgeclassify.threads import StopReasons
from tests.mqtt.records import appeared, gone
from tests.waiting import wait_until


def main() -> None:
    port, state_dir = int(sys.argv[1]), Path(sys.argv[2])
    ending = []
    signal.signal(signal.SIGTERM, lambda *_: ending.append(True))
    with Publisher(MqttConfig(host="127.0.0.1", port=port), "hut", state_dir, state_dir, StopReasons()) as publisher:
        publisher.close_open_presences("restarted", time.time())
        for number in count():
            publisher.accept(gone() if number % 2 else appeared())
            wait_until(lambda: publisher.counters.accepted_total > number)  # noqa: B023 (called at once)
            print(publisher.counters.accepted_total, flush=True)
            if ending and number % 2:
                assert publisher.flush(20)
                return


if __name__ == "__main__":
    main()
