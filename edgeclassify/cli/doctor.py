"""`edgeclassify doctor`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from edgeclassify.cli.options import config_option

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edgeclassify.tools.doctor.findings import Finding

_FAILED = 1
_COLOURS = {"ok": "green", "warn": "yellow", "fail": "red", "skip": None}


@click.command(epilog="Example: edgeclassify doctor -c /etc/edgeclassify/config.yaml")
@config_option
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def command(config_path: Path | None, *, as_json: bool) -> int:
    """Check every part of this installation; each line says ok, or how to mend it. Exit code 1: something is wrong."""
    import logging

    from edgeclassify.tools.doctor.examination import examine
    from edgeclassify.tools.doctor.machine import Machine

    # What the parts log is for a daemon's log; here the findings say it.
    logging.getLogger("edgeclassify").addHandler(logging.NullHandler())
    findings = []
    for finding in examine(config_path, Machine(), _show_progress):
        _show_progress("")
        findings.append(finding)
        if not as_json:
            click.secho(finding.line[:4], fg=_COLOURS[finding.status], nl=False)
            click.echo(finding.line[4:])
    _show_progress("")
    if as_json:
        _print_json(findings)
    else:
        click.echo(_summary(findings))
    return _FAILED if any(finding.status == "fail" for finding in findings) else 0


def _show_progress(part: str) -> None:
    """Say on a terminal what is being checked, until the next line is printed."""
    if sys.stderr.isatty():
        print(f"\r\033[K... {part}" if part else "\r\033[K", end="", file=sys.stderr, flush=True)


def _print_json(findings: Sequence[Finding]) -> None:
    import json
    from dataclasses import asdict

    from edgeclassify import __version__

    report = {
        "version": __version__,
        "ok": not any(finding.status == "fail" for finding in findings),
        "findings": [asdict(finding) for finding in findings],
    }
    click.echo(json.dumps(report, indent=2, ensure_ascii=False))


def _summary(findings: Sequence[Finding]) -> str:
    failures, warnings = (sum(finding.status == status for finding in findings) for status in ("fail", "warn"))
    if not failures:
        return f"all is well{f', {warnings} warning(s)' if warnings else ''}"
    return f"{failures} thing(s) to mend{f', {warnings} warning(s)' if warnings else ''}"
