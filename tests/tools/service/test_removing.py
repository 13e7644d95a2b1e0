"""What an uninstallation says of events that it deletes, and what it leaves of a folder that is a link."""

from pathlib import Path

from edgeclassify.mqtt.clock import this_instant
from edgeclassify.mqtt.database import open_file
from edgeclassify.mqtt.store import Store
from edgeclassify.tools.service.places import Places
from edgeclassify.tools.service.removing import events_that_wait, remove_folder


def test_events_that_wait_are_counted(tmp_path: Path) -> None:
    places = Places(tmp_path)
    assert events_that_wait(places) == 0
    places.state.mkdir(parents=True)
    with Store(open_file(places.state / "outbox.db")) as store, store.transaction():
        for _ in range(3):
            store.add("a/b/event", lambda epoch, event_id: f"{epoch} {event_id}", this_instant())
    assert events_that_wait(places) == 3


def test_a_database_that_cannot_be_read_does_not_keep_it_from_being_removed(tmp_path: Path) -> None:
    places = Places(tmp_path)
    places.state.mkdir(parents=True)
    (places.state / "outbox.db").write_bytes(b"no database at all" * 300)
    assert events_that_wait(places) == 0


def test_what_a_link_leads_to_is_kept(tmp_path: Path) -> None:
    (tmp_path / "ssd").mkdir()
    (tmp_path / "ssd/file").touch()
    (tmp_path / "state").symlink_to(tmp_path / "ssd")
    said = list[str]()
    remove_folder(tmp_path / "state", said.append)
    assert (tmp_path / "ssd/file").exists()
    assert not (tmp_path / "state").is_symlink()
    assert said == [f"{tmp_path}/state was a link to {tmp_path}/ssd, which is kept; remove that yourself"]


def test_a_folder_goes_and_may_be_gone_before(tmp_path: Path) -> None:
    (tmp_path / "state/below").mkdir(parents=True)
    for _ in range(2):
        remove_folder(tmp_path / "state", [].append)
        assert not (tmp_path / "state").exists()
