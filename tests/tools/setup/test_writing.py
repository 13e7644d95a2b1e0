"""Written whole or not at all, readable for its owner only, and what was there is kept."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from edgeclassify.errors import UnavailableError, UsageError
from edgeclassify.tools.service.places import Places
from edgeclassify.tools.setup.target import Target
from edgeclassify.tools.setup.writing import PASSWORD_FILE, write_all
from tests.disks import fill, small_disk


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_new_files_are_their_owners_alone(tmp_path: Path) -> None:
    target = Target(tmp_path / "config.yaml")
    written = write_all(target, "node: a\n", "s3cret")
    secret = tmp_path / PASSWORD_FILE
    assert (target.path.read_text(), secret.read_text()) == ("node: a\n", "s3cret\n")
    assert (mode(target.path), mode(secret)) == (0o600, 0o600)
    assert (written.paths, written.backups) == ((target.path, secret), ())


def test_what_was_there_is_kept_with_its_mode_each_time(tmp_path: Path) -> None:
    target = Target(tmp_path / "config.yaml")
    target.path.write_text("node: first\n")
    target.path.chmod(0o640)
    (first,) = write_all(target, "node: second\n", None).backups
    (second,) = write_all(target, "node: third\n", None).backups
    assert (first.read_text(), second.read_text()) == ("node: first\n", "node: second\n")
    assert (mode(first), mode(second), mode(target.path)) == (0o640, 0o640, 0o640)
    assert first.name.startswith("config.yaml.bak-")


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "config.yaml").symlink_to("real/site.yaml")
    write_all(Target(tmp_path / "config.yaml"), "node: a\n", "s3cret")
    assert (tmp_path / "config.yaml").is_symlink()
    assert (tmp_path / "real/site.yaml").read_text() == "node: a\n"
    assert (tmp_path / "real" / PASSWORD_FILE).is_file(), "paths in the file start where it really lies"


@pytest.mark.skipif(os.geteuid() != 0, reason="cannot run here: only root can give files away")
def test_the_owner_of_a_file_stays_its_owner(tmp_path: Path) -> None:
    target = Target(tmp_path / "config.yaml")
    target.path.write_text("")
    os.chown(target.path, 1234, 1235)
    (backup,) = write_all(target, "node: a\n", "s3cret").backups
    for path in (target.path, backup, tmp_path / PASSWORD_FILE):
        assert (path.stat().st_uid, path.stat().st_gid) == (1234, 1235)


def test_the_services_password_goes_where_only_root_reads(tmp_path: Path) -> None:
    places = Places(tmp_path)
    places.settings.mkdir(parents=True)
    write_all(Target(places.config, places), "node: a\n", "s3cret")
    assert (places.password.read_text(), mode(places.password)) == ("s3cret\n", 0o600)
    assert (mode(places.password.parent), mode(places.config)) == (0o700, 0o640)
    assert sorted(path.name for path in places.settings.iterdir()) == ["config.yaml", "secrets"]


def test_the_same_password_again_is_no_change(tmp_path: Path) -> None:
    target = Target(tmp_path / "config.yaml")
    write_all(target, None, "s3cret")
    assert write_all(target, None, "s3cret").backups == ()
    (backup,) = write_all(target, None, "other").backups
    assert (backup.read_text(), mode(backup)) == ("s3cret\n", 0o600)


@pytest.mark.parametrize("password", ["", "two\nlines", "\udcff"])
def test_what_cannot_be_a_password_changes_nothing(tmp_path: Path, password: str) -> None:
    with pytest.raises(UsageError):
        write_all(Target(tmp_path / "config.yaml"), "node: a\n", password)
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 1 MB."""
    with small_disk(tmp_path / "disk", 1) as folder:
        yield folder


def test_a_full_disk_changes_nothing(disk: Path) -> None:
    target = Target(disk / "config.yaml")
    target.path.write_text("node: before\n")
    (disk / PASSWORD_FILE).write_text("before\n")
    fill(disk)
    with pytest.raises(UnavailableError, match=r"No space left on device.*nothing is changed"):
        write_all(target, "node: after\n", "after")
    assert sorted(path.name for path in disk.iterdir()) == ["ballast", "config.yaml", PASSWORD_FILE]
    assert target.path.read_text() == "node: before\n"
    assert (disk / PASSWORD_FILE).read_text() == "before\n"


def test_when_only_one_of_both_fits_neither_is_changed(disk: Path) -> None:
    target = Target(disk / "config.yaml")
    (disk / "ballast").write_bytes(bytes((1 << 20) - 3 * 4096))
    with pytest.raises(UnavailableError, match="No space left on device"):
        write_all(target, "# long\n" * 20_000, "s3cret")
    assert [path.name for path in disk.iterdir()] == ["ballast"]
