"""Getting models for the service: the better one for a first configuration, and the one that a kept one names."""

from __future__ import annotations

from pathlib import Path

from edgeclassify.errors import UnavailableError
from edgeclassify.redact import hide_password
from edgeclassify.tools.service.places import Places
from edgeclassify.tools.service.running import Say, run

_PULL_S = 600


def pull(model: str, places: Places, release: Path, mirror: str, say: Say) -> bool:
    """Get a model of the catalogue; return whether it came, and say why not.

    Args:
        model: its name.
        places: of the service.
        release: the version that pulls.
        mirror: an address or a folder that has it; empty: where it was published.
        say: is told what is done.
    """
    say(f"getting the model {model}" + (f" from {hide_password(mirror)}" if mirror else ""))
    command = (release / "bin/edgeclassify", "models", "pull", model)
    variables = _variables(places) | ({"EDGECLASSIFY_MIRROR": mirror} if mirror else {})
    # A mirror may do without the twin for the Edge TPU; what came of the first attempt is not brought again.
    for more in ((), ("--no-edgetpu",)) if mirror else ((),):
        try:
            run(*command, *more, timeout_s=_PULL_S, variables=variables)
        except UnavailableError as error:
            say(str(error).splitlines()[-1].strip().removeprefix("edgeclassify: "))
        else:
            return True
    return False


def pull_what_is_named(places: Places, release: Path, mirror: str | None, say: Say) -> None:
    """Get the model that the configuration names, if it is the catalogue's and gone, as after an uninstallation.

    Args:
        places: of the service.
        release: the version that pulls.
        mirror: as for `pull`; None: it is not pulled.
        say: is told what is done.
    """
    code = ("-m", "edgeclassify.tools.service.missing_model", places.config)
    model = run(release / "bin/python", *code, variables=_variables(places)).strip()
    if model and (mirror is None or not pull(model, places, release, mirror, say)):
        say(
            f"{places.config} names {model}, which is not here: get it with --mirror or a connection to the internet, "
            "or write there: name: starter"
        )


def _variables(places: Places) -> dict[str, str]:
    return {"EDGECLASSIFY_MODELS": str(places.models)}
