from itertools import count

from edgeclassify.mqtt.clock import this_instant
from edgeclassify.mqtt.store import Row
from edgeclassify.mqtt.window import Window

packets = count(1)


def row(seq: int) -> Row:
    return Row(seq, "k3f9", seq, "a/b/event", "{}", this_instant())


def offer(window: Window, *seqs: int) -> None:
    for seq in seqs:
        window.offer(row(seq), None)


def send(window: Window) -> dict[int, int]:
    """Send all that may be; packet ids by the number of the event."""
    sent = {}
    while item := window.next():
        sent[item[0].seq] = next(packets)
        window.sent(sent[item[0].seq], item[0])
    return sent


def connect(window: Window, *seqs: int, receive_maximum: int = 65_535) -> dict[int, int]:
    window.begin(receive_maximum)
    offer(window, *seqs)
    return send(window)


def test_twenty_are_under_way_and_fewer_if_the_broker_says_so():
    assert list(connect(Window(), *range(50))) == list(range(20))
    assert list(connect(Window(), *range(50), receive_maximum=10)) == list(range(9))
    assert list(connect(Window(), *range(50), receive_maximum=1)) == [0]


def test_an_acknowledgement_makes_room():
    window = Window()
    sent = connect(window, *range(30))
    assert window.acknowledged(sent[0]).seq == 0
    assert window.acknowledged(sent[0]) is None
    assert list(send(window)) == [20]


def test_a_snapshot_counts_only_if_nothing_is_before_its_event():
    window = Window()
    window.begin(3)
    window.offer(row(1), b"one")
    window.offer(row(2), b"two")
    assert [item[1] for item in (window.next(), window.next()) if item] == [b"one", None]


def test_an_event_is_the_reason_only_after_three_times_alone():
    window = Window()
    connect(window, 1, 2, 3)
    assert window.hung_up() is None  # in company
    for _ in range(2):
        assert list(connect(window, 1, 2, 3)) == [1]
        assert window.hung_up() is None
    connect(window, 1, 2, 3)
    culprit = window.hung_up()
    assert culprit is not None
    assert culprit.seq == 1


def test_an_event_that_gets_through_is_above_suspicion():
    window = Window()
    connect(window, 1, 2, 3)
    window.hung_up()
    for _ in range(2):
        connect(window, 1, 2, 3)
        window.hung_up()
    sent = connect(window, 1, 2, 3)
    window.acknowledged(sent[1])
    assert list(send(window)) == [2, 3]
    window.hung_up()
    assert list(connect(window, 2, 3)) == [2]


def test_a_suspect_that_is_no_longer_there_is_forgotten():
    window = Window()
    connect(window, 1, 2)
    window.hung_up()
    assert list(connect(window, 5, 6)) == [5, 6]


def test_a_connection_lost_with_nothing_under_way_blames_nobody():
    window = Window()
    window.begin(65_535)
    assert window.hung_up() is None
