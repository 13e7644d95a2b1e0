"""The configuration, as the doctor tells of it."""

from __future__ import annotations

from pathlib import Path

from edgeclassify.tools.doctor.examination import examine
from edgeclassify.tools.doctor.machine import Machine


def said(path: Path) -> list[str]:
    """What is said of the configuration alone."""
    findings = []
    for finding in examine(path, Machine(), lambda _: None):
        if finding.part != "configuration":
            break
        findings.append(finding.line.replace(f"{path.parent}/", ""))
    return findings


def test_fragments_and_what_is_taken_for_one_are_named(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("node: hut\n")
    (tmp_path / "config.d").mkdir()
    (tmp_path / "config.d/10-site.yaml").write_text("mqtt: {keepalive_seconds: 20}\n")
    (tmp_path / "config.d/20-more.yml").touch()
    assert said(tmp_path / "config.yaml") == [
        "ok   configuration file: config.yaml + config.d/10-site.yaml, node hut",
        "warn configuration file: config.d/20-more.yml: is not read; only names that end in .yaml count",
    ]


def test_a_mistake_in_a_fragment_is_a_failure_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").touch()
    (tmp_path / "config.d").mkdir()
    (tmp_path / "config.d/10-site.yaml").write_text("mqtt:\n  hots: nas\n")
    (found,) = said(tmp_path / "config.yaml")
    assert found.startswith("fail configuration file: config.d/10-site.yaml:2: mqtt.hots: unknown key")
