"""Certificates of an authority of our own, made by the `openssl` command."""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

_DAY = "%Y%m%d%H%M%SZ"


@dataclass(frozen=True)
class Signed:
    certificate: Path
    key: Path


class Authority:
    def __init__(self, folder: Path, name: str = "test authority"):
        if shutil.which("openssl") is None:
            pytest.skip("needs the openssl command; run: apt install openssl")
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._key = folder / "ca.key"
        self.certificate = folder / "ca.pem"
        _openssl(
            "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
            "-subj", f"/CN={name}", "-keyout", self._key, "-out", self.certificate,
        )  # fmt: skip

    def sign(self, name: str, *, names: str = "IP:127.0.0.1,DNS:localhost", start: str = "", end: str = "") -> Signed:
        """A certificate for `names`; `start` and `end` like 20200101000000Z."""
        key, request, certificate = (self._folder / f"{name}.{kind}" for kind in ("key", "csr", "pem"))
        _openssl(
            "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
            "-subj", f"/CN={name}", "-keyout", key, "-out", request,
        )  # fmt: skip
        database = self._folder / f"{name}.index"
        database.touch()
        config = self._folder / f"{name}.cnf"
        config.write_text(
            f"[ca]\ndefault_ca = own\n[own]\ndatabase = {database}\nnew_certs_dir = {self._folder}\nrand_serial = yes\n"
            f"default_md = sha256\npolicy = any\nx509_extensions = own_names\nunique_subject = no\n"
            f"[any]\ncommonName = supplied\n[own_names]\nsubjectAltName = {names}\n"
        )
        _openssl(
            "ca", "-batch", "-config", config, "-in", request, "-out", certificate, "-notext",
            "-cert", self.certificate, "-keyfile", self._key,
            "-startdate", start or "20200101000000Z", "-enddate", end or "20991231000000Z",
        )  # fmt: skip
        return Signed(certificate, key)


def _openssl(*arguments: object) -> None:
    done = subprocess.run(["openssl", *map(str, arguments)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
