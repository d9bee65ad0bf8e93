"""``thermofab serve`` as a process: killed and started again, stopped, refused."""

import json
import signal
import socket as sockets
import subprocess
import sys
import time
import urllib.request

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from tests.present import present


def free_port():
    with sockets.create_server(("127.0.0.1", 0)) as line:
        return line.getsockname()[1]


def started(port, journal, *more):
    command = [sys.executable, "-m", "thermofab.apps.cli", "serve", "--demo", "--port", str(port)]
    command += [
        "--journal",
        str(journal),
        "--prices",
        "mock",
        "--device",
        "none",
        "--backlog",
        "70",
        "--speed",
        "200",
        *more,
    ]
    process = subprocess.Popen(command, stderr=subprocess.PIPE)
    for _ in range(1200):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=1):
                return process
        except OSError:
            assert process.poll() is None, present(process.stderr).read().decode()
            time.sleep(0.05)
    raise AssertionError("the server did not start")


def test_killed_and_started_again_it_loses_nothing_that_was_seen(tmp_path):
    port, journal = free_port(), tmp_path / "journal.sqlite"
    seen, last = {}, 0
    for _ in range(3):
        server = started(port, journal)
        try:
            with connect(f"ws://127.0.0.1:{port}/ws/me?from={last + 1}") as client:
                until = last + 40
                while last < until:
                    text = client.recv(30)
                    data = json.loads(text)["data"]
                    if "sequence" in data:
                        assert data["sequence"] == last + 1
                        last = data["sequence"]
                        seen[last] = text
                        client.send(json.dumps({"type": "ack", "sequence": last}))
                server.send_signal(signal.SIGKILL)
                with pytest.raises(ConnectionClosed):  # what was sent and not read yet was committed too
                    while True:
                        data = json.loads(client.recv(30))["data"]
        finally:
            server.kill()
            server.wait()
    server = started(port, journal)
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/replay?from=1&limit=2000") as answer:
            kept = json.loads(answer.read())["messages"]
    finally:
        server.terminate()
        assert server.wait(30) == 0
    assert len(seen) == 120 and all(kept[n - 1] == json.loads(text) for n, text in seen.items())
    days = [message["data"]["as_of"] for message in kept]
    assert days == sorted(set(days)), "a day was published twice"


@pytest.mark.parametrize(
    "arguments, sentence",
    [
        ((), "there is nothing to serve; --demo"),
        (("--demo", "--host", "0.0.0.0"), "give a token, or listen at 127.0.0.1."),
        (("--demo", "--speed", "0"), "the speed is above 0 days a second"),
        (("--demo", "--prices", "mock", "--prices", "mock"), "every source needs a symbol of its own; got MOCK, MOCK."),
        (("--demo", "--token", "short"), "a token has at least 8 characters"),
    ],
)
def test_what_cannot_be_served_is_said_in_a_line(arguments, sentence):
    command = [sys.executable, "-m", "thermofab.apps.cli", "serve", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 2 and sentence in done.stderr and "Traceback" not in done.stderr
