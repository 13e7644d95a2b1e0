"""What a configuration and a model come to."""

import logging
from pathlib import Path

import pytest

from edgeclassify import resources
from edgeclassify.assembly import vocabularies_of
from edgeclassify.config.reader import load_config


def test_what_groups_come_to_is_said_once_not_for_every_camera(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    config = tmp_path / "config.yaml"
    config.write_text("cameras: {a: {}, b: {}, c: {events: {groups: {pet: [cat, dog]}}}}\nevents: {groups: home}\n")
    labels = tuple((resources.models() / "starter.txt").read_text().splitlines())
    with caplog.at_level(logging.INFO):
        vocabularies = vocabularies_of(load_config(config), labels)
    assert [record.getMessage().startswith("groups home:") for record in caplog.records] == [True]
    assert [answer.label for answer in vocabularies["a"].answers] == list(labels)
    assert vocabularies["c"].answers[-1].label == "pet"
