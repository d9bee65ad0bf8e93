"""Whom a server answers."""

import pytest
from starlette.requests import HTTPConnection

from tests.present import present
from thermofab.apps.serve.access import Access
from thermofab.hw.spec import SpecError


def request(host="127.0.0.1:8000", query=b"", **headers):
    named = [(name.encode(), value.encode()) for name, value in {"host": host, **headers}.items()]
    return HTTPConnection({"type": "http", "headers": named, "query_string": query, "path": "/"})


@pytest.mark.parametrize("host", ["127.0.0.1:8000", "localhost", "[::1]:9"])
def test_loopback_by_its_names(host):
    assert Access().foreign(request(host)) is None
    assert Access().foreign(request(host, origin=f"http://{host}")) is None


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example:8000", "", "[", "localhost.:1"])
def test_names_that_only_resolve_to_loopback_are_refused(host):
    assert present(Access().foreign(request(host, origin=f"http://{host}"))).code == "foreign_host"


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "", "http://127.0.0.1:8001", "file://127.0.0.1:8000"]
)
def test_other_origins_are_refused(origin):
    assert present(Access().foreign(request(origin=origin))).code == "foreign_origin"


def test_origins_and_hosts_may_be_allowed():
    access = Access(hosts=("box.example",), origins=("https://page.example",))
    assert access.foreign(request(origin="https://page.example")) is None
    assert access.foreign(request("box.example")) is None
    with pytest.raises(SpecError, match="an origin is written"):
        Access(origins=("page.example",))


@pytest.mark.parametrize("shown", ["", "wrong", "sesame-opens", "sesame-open\u00e9"])
def test_a_token_must_be_the_right_one(shown):
    access = Access("sesame-open")
    query = f"token={shown}".encode()
    assert present(access.unknown(request(query=query))).status == 401
    assert present(access.unknown(request(authorization="Basic sesame-open"))).status == 401
    assert access.unknown(request(query=b"token=sesame-open")) is None
    assert access.unknown(request(authorization="Bearer sesame-open")) is None


def test_short_tokens_and_open_servers_without_one_are_refused():
    with pytest.raises(SpecError, match="at least 8 characters"):
        Access("short")
    with pytest.raises(SpecError, match="give a token"):
        Access().for_host("0.0.0.0")
    assert "10.0.0.5" in Access("sesame-open").for_host("10.0.0.5").hosts
    assert Access().for_host("::1") == Access()
