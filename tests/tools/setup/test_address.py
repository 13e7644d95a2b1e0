"""What people type as the broker's address."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeclassify.errors import UsageError
from edgeclassify.tools.setup.address import Address, parse_address


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("nas", Address("nas")),
        (" nas.local ", Address("nas.local")),
        ("192.168.1.2:1884", Address("192.168.1.2", 1884)),
        ("::1", Address("::1")),
        ("fe80::1%eth0", Address("fe80::1%eth0")),
        ("[::1]:1884", Address("::1", 1884)),
        ("mqtt://nas/", Address("nas", tls=False)),
        ("MQTTS://nas:8884", Address("nas", 8884, tls=True)),
        ("mqtt://ann:s3%40cret@nas:1883", Address("nas", 1883, "ann", "s3@cret", tls=False)),
        ("ann@nas", Address("nas", username="ann")),
    ],
)
def test_an_address_is_taken_apart(text: str, address: Address) -> None:
    assert parse_address(text) == address


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "it is empty; give its name or number"),
        ("  ", "it is empty"),
        ("mqtt://", "it is empty"),
        ("a b", "'a b' is not the name of a host"),
        ("nas/topic", "'nas/topic' is not the name of a host"),
        ("nas:0", "port '0' is no number from 1 to 65535"),
        ("nas:99999", "port '99999'"),
        ("nas:abc", "port 'abc'"),
        ("nas:", "port '' is no number"),
        ("[", "'[' is not the name of a host"),
        ("1:2:3", "'1:2:3' is not the name of a host"),
        ("nas:١٨", "port '١٨'"),
        ("http://homeassistant.local:8123/x", "give its name or number only: homeassistant.local"),
    ],
)
def test_what_is_no_address_says_what_to_give(text: str, says: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_address(text)
    assert says in str(caught.value)


@given(st.text(max_size=30) | st.text(alphabet=":/@[]%.a1 ", max_size=12))
def test_no_text_gives_anything_but_an_address_or_what_is_wrong(text: str) -> None:
    try:
        address = parse_address(text)
    except UsageError:
        return
    assert address.host
    assert address.host == address.host.strip()
    assert address.port is None or 1 <= address.port <= 65535


@given(st.text(min_size=1, max_size=12))
def test_the_password_of_an_address_is_in_no_error(password: str) -> None:
    try:
        parse_address(f"mqtt://ann:{'s3cret' + password}@a b:1883")
    except UsageError as error:
        assert "s3cret" not in str(error)
