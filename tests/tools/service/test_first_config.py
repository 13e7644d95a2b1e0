"""The configuration that a new installation begins with."""

import os
from pathlib import Path

import pytest

from edgeclassify.config.reader import load_config
from edgeclassify.resources import GOOD_MODEL, local_models
from edgeclassify.tools.service.first_config import write_first_config
from edgeclassify.tools.service.places import Places


def release_that(folder: Path, *, pulls: bool) -> Path:
    """What stands for an installed version: its `models pull` works, or does not."""
    program = folder / "release/bin/edgeclassify"
    program.parent.mkdir(parents=True)
    program.write_text(
        f"#!/bin/sh\n[ \"$*\" = 'models pull {GOOD_MODEL}' ] || exit 2\necho no network >&2; exit {int(not pulls)}\n"
    )
    program.chmod(0o755)
    return program.parents[1]


@pytest.mark.parametrize(
    ("pulls", "mirror", "model"),
    [(True, "", GOOD_MODEL), (False, "", "starter"), (True, None, "starter"), (True, "http://u:pw@here/", GOOD_MODEL)],
)
def test_it_names_the_good_model_if_that_came_and_is_right_in_any_case(
    tmp_path: Path, pulls: bool, mirror: str | None, model: str
) -> None:
    places, said = Places(tmp_path), list[str]()
    write_first_config(places, release_that(tmp_path, pulls=pulls), os.getgid(), said.append, mirror)
    assert not any("pw" in line for line in said)
    config = load_config(places.config).config
    assert (config.model.name, config.state_dir) == (model, str(places.state))
    assert (config.events.groups == "home") == (model == GOOD_MODEL)
    assert any("the starter model is used" in line for line in said) == (model == "starter")
    assert places.config.stat().st_mode & 0o777 == 0o640
    assert "starter" in local_models()


@pytest.mark.parametrize("mirror", ["", "/a/folder"])
def test_what_the_user_wrote_is_never_touched(tmp_path: Path, mirror: str) -> None:
    places, said = Places(tmp_path), list[str]()
    places.config.parent.mkdir(parents=True)
    places.config.write_text("node: mine\n")
    write_first_config(places, release_that(tmp_path, pulls=True), os.getgid(), said.append, mirror)
    assert places.config.read_text() == "node: mine\n"
    assert said[0].startswith(f"{places.config} is kept as it is")
    assert ("models pull" in said[0]) == bool(mirror)


def test_a_mirror_without_the_edge_tpus_twin_will_do(tmp_path: Path) -> None:
    places, said, release = Places(tmp_path), list[str](), release_that(tmp_path, pulls=False)
    (release / "bin/edgeclassify").write_text(
        '#!/bin/sh\necho "$EDGECLASSIFY_MIRROR" >&2; case "$*" in *" --no-edgetpu") exit 0;; esac; exit 69\n'
    )
    write_first_config(places, release, os.getgid(), said.append, "/a/folder")
    assert load_config(places.config).config.model.name == GOOD_MODEL
    assert said[:2] == [f"getting the model {GOOD_MODEL} from /a/folder", "/a/folder"]


def test_a_folder_for_fragments_is_made_that_only_root_and_the_service_read(tmp_path: Path) -> None:
    places = Places(tmp_path)
    write_first_config(places, release_that(tmp_path, pulls=False), os.getgid(), print, None)
    assert places.fragments.stat().st_mode & 0o7777 == 0o2750
    (places.fragments / "10-site.yaml").write_text("mqtt: {host: nas}\n")
    assert load_config(places.config).config.mqtt.host == "nas"


def test_fragments_that_are_there_are_kept(tmp_path: Path) -> None:
    places = Places(tmp_path)
    places.fragments.mkdir(parents=True)
    fragment = places.fragments / "10-site.yaml"
    fragment.write_text("node: mine\n")
    (places.fragments / "20-gone.yaml").symlink_to("nowhere")
    write_first_config(places, release_that(tmp_path, pulls=False), os.getgid(), print, None)
    assert fragment.read_text() == "node: mine\n"
