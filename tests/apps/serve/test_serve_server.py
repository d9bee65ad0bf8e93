"""The server over real sockets: order, replay, resuming, refusals, slow clients, REST."""

import contextlib
import json
import math
import re
import socket as sockets
import sqlite3
import subprocess
import sys
import time

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.apps.serve.serve_kit import Told, counted, get, numbered, open_socket, payload, predictions, read, server_of
from tests.present import present
from thermofab.apps.serve.access import Access
from thermofab.apps.serve.journal import Journal
from thermofab.apps.serve.limits import Limits
from thermofab.apps.serve.server import serving
from thermofab.hw.spec import SpecError


def until(condition, seconds=20.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come true in time"
        time.sleep(0.01)


def test_every_client_gets_every_message_in_order(tmp_path):
    spy, tlt = Told("SPY"), Told("TLT")
    with server_of(tmp_path, spy, tlt) as server, contextlib.ExitStack() as stack:
        clients = [stack.enter_context(open_socket(server, f"c{k}")) for k in range(3)]
        only = stack.enter_context(open_socket(server, "only", "?topic=TLT"))
        assert read(only)["data"]["topics"] == ["SPY", "TLT"]
        for client in clients:
            assert read(client)["type"] == "hello"
        until(lambda: server.app.state.site.manager.clients == 4)
        spy.say(*(payload() for _ in range(20)))
        tlt.say(*(payload(symbol="TLT") for _ in range(20)))
        for client in clients:
            assert predictions(client, 40) == list(range(1, 41))
        found = [read(only)["data"] for _ in range(20)]
        assert {data["symbol"] for data in found} == {"TLT"}
        assert [data["previous"] for data in found] == [0, *(data["sequence"] for data in found[:-1])]


def test_replay_meets_the_live_stream_without_gap_or_repeat(tmp_path):
    spy = Told()
    with server_of(tmp_path, spy, recent=8) as server:
        spy.say(*(payload() for _ in range(60)))
        until(lambda: counted(server, "head") >= 30)
        with open_socket(server, query="?from=5") as client:
            hello = read(client)
            assert hello["data"]["from"] == 5 and hello["data"]["head"] >= 30
            assert predictions(client, 56) == list(range(5, 61))
            spy.say(payload())
            assert predictions(client, 1) == [61]


def test_a_client_resumes_after_its_last_acknowledgement_through_a_restart(tmp_path):
    spy = Told()
    with server_of(tmp_path, spy, heartbeat_seconds=0.2) as server:
        spy.say(*(payload() for _ in range(10)))
        until(lambda: counted(server, "head") == 10)
        with open_socket(server, "me", "?from=1") as client:
            assert predictions(client, 10) == list(range(1, 11))
            client.send('{"type":"ack","sequence":7}')
            client.send('{"type":"ack","sequence":4}')
            client.send('{"type":"ping"}')
            until(lambda: read(client)["type"] == "pong")
        with open_socket(server, "me") as client:
            assert predictions(client, 3) == [8, 9, 10]
    again = Told()
    with server_of(tmp_path, again) as server:
        until(lambda: again.resumed is not None)
        assert present(again.resumed)["sequence"] == 10
        with open_socket(server, "me") as client, open_socket(server, "stranger") as stranger:
            assert predictions(client, 3) == [8, 9, 10]
            assert read(stranger)["data"]["from"] == 11
            until(lambda: server.app.state.site.manager.clients == 2)
            again.say(payload())
            assert predictions(stranger, 1) == [11] and predictions(client, 1) == [11]


def test_numbers_of_another_journal_and_deleted_messages_are_told(tmp_path):
    Journal(tmp_path / "journal.sqlite").close()
    with contextlib.closing(sqlite3.connect(tmp_path / "journal.sqlite")) as database:
        bodies = ((n, "SPY", json.dumps(numbered(sequence=n, previous=n - 1))) for n in range(251, 301))
        database.executemany("INSERT INTO messages VALUES (?, ?, 'trm_prediction', 0, ?)", bodies)
        database.commit()
    with server_of(tmp_path, Told()) as server:
        with open_socket(server, query="?from=2") as client:
            oldest = read(client)["data"]["oldest"]
            assert oldest == 251 and read(client)["data"]["code"] == "gone"
            assert predictions(client, 1) == [oldest]
        with open_socket(server, query="?from=900") as client:
            assert read(client)["data"]["from"] == 301
            assert read(client)["data"]["code"] == "unknown_sequence"


@pytest.mark.parametrize(
    "query, headers, status, code",
    [
        ("", {}, 401, "wrong_token"),
        ("?token=sesame-opem", {}, 401, "wrong_token"),
        ("?token=sesame-open", {"Origin": "http://evil.example"}, 403, "foreign_origin"),
        ("?token=sesame-open", {"Origin": "null"}, 403, "foreign_origin"),
        ("?token=sesame-open&from=x", {}, 400, "bad_sequence"),
    ],
)
def test_connections_are_refused_before_they_are_accepted(tmp_path, query, headers, status, code):
    with server_of(tmp_path, access=Access("sesame-open")) as server:
        with pytest.raises(InvalidStatus) as refused:
            open_socket(server, query=query, additional_headers=headers)
        assert refused.value.response.status_code == status
        assert json.loads(refused.value.response.body)["data"]["code"] == code
        assert counted(server, "refused_total", reason=code) == 1
        with open_socket(server, query="?token=sesame-open", additional_headers={"Origin": server.url}) as client:
            assert read(client)["type"] == "hello"


def test_a_foreign_host_name_is_refused(tmp_path):
    with server_of(tmp_path) as server:
        with sockets.create_connection((server.host, server.port)) as line:
            line.sendall(
                b"GET /ws/me HTTP/1.1\r\nHost: evil.example\r\nOrigin: http://evil.example\r\nUpgrade: websocket\r\n"
                b"Connection: Upgrade\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
                b"Sec-WebSocket-Version: 13\r\n\r\n"
            )
            assert line.recv(100).startswith(b"HTTP/1.1 421")
        assert get(server, "/api/latest", Host="evil.example")[0] == 421
        assert counted(server, "refused_total", reason="foreign_host") == 2


def test_there_is_room_for_so_many_clients(tmp_path):
    with server_of(tmp_path, clients=2) as server:
        with open_socket(server, "a") as first, open_socket(server, "b") as second:
            assert read(first)["type"] == read(second)["type"] == "hello"
            with pytest.raises(InvalidStatus, match="503"):
                open_socket(server, "c")
        until(lambda: server.app.state.site.manager.clients == 0)
        with open_socket(server, "c") as client:
            assert read(client)["type"] == "hello"


def test_malformed_messages_are_answered_counted_and_at_last_cut_off(tmp_path):
    spy = Told()
    with server_of(tmp_path, spy, refusals=4) as server, open_socket(server, "well") as well:
        assert read(well)["type"] == "hello"
        with open_socket(server, "ill") as client:
            assert read(client)["type"] == "hello"
            for sent in ("{", '{"type":"ack","sequence":99}', b"\x00\x01"):
                client.send(sent)
            assert [read(client)["data"]["code"] for _ in range(3)] == ["malformed", "unknown_sequence", "malformed"]
            client.send("[]")
            with pytest.raises(ConnectionClosed):
                while True:
                    client.recv(20)
            assert client.close_code == 1008
        assert counted(server, "refused_total", reason="malformed") == 3
        spy.say(payload())
        assert predictions(well, 1) == [1]


@pytest.mark.parametrize("size", [5_000, 50_000])
def test_oversized_messages_close_the_connection(tmp_path, size):
    with server_of(tmp_path, Told(), message_bytes=4096) as server:
        with open_socket(server) as client:
            assert read(client)["type"] == "hello"
            client.send('{"type":"ping","x":"' + "x" * size + '"}')
            with pytest.raises(ConnectionClosed):
                while True:
                    client.recv(20)
            assert client.close_code == 1009
        until(lambda: counted(server, "refused_total", reason="too_large") == 1)
        assert get(server, "/health") == (200, {"status": "ok"})


def test_bytes_that_are_no_frames_close_the_connection(tmp_path):
    with server_of(tmp_path, Told()) as server:
        with open_socket(server) as client:
            assert read(client)["type"] == "hello"
            client.socket.sendall(b"\xff" * 64)
            with pytest.raises(ConnectionClosed):
                client.recv(20)
        until(lambda: counted(server, "refused_total", reason="malformed") == 1)
        assert get(server, "/health")[0] == 200


def test_bad_payloads_are_refused_told_and_leave_no_gap(tmp_path):
    spy = Told()
    with server_of(tmp_path, spy) as server, open_socket(server) as client:
        assert read(client)["type"] == "hello"
        until(lambda: server.app.state.site.manager.clients == 1)
        features = payload()["raw_features"]
        bad = (
            payload(raw_features=[math.nan, *features[1:]]),
            payload(strategy_id=9),
            {"symbol": "SPY"},
            payload(symbol=""),
        )
        spy.say(payload(), *bad, RuntimeError("broken"), payload())
        kinds = [read(client) for _ in range(7)]
        assert [m["type"] for m in kinds] == ["trm_prediction", *["error"] * 5, "trm_prediction"]
        assert "data.raw_features[0] is not a finite number" in kinds[1]["data"]["sentence"]
        assert kinds[5]["data"]["code"] == "predictor_failed" and "RuntimeError" in kinds[5]["data"]["sentence"]
        assert kinds[6]["data"]["sequence"] == 2
        assert counted(server, "refused_total", reason="not_finite") == 1
        assert counted(server, "refused_total", reason="schema") == 3
        assert counted(server, "predictor_failures_total", topic="SPY") == 1


def test_a_stalled_client_slows_nobody_and_is_cut_off(tmp_path):
    spy = Told()
    # Long names make messages of about 30 kB, so that the stalled line fills soon.
    heavy = payload(realised={"hits": 0, "count": 0, "definition": "x" * 30_000})
    with server_of(tmp_path, spy, queue=16, stall_seconds=1.0) as server, open_socket(server, "quick") as quick:
        with sockets.socket() as line:
            line.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, 4096)
            line.connect((server.host, server.port))
            line.sendall(
                f"GET /ws/stalled HTTP/1.1\r\nHost: {server.host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
            )
            until(lambda: server.app.state.site.manager.clients == 2)
            assert read(quick)["type"] == "hello"
            times = []
            for n in range(1, 81):
                began = time.monotonic()
                spy.say(heavy)
                assert predictions(quick, 1) == [n]
                times.append(time.monotonic() - began)
            assert sorted(times)[40] < 0.25, "the quick client waited for the stalled one"
            until(lambda: counted(server, "evicted_total", reason="stalled") == 1)
            assert counted(server, "dropped_total") > 0
            until(lambda: server.app.state.site.manager.clients == 1)
            line.settimeout(10)
            with contextlib.suppress(ConnectionResetError):
                while line.recv(1 << 16):
                    pass
        with open_socket(server, "stalled", "?from=1") as back:
            assert predictions(back, 80) == list(range(1, 81))


def test_heartbeats_say_what_is_stale(tmp_path):
    spy = Told()
    with server_of(tmp_path, spy, heartbeat_seconds=0.1, stale_seconds=0.4) as server:
        assert get(server, "/ready") == (503, {"ready": False, "reasons": ["SPY is waiting"]})
        with open_socket(server) as client:
            assert read(client)["type"] == "hello"
            spy.say(payload())
            beats = []
            while not (beats and beats[-1]["stale"] and beats[-1]["state"] == "running"):
                message = read(client)
                if message["type"] == "heartbeat":
                    beats.append(message["data"]["topics"]["SPY"])
            assert any(beat["state"] == "running" and not beat["stale"] for beat in beats)
        assert get(server, "/ready") == (200, {"ready": True, "reasons": []})


def test_rest(tmp_path):
    spy, tlt = Told("SPY"), Told("TLT")
    plan = {"device": "jax", "fabric": "g4-2x2", "replicas": 1, "spins": [[0, 1, 1, 0]], "marginals": [0, 1, 1, 0],
            "allocation": [], "spread": 0}  # fmt: skip
    with server_of(tmp_path, spy, tlt, access=Access("sesame-open")) as server:
        bearer = {"Authorization": "Bearer sesame-open"}
        spy.say(payload(), payload(plan=plan))
        until(lambda: counted(server, "head") == 2)
        tlt.say(payload(symbol="TLT"))
        until(lambda: counted(server, "head") == 3)

        def numbers(path):
            status, body = get(server, path, **bearer)
            assert status == 200 and body["head"] == 3
            return [message["data"]["sequence"] for message in body["messages"]]

        assert numbers("/api/latest") == [2, 3] and numbers("/api/latest?topic=TLT") == [3]
        assert numbers("/api/history") == [1, 2, 3] and numbers("/api/history?limit=2") == [2, 3]
        assert numbers("/api/history?topic=SPY") == [1, 2] and numbers("/api/replay?from=2") == [2, 3]
        assert numbers("/api/history?limit=0") == []
        assert get(server, "/api/replay?from=1&limit=2", **bearer)[1]["next"] == 3
        assert get(server, "/api/replay?from=3", **bearer)[1]["next"] is None
        whole = get(server, "/api/history?omit=plan,sequence", **bearer)[1]["messages"][1]["data"]
        assert "plan" not in whole and whole["sequence"] == 2
        picture = get(server, "/api/fabric/g4-2x2", **bearer)[1]
        assert len(picture["sites"]) == 4 and len(picture["edges"]) == 4
        assert get(server, "/api/fabric/g4-900x900", **bearer)[0] == 400
        assert get(server, "/api/schema/trm_prediction", **bearer)[1]["title"] == "A strategy prediction"
        assert get(server, "/api/schema/other", **bearer)[0] == 404
        assert 'published_total{topic="SPY"} 2.0' in get(server, "/metrics", **bearer)[1]
        for path in ("/api/latest?topic=X", "/api/history?limit=-1", "/api/replay?from=1e3", "/api/replay?limit=0"):
            assert get(server, path, **bearer)[0] == 400
        for path in ("latest", "history", "replay", "fabric/g4-2x2", "schema/error"):
            assert get(server, f"/api/{path}")[0] == 401
        assert get(server, "/metrics")[0] == 401 and get(server, "/health")[0] == 200
        assert get(server, "/api/latest", Origin="http://evil.example", **bearer)[0] == 403


def test_pages_come_with_strict_headers(tmp_path):
    import urllib.request

    with server_of(tmp_path, access=Access(origins=("https://page.example",))) as server:
        for path, ancestors in (("/", "'none'"), ("/embed/card", "'self' https://page.example")):
            with urllib.request.urlopen(server.url + path) as answer:
                policy, page = answer.headers["Content-Security-Policy"], answer.read().decode()
            assert "default-src 'none'; script-src 'self'; style-src 'self'" in policy
            assert policy.endswith(f"frame-ancestors {ancestors}") and "unsafe" not in policy
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            assert not re.search(r"https?://", page) and not re.search(r"<script(?![^>]*src=)|style=|\son\w+=", page)
            for name in re.findall(r'(?:src|href)="(/static/[^"]+)"', page):
                assert get(server, name)[0] == 200, name
        assert get(server, "/static/../app.py")[0] == 404


def test_ports_in_use_and_wrong_limits_are_said(tmp_path):
    with server_of(tmp_path) as server:
        with pytest.raises(SpecError, match="cannot be listened at"):
            with serving(server.app, port=server.port):
                pass
    with pytest.raises(SpecError, match="the limit queue is 0; limits are above 0."):
        Limits(queue=0)


def test_shutdown_tells_clients_and_writes_acknowledgements(tmp_path):
    spy = Told()
    with contextlib.ExitStack() as stack, contextlib.ExitStack() as running:
        server = running.enter_context(server_of(tmp_path, spy))
        client = stack.enter_context(open_socket(server, "me", "?from=1"))
        spy.say(payload())
        assert predictions(client, 1) == [1]
        client.send('{"type":"ack","sequence":1}')
        client.send('{"type":"ping"}')
        until(lambda: read(client)["type"] == "pong")
        running.close()
        with pytest.raises(ConnectionClosed):
            client.recv(20)
        assert client.close_code == 1012
    journal = Journal(tmp_path / "journal.sqlite")
    assert journal.acknowledged("me") == 1
    journal.close()


def test_importing_thermofab_and_the_command_line_brings_in_no_web_server():
    code = (
        "import sys, thermofab, thermofab.apps.cli, thermofab.apps.serve; "
        "print(sorted({'starlette', 'uvicorn', 'websockets', 'jsonschema', 'prometheus_client'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "[]"
