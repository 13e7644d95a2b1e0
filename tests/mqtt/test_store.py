"""Random lives of an outbox's database: order, ids and presences hold, whatever happens in between."""

import json
import re
import tempfile
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from edgeclassify.mqtt import acceptance, database
from edgeclassify.mqtt.clock import Instant, this_instant
from edgeclassify.mqtt.store import Row, Store
from edgeclassify.mqtt.topics import Topics
from tests.mqtt import records

TOPICS = Topics("edgeclassify", "hut")


@pytest.fixture
def store(tmp_path: Path):
    with Store(database.open_file(tmp_path / "outbox.db")) as opened:
        yield opened


def add(store: Store, accepted: Instant | None = None) -> Row:
    with store.transaction():
        return store.add("a/b/event", lambda epoch, event_id: f"{epoch} {event_id}", accepted or this_instant())


def test_a_new_database_has_a_new_epoch_and_starts_at_1(tmp_path: Path):
    epochs = set()
    for number in range(20):
        with Store(database.open_file(tmp_path / f"{number}.db")) as store:
            assert re.fullmatch("[0-9a-z]{4}", store.epoch)
            epochs.add(store.epoch)
            assert add(store).body == f"{store.epoch} 0000000001"
    assert len(epochs) == 20


def test_ids_go_on_where_they_were(tmp_path: Path):
    with Store(database.open_file(tmp_path / "outbox.db")) as store:
        first = add(store)
        with store.transaction():
            store.delete([first.seq])
    with Store(database.open_file(tmp_path / "outbox.db")) as store:
        second = add(store)
    assert (second.epoch, second.id) == (first.epoch, first.id + 1)


def test_what_was_committed_is_there_without_closing(tmp_path: Path, store: Store):
    row = add(store)
    with Store(database.open_file(tmp_path / "outbox.db")) as other:
        assert other.rows_after(0, 10) == [row]


def test_a_transaction_that_fails_changes_nothing(tmp_path: Path, store: Store):
    with pytest.raises(ZeroDivisionError), store.transaction():
        store.add("t", lambda *_: str(1 // 0), this_instant())
    assert add(store).id == 1


def test_age_is_counted_by_the_boot_clock_and_across_boots_by_the_time_of_day(store: Store):
    now = this_instant()
    old = add(store, Instant(now.boot_id, now.boot_s - 100, now.wall_s + 1e6))  # the clock was wrong then
    young = add(store, Instant(now.boot_id, now.boot_s - 10, now.wall_s - 1e6))
    other_boot_old = add(store, Instant("other", now.boot_s, now.wall_s - 100))
    other_boot_young = add(store, Instant("other", now.boot_s - 1000, now.wall_s - 10))
    with store.transaction():
        assert store.delete_expired(0, 50, now) == 2
    assert store.rows_after(0, 10) == [young, other_boot_young]
    assert [row.accepted.is_late(now) for row in (old, young, other_boot_old, other_boot_young)] == [
        True, False, True, True,
    ]  # fmt: skip


def test_an_event_of_an_earlier_boot_whose_clock_was_never_set_is_not_old(store: Store):
    now = this_instant()
    in_1970 = add(store, Instant("other", now.boot_s, 1000.0))
    with store.transaction():
        assert store.delete_expired(0, 604_800, now) == 0
    assert store.rows_after(0, 10) == [in_1970]
    assert in_1970.accepted.age_s(now) == 0
    assert in_1970.accepted.is_late(now)


def test_dead_letters_are_kept_and_bounded(store: Store):
    with store.transaction():
        rows = [store.add("a/b/event", "{} {}".format, this_instant()) for _ in range(1010)]
        assert all(store.bury(row.seq, "refused", this_instant()) for row in rows)
        assert not store.bury(rows[0].seq, "refused", this_instant())
    assert (store.waiting, store.rows_after(0, 10)) == (0, [])
    dead = store.contents().dead
    assert [letter[0] for letter in dead] == [row.seq for row in rows[-1000:]]
    assert dead[0][3:6] == ("a/b/event", rows[10].body, "refused")


labels = st.tuples(st.sampled_from(["cat", "dog", "crane"]), st.sampled_from([None, 1, 2]))


class OutboxLife(RuleBasedStateMachine):
    """Accept, acknowledge, close and open again, in any order."""

    def __init__(self):
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name) / "outbox.db"
        self.store = Store(database.open_file(self.path))
        self.epoch = self.store.epoch
        self.accepted: list[Row] = []
        self.waiting: list[Row] = []
        self.open: set[tuple[str, int | None]] = set()

    def teardown(self):
        self.store.close()
        self.folder.cleanup()

    @rule(label=labels, event_type=st.sampled_from(["appeared", "gone"]))
    def accept(self, label, event_type):
        event = records.event(event_type, label[0], index=label[1])
        with self.store.transaction():
            row = acceptance.accept(self.store, TOPICS, event)
        assert (row is not None) == ((event_type == "appeared") != (label in self.open))
        if row is not None:
            self.open ^= {label}
            self.accepted.append(row)
            self.waiting.append(row)

    @rule(count=st.integers(1, 5))
    def acknowledge(self, count):
        with self.store.transaction():
            self.store.delete([row.seq for row in self.waiting[:count]])
        del self.waiting[:count]

    @rule()
    def open_again(self):
        self.store.close()
        self.store = Store(database.open_file(self.path))

    @rule()
    def restart_after_a_crash(self):
        self.open_again()
        with self.store.transaction():
            rows = acceptance.close_open_presences(self.store, TOPICS, "restarted", 1e9)
        assert len(rows) == len(self.open)
        self.open.clear()
        self.accepted += rows
        self.waiting += rows

    @invariant()
    def order_ids_and_presences_hold(self):
        assert self.store.rows_after(0, -1) == self.waiting
        assert self.store.waiting == len(self.waiting)
        assert [row.id for row in self.accepted] == list(range(1, len(self.accepted) + 1))
        assert {row.epoch for row in self.accepted} <= {self.epoch}
        assert {(p.label, p.index) for p in self.store.presences()} == self.open

    @invariant()
    def every_gone_names_its_own_appeared(self):
        bodies = [json.loads(row.body) for row in self.accepted]
        appeared = [b["id"] for b in bodies if b["event_type"] == "appeared"]
        ended = [b["appeared_id"] for b in bodies if b["event_type"] == "gone"]
        assert set(ended) <= set(appeared)
        assert len(set(ended)) == len(ended) == len(appeared) - len(self.open)


TestOutboxLife = OutboxLife.TestCase
TestOutboxLife.settings = settings(max_examples=15, stateful_step_count=20, deadline=None)
