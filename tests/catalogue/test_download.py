"""Pulling one file from servers that are not good."""

import dataclasses
import shutil
import ssl
import subprocess
import threading
import time
from pathlib import Path

import pytest

from edgeclassify.catalogue.pull import Puller
from edgeclassify.catalogue.web import MissingError, WebError
from edgeclassify.errors import ModelError, UnavailableError
from tests.catalogue.conftest import Heard, model_bytes, parts, sha256, visible
from tests.catalogue.server import Page, Server

MODEL = model_bytes()
SMALL = model_bytes(30_000)


def pull(puller: Puller, server: Server, content: bytes = MODEL, path: str = "/birds.tflite") -> Path:
    return puller.pull_address(server.address(path), sha256(content), None).path


def test_a_good_server_is_asked_once(server: Server, puller: Puller, folder: Path, heard: Heard) -> None:
    server.pages["/birds.tflite"] = Page(MODEL)
    assert pull(puller, server).read_bytes() == MODEL
    assert len(server.requests) == 1
    assert visible(folder) == ["birds.json", "birds.tflite"]
    assert parts(folder) == []
    assert heard.positions[-1] == ("birds.tflite", len(MODEL), len(MODEL))
    assert heard.notes == []


def test_a_connection_that_drops_three_times_is_gone_on_with(server: Server, puller: Puller, heard: Heard) -> None:
    server.pages["/birds.tflite"] = Page(MODEL, drops=[1_000_000, 1_500_000, 700_000])
    assert pull(puller, server).read_bytes() == MODEL
    assert [request.start for request in server.requests] == [0, 1_000_000, 2_500_000, 3_200_000]
    assert [request.if_range for request in server.requests] == ["", '"1"', '"1"', '"1"']
    assert len(heard.notes) == 3


def test_a_file_that_changes_between_two_tries_is_brought_anew(server: Server, puller: Puller) -> None:
    page = Page(model_bytes(seed=2), drops=[1_000_000])
    server.pages["/birds.tflite"] = page

    class Changing(Heard):
        def note(self, text: str) -> None:
            page.content, page.etag = MODEL, '"2"'

    puller = dataclasses.replace(puller, report=Changing())
    assert pull(puller, server).read_bytes() == MODEL
    assert server.requests[1].if_range == '"1"'
    assert len(server.requests) == 2


def test_a_server_that_knows_no_ranges_sends_all_again(server: Server, puller: Puller) -> None:
    server.pages["/birds.tflite"] = Page(MODEL, drops=[3_000_000], ranges=False)
    assert pull(puller, server).read_bytes() == MODEL


def test_one_that_always_drops_at_the_same_place_is_given_up(server: Server, puller: Puller, folder: Path) -> None:
    server.pages["/birds.tflite"] = Page(MODEL, drops=[1_000_000] * 100, ranges=False)
    with pytest.raises(WebError, match=r"ended at 1,000,000 of 4,000,000 bytes; 1.0 MB are kept"):
        pull(puller, server)
    assert len(server.requests) <= 5
    assert visible(folder) == []


def test_a_later_pull_goes_on_where_an_earlier_one_ended(server: Server, puller: Puller, folder: Path) -> None:
    server.pages["/birds.tflite"] = Page(MODEL, drops=[1_000_000])
    broken = dataclasses.replace(puller, limits=dataclasses.replace(puller.limits, tries=0))
    with pytest.raises(WebError):
        pull(broken, server)
    assert [part.stat().st_size for part in parts(folder)] == [1_000_000]
    assert pull(puller, server).read_bytes() == MODEL
    assert server.requests[-1].start == 1_000_000


def test_what_was_kept_and_does_not_fit_is_thrown_away(server: Server, puller: Puller, folder: Path) -> None:
    server.pages["/birds.tflite"] = Page(MODEL)
    folder.mkdir()
    kept = folder / f".birds.tflite.{sha256(MODEL)[:12]}.part"
    for rubbish in (b"x" * 1000, b"x" * len(MODEL), b"x" * (len(MODEL) + 5)):
        kept.write_bytes(rubbish)
        assert pull(puller, server).read_bytes() == MODEL
        (folder / "birds.tflite").unlink()


def test_an_overloaded_server_is_asked_again(server: Server, puller: Puller, heard: Heard) -> None:
    server.pages["/birds.tflite"] = Page(SMALL, statuses=[503, 500])
    assert pull(puller, server, SMALL).read_bytes() == SMALL
    assert "503" in heard.notes[0]


def test_a_wrong_checksum_leaves_nothing(server: Server, puller: Puller, folder: Path) -> None:
    server.pages["/birds.tflite"] = Page(model_bytes(seed=3))
    with pytest.raises(ModelError, match=rf"has sha256 {sha256(model_bytes(seed=3))} where sha256 {sha256(MODEL)}"):
        pull(puller, server)
    assert (visible(folder), parts(folder)) == ([], [])


@pytest.mark.parametrize("status", [404, 410])
def test_a_file_that_is_not_there_is_said_at_once(server: Server, puller: Puller, status: int) -> None:
    server.pages["/birds.tflite"] = Page(status=status)
    with pytest.raises(MissingError, match="no such file"):
        pull(puller, server)
    assert len(server.requests) == 1


def test_a_refusal_says_how_to_give_a_password_and_it_is_sent_but_never_shown(server: Server, puller: Puller) -> None:
    server.pages["/birds.tflite"] = Page(status=401)
    address = server.address("/birds.tflite").replace("//", "//ann:s3cret@")
    with pytest.raises(WebError, match="NAME:PASSWORD") as raised:
        puller.pull_address(address, sha256(MODEL), None)
    assert "s3cret" not in str(raised.value)
    assert server.requests[0].authorization == "Basic YW5uOnMzY3JldA=="
    server.pages["/birds.tflite"] = Page(MODEL)
    puller.pull_address(address, sha256(MODEL), None)
    assert "s3cret" not in (puller.folder / "birds.json").read_text()


@pytest.mark.parametrize("target", ["/birds.tflite", "/b", "ftp://127.0.0.1/x", "file:///etc/passwd", "/x y"])
def test_redirects_end(server: Server, puller: Puller, folder: Path, target: str) -> None:
    server.pages["/birds.tflite"] = Page(redirect=target)
    server.pages["/b"] = Page(redirect="/birds.tflite")
    with pytest.raises(WebError) as raised:
        pull(puller, server)
    assert "\n" not in str(raised.value)
    assert len(server.requests) < 10
    assert visible(folder) == []


def test_a_redirect_is_followed_and_gone_on_behind_it(server: Server, puller: Puller) -> None:
    server.pages["/birds.tflite"] = Page(redirect="/real")
    server.pages["/real"] = Page(MODEL, drops=[1_000_000])
    assert pull(puller, server).read_bytes() == MODEL


def test_a_web_page_in_place_of_a_model_is_named(server: Server, puller: Puller, folder: Path) -> None:
    server.pages["/birds.tflite"] = Page(b"\n<!DOCTYPE html><html>Please log in", content_type="text/html")
    with pytest.raises(ModelError, match="is a web page"):
        pull(puller, server)
    assert (visible(folder), parts(folder)) == ([], [])


def test_a_drip_ends_with_an_error_and_what_came_is_kept(server: Server, puller: Puller, folder: Path) -> None:
    server.pages["/birds.tflite"] = Page(MODEL, bytes_per_s=100)
    started_s = time.monotonic()
    with pytest.raises(UnavailableError, match="slower than 1000 bytes/s"):
        pull(puller, server)
    assert time.monotonic() - started_s < 5
    assert len(parts(folder)) == 1


def test_a_drip_of_headers_ends_too(server: Server, puller: Puller) -> None:
    server.pages["/birds.tflite"] = Page(MODEL, drips_headers=True)
    puller = dataclasses.replace(puller, limits=dataclasses.replace(puller.limits, tries=1, answer_s=0.5))
    started_s = time.monotonic()
    with pytest.raises(WebError):
        pull(puller, server)
    assert time.monotonic() - started_s < 5


def test_a_server_that_says_nothing_is_given_up(server: Server, puller: Puller) -> None:
    server.pages["/birds.tflite"] = Page(silent=True)
    puller = dataclasses.replace(puller, limits=dataclasses.replace(puller.limits, tries=1, silence_s=0.3))
    with pytest.raises(WebError, match="does not answer"):
        pull(puller, server)


def test_a_server_that_stops_in_the_middle_is_given_up_and_what_came_kept(
    server: Server, puller: Puller, folder: Path
) -> None:
    server.pages["/birds.tflite"] = Page(MODEL, gate=threading.Event())
    puller = dataclasses.replace(puller, limits=dataclasses.replace(puller.limits, tries=0, silence_s=0.3))
    with pytest.raises(WebError, match=r"2\.0 MB are kept"):
        pull(puller, server)
    server.pages["/birds.tflite"].gate.set()  # type: ignore[union-attr]


@pytest.mark.parametrize("claimed", [100, 29_000, 31_000, 0])
def test_a_server_that_lies_about_the_length_brings_no_half_model(
    server: Server, puller: Puller, folder: Path, claimed: int
) -> None:
    server.pages["/birds.tflite"] = Page(SMALL, claimed_bytes=claimed)
    if claimed == 0:  # it says nothing, which is no lie
        assert pull(puller, server, SMALL).read_bytes() == SMALL
        return
    with pytest.raises((WebError, ModelError)):
        pull(puller, server, SMALL)
    assert visible(folder) == []


def test_what_claims_to_be_huge_is_refused_before_it_is_brought(server: Server, puller: Puller) -> None:
    server.pages["/birds.tflite"] = Page(MODEL, claimed_bytes=10**12)
    with pytest.raises(ModelError, match="too large"):
        pull(puller, server)


def test_a_server_that_is_not_there_is_said(puller: Puller, heard: Heard) -> None:
    with pytest.raises(WebError, match="refused; is the server running"):
        puller.pull_address("http://127.0.0.1:9/birds.tflite", sha256(MODEL), None)
    assert len(heard.notes) == puller.limits.tries - 1


def test_a_name_that_cannot_be_resolved_ends_at_once(puller: Puller, heard: Heard) -> None:
    with pytest.raises(WebError, match="cannot be resolved; is this device connected"):
        puller.pull_address("http://there-is-no-such-host.invalid/birds.tflite", sha256(MODEL), None)
    assert heard.notes == []


@pytest.mark.parametrize(
    "address",
    [
        "ftp://host/birds.tflite",
        "http:///birds.tflite",
        "http://[::1/birds.tflite",
        "http://host:x/birds.tflite",
        f"http://{'a' * 70}.org/birds.tflite",
    ],
)
def test_what_is_no_address_is_said(puller: Puller, address: str) -> None:
    with pytest.raises(WebError, match="is not an address"):
        puller.pull_address(address, sha256(MODEL), None)


def test_the_proxy_of_the_environment_is_used(server: Server, puller: Puller, monkeypatch: pytest.MonkeyPatch) -> None:
    server.pages["/birds.tflite"] = Page(MODEL)
    monkeypatch.setenv("http_proxy", server.address())
    path = puller.pull_address("http://files.invalid/birds.tflite", sha256(MODEL), None).path
    assert path.read_bytes() == MODEL


def test_a_certificate_that_nobody_vouches_for_is_refused(server: Server, puller: Puller, tmp_path: Path) -> None:
    if shutil.which("openssl") is None:
        pytest.skip("needs openssl; run: apt install openssl")
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost", "-days", "1"]
    subprocess.run([*made, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    server.pages["/birds.tflite"] = Page(MODEL)
    with pytest.raises(WebError, match="certificate is not valid"):
        puller.pull_address(server.address("/birds.tflite").replace("http:", "https:"), sha256(MODEL), None)
