from edgeclassify.mqtt import database
from edgeclassify.mqtt.clock import this_instant
from edgeclassify.mqtt.shelter import _before
from edgeclassify.mqtt.store import Contents, Row, Store


def row(seq: int, epoch: str, event_id: int) -> Row:
    return Row(seq, epoch, event_id, "a/b/event", "{}", this_instant())


def test_what_was_on_disk_comes_before_what_was_in_memory_and_nothing_twice():
    on_disk = Contents([row(7, "old", 1), row(8, "old", 2), row(9, "old", 3)], next_seq=10)
    in_memory = Contents([row(8, "old", 2), row(10, "new", 1)], next_seq=11, is_complete=False)
    merged = _before(on_disk, in_memory)
    assert sorted((r.seq, r.epoch, r.id) for r in merged.rows) == [
        (5, "old", 1), (7, "old", 3), (8, "old", 2), (10, "new", 1),
    ]  # fmt: skip
    with Store(database.open_memory()) as store:
        store.replace_contents(merged)
        assert (store.waiting, store.next_seq) == (4, 11)
