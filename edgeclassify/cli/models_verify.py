"""`edgeclassify models verify`."""

from __future__ import annotations

import json

import click


@click.command("verify", short_help="Check what was pulled or learned.", epilog="Example: edgeclassify models verify")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def verify(*, as_json: bool) -> int:
    """Check the pulled models, and those that were learned, against their checksums; ends with 1 when one is wrong.

    A damaged model often still loads, and answers wrongly: only its checksum tells.
    """
    from edgeclassify.catalogue.storage import pulled_folder
    from edgeclassify.catalogue.verify import verify as checked
    from edgeclassify.cli.models_learned import learned_checks
    from edgeclassify.errors import InputError

    folder = pulled_folder()
    checks = [*checked(folder), *learned_checks()]
    wrong = sum(check.ok is False for check in checks)
    if as_json:
        files = [{"file": str(check.file), "ok": check.ok, "said": check.said} for check in checks]
        click.echo(json.dumps({"folder": str(folder), "ok": not wrong, "files": files}, indent=2))
    else:
        marks = {True: "ok", False: "wrong", None: "-"}
        for check in checks:
            click.echo(f"{marks[check.ok]:6} {click.format_filename(check.file.name)}: {check.said}")
        outcome = f"{wrong} wrong" if wrong else "nothing wrong" if checks else "nothing was pulled"
        click.echo(f"{click.format_filename(folder)}: {outcome}")
    return InputError.exit_code if wrong else 0
