"""`service install`: a new version is made beside the old one, tried, and switched to; else the old one runs on."""

from __future__ import annotations

import contextlib
import fcntl
import grp
import os
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from edgeclassify.errors import UnavailableError
from edgeclassify.tools.service.files import Contents, contents, restore, write
from edgeclassify.tools.service.first_config import write_first_config
from edgeclassify.tools.service.places import NAME, Places, require_root, require_systemd
from edgeclassify.tools.service.pulling import pull_what_is_named
from edgeclassify.tools.service.releases import Releases, own_source
from edgeclassify.tools.service.running import Say, journal, run, systemctl

_TRIAL_S = 300
_FOR_ALL, _EXECUTABLE = 0o644, 0o755


def install(say: Say, source: str = "", mirror: str | None = "") -> None:
    """Install the service or bring it up to date; at the end it is enabled and runs.

    Args:
        say: is told what is done.
        source: what pip can install: a wheel, this project's folder, `edgeclassify==1.2.3`; default: what this is.
        mirror: where to get the better model, an address or a folder; empty: where it was published; None: nowhere.

    Raises:
        UsageError: there is no default, because this is not what `install` made.
        UnavailableError: something is missing or failed; what ran before runs on.
    """
    places = Places()
    require_root("edgeclassify service install")
    require_systemd(places)
    os.umask(0o022)
    releases = Releases(places.programs)
    with locked(places):
        with releases.building(source or own_source(), say) as release:
            _try_runtime(release)
            places.models.mkdir(mode=0o755, parents=True, exist_ok=True)
            if places.config.exists():
                pull_what_is_named(places, release, mirror, say)
                _try_config(release, places)
            group_id = _make_user(release)
            write_first_config(places, release, group_id, say, mirror)
            _check_that_service_may_read(places.config)
            _switch(places, releases, release, say)
        # It runs, and is no longer removed, whatever happens now.
        say(f"{NAME} is installed and runs; camera and broker: sudo {NAME} setup; how it fares: {NAME} service status")
        _apply_udev_rules()
        releases.prune()


@contextlib.contextmanager
def locked(places: Places) -> Iterator[None]:
    """Let nobody else install or remove meanwhile; what goes wrong with files is told.

    Raises:
        UnavailableError: somebody does, or something goes wrong.
    """
    try:
        with places.lock.open("a") as lock:
            # Programs that are run inherit it: they may outlive us, when we are killed, and still write.
            os.set_inheritable(lock.fileno(), True)  # noqa: FBT003 - has no name there
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise UnavailableError("service: another installation is under way; wait for its end") from None
            yield
    except UnavailableError:
        raise
    except OSError as error:
        raise UnavailableError(f"service: {error.filename}: {error.strerror}; mend that and try again") from error


def _try_runtime(release: Path) -> None:
    """Run the new version on the model and the configuration that come with it.

    Raises:
        UnavailableError: that does not work.
    """
    comes_along = release / "share/edgeclassify"
    options = ("-m", "starter", "-c", comes_along / "config.yaml")
    program = release / "bin/edgeclassify"
    run(program, "classify", comes_along / "models/golden.png", *options, timeout_s=_TRIAL_S)


def _try_config(release: Path, places: Places) -> None:
    """Let the new version check the configuration that is there.

    Raises:
        UnavailableError: it is wrong.
    """
    variables = {"EDGECLASSIFY_MODELS": str(places.models)}
    run(release / "bin/edgeclassify", "check", "-c", places.config, timeout_s=_TRIAL_S, variables=variables)


def _check_that_service_may_read(config: Path) -> None:
    """Try it as the service's user.

    Raises:
        UnavailableError: it may not.
    """
    try:
        run("runuser", "-u", NAME, "--", "test", "-r", config)
    except UnavailableError:
        raise UnavailableError(
            f"service: {config}: may not be read by the service; run: "
            f"sudo chmod 755 {config.parent} && sudo chown root:{NAME} {config} && sudo chmod 640 {config}"
        ) from None


def _make_user(release: Path) -> int:
    """Make the user and the groups that are missing; return the id of the service's group."""
    run("systemd-sysusers", release / "share/edgeclassify/systemd/edgeclassify.sysusers.conf")
    return grp.getgrnam(NAME).gr_gid


def _switch(places: Places, releases: Releases, release: Path, say: Say) -> None:
    """Let the new version run in place of the old one.

    Raises:
        UnavailableError: it does not start; the old one, if there was one, runs again.
    """
    files = own_files(places)
    if places.command not in files.values():
        say(f"{places.command} is another program, and is kept; ours is {places.programs}/current/bin/{NAME}")
    old, old_files = releases.current, contents(*files.values())
    with _undone_unless_started(releases, old, old_files):
        _lay_down(places, files, release)
        releases.switch(release)
        systemctl("daemon-reload")
        systemctl("--quiet", "enable", f"{NAME}.service")
        systemctl("restart", f"{NAME}.service")


def _apply_udev_rules() -> None:
    with contextlib.suppress(UnavailableError):  # no udev in a container, say
        run("udevadm", "control", "--reload")
        run("udevadm", "trigger", "--subsystem-match=usb", "--subsystem-match=apex")


@contextlib.contextmanager
def _undone_unless_started(releases: Releases, old: Path | None, old_files: Contents) -> Iterator[None]:
    began_s = time.time()
    try:
        yield
    except BaseException as error:
        failed_s = time.time()
        # First of all: nothing that fails after it can keep the old version from running.
        what = _undo(releases, old, old_files)
        if not isinstance(error, UnavailableError):
            raise
        said = "".join(f"\n  {line}" for line in _last_words(began_s, failed_s))
        raise UnavailableError(
            f"service: the new version does not start, and {what}; mend what its log says:{said}"
        ) from error


def _undo(releases: Releases, old: Path | None, old_files: Contents) -> str:
    """Let the old version run again; return what holds now."""
    if old is None:
        with contextlib.suppress(UnavailableError):
            systemctl("--quiet", "disable", "--now", f"{NAME}.service")
    releases.switch(old)
    restore(old_files)
    systemctl("daemon-reload")
    if old is None:
        return "nothing is installed but what is in /etc/edgeclassify"
    try:
        systemctl("restart", f"{NAME}.service")
    except UnavailableError:
        return "the version before it does not start any more either"
    return "the version before it runs again"


def _last_words(since_s: float, until_s: float) -> list[str]:
    try:
        # Not --lines: with --until, systemd 252 counts them from the end of the journal, and shows none.
        return journal(f"--since=@{since_s:.6f}", f"--until=@{until_s:.6f}")[-5:]
    except UnavailableError as error:
        return [str(error)]


def _lay_down(places: Places, files: Mapping[str, Path], release: Path) -> None:
    for name, target in files.items():
        content = (release / "share/edgeclassify/systemd" / name).read_bytes()
        write(target, content, _EXECUTABLE if target == places.command else _FOR_ALL)


def own_files(places: Places) -> Mapping[str, Path]:
    """Return the system files that may be written, put back and removed: not the command, when that is not ours."""
    return {n: path for n, path in places.system_files.items() if path != places.command or _is_ours(path)}


def _is_ours(command: Path) -> bool:
    """Whether the program at /usr/local/bin is the one that `install` writes, or none is there."""
    if not os.path.lexists(command):
        return True
    return command.is_file() and not command.is_symlink() and b"/opt/edgeclassify/current/" in command.read_bytes()
