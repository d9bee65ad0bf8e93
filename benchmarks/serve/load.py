"""Fan-out under load: many WebSocket clients of one server on this machine, some of them stalled.

``python benchmarks/serve/load.py`` writes docs/results/serve_load.json; ``--print`` prints instead. The soak of the
docs is ``--churn --clients 100 --rate 5 --messages 18000 --stalled 0 --name serve_soak``, an hour. Server and clients
are two processes on the loopback device. A message's time runs from the predictor's time stamp, before it is checked
and committed to disk, until a client has read its last byte.
"""

import argparse
import asyncio
import base64
import json
import os
import resource
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from pathlib import Path
from typing import Any

import numpy as np
import psutil

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))


class Fixed:
    """A predictor that hands out the demonstration's payload with a fresh time stamp, ``rate`` a second."""

    symbol, message_type = "LOAD", "trm_prediction"

    def __init__(self, payload: dict[str, Any], messages: int, rate: float, go: threading.Event) -> None:
        self._payload, self._left, self._pause, self._go = payload, messages, 1 / rate, go

    def resume(self, data: dict[str, Any]) -> None:
        pass

    async def next(self) -> dict[str, Any] | None:
        while not self._go.is_set():
            await asyncio.sleep(0.05)
        if not self._left:
            return None
        self._left -= 1
        await asyncio.sleep(self._pause)
        return {**self._payload, "symbol": self.symbol, "timestamp": f"1970-01-01T00:00:00 {time.monotonic():.6f}"}


def run_server(arguments: argparse.Namespace) -> None:
    """Serve on a free port, print it, begin to stream at the first line on standard input, end with its end."""
    from thermofab.apps.serve import Journal, Limits, create_app
    from thermofab.apps.serve.server import serving
    from thermofab.apps.strategy.demo_model import demo_model
    from thermofab.apps.strategy.demo_rows import demo_rows
    from thermofab.apps.strategy.planner import Planner
    from thermofab.apps.strategy.rows import StrategyRows

    rows = StrategyRows(demo_model(), "LOAD", "replay", "load", Planner(["LOAD"], device="reference", replicas=8))
    for row in demo_rows()[:80]:
        rows.observe(row)
    payload, go = rows.predict(), threading.Event()
    assert payload is not None
    limits = Limits(clients=arguments.clients + 100, stall_seconds=5.0, keep=50_000)
    with tempfile.TemporaryDirectory() as folder:
        journal = Journal(Path(folder) / "journal.sqlite", limits.keep)
        app = create_app([Fixed(payload, arguments.messages, arguments.rate, go)], journal, limits=limits)
        with serving(app, limits=limits) as server:
            print(server.port, flush=True)
            for _ in sys.stdin:
                go.set()


class Reader(asyncio.Protocol):
    """A client that reads frames, notes when each message came, and does as little else as it can."""

    def __init__(self, stalled: bool = False, first: int = 1) -> None:
        self.times: list[float] = []
        self.sequences: list[int] = []
        self.lost = False
        self.open = asyncio.get_running_loop().create_future()
        self._stalled, self._first, self._buffer, self._shaken = stalled, first, b"", False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        host, port = transport.get_extra_info("peername")[:2]
        key = base64.b64encode(os.urandom(16)).decode()
        transport.write(
            f"GET /ws/load-{id(self)}?from={self._first} HTTP/1.1\r\nHost: {host}:{port}\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )

    def data_received(self, data: bytes) -> None:
        now = time.monotonic()
        self._buffer += data
        if not self._shaken:
            head, found, rest = self._buffer.partition(b"\r\n\r\n")
            if not found:
                return
            self._shaken, self._buffer = True, rest
            self.open.set_result(head.startswith(b"HTTP/1.1 101"))
            if self._stalled:
                self.transport.pause_reading()
        while (frame := self._frame()) is not None:
            opcode, body = frame
            if opcode == 9:  # a ping is answered by a pong, masked with zeros
                self.transport.write(bytes([0x8A, 0x80 | len(body)]) + b"\0\0\0\0" + body)
            elif opcode == 1 and body.startswith(b'{"type":"trm_prediction"'):
                stamp = body.index(b"T00:00:00 ") + 10
                self.times.append(now - float(body[stamp : body.index(b'"', stamp)]))
                place = body.rindex(b'"sequence":') + 11
                self.sequences.append(int(body[place : body.index(b",", place)]))

    def _frame(self) -> tuple[int, bytes] | None:
        buffer = self._buffer
        if len(buffer) < 2:
            return None
        length, start = buffer[1] & 127, 2
        if length >= 126:
            start = 4 if length == 126 else 10
            if len(buffer) < start:
                return None
            length = int.from_bytes(buffer[2:start], "big")
        if len(buffer) < start + length:
            return None
        self._buffer = buffer[start + length :]
        return buffer[0] & 15, buffer[start : start + length]

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost = True
        if not self.open.done():
            self.open.set_result(False)


async def connect(port: int, stalled: bool = False, first: int = 1) -> Reader:
    loop = asyncio.get_running_loop()
    for attempt in range(5):
        try:
            line = socket.socket()
            if stalled:  # little room, so that it fills
                line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            line.setblocking(False)
            await loop.sock_connect(line, ("127.0.0.1", port))
            _, reader = await loop.create_connection(lambda: Reader(stalled, first), sock=line)
            assert await reader.open
            return reader
        except OSError:
            await asyncio.sleep(0.1 * (attempt + 1))
    raise SystemExit("the server takes no connections")


async def drive(server: subprocess.Popen, arguments: argparse.Namespace, stalled: int) -> dict[str, Any]:
    """Connect, begin, and read until every client has every message, or time is up."""
    assert server.stdout is not None and server.stdin is not None
    port = int(server.stdout.readline())
    began = time.monotonic()
    clients: list[Reader] = []
    for first in range(0, arguments.clients, 50):
        clients += await asyncio.gather(*(connect(port) for _ in range(min(50, arguments.clients - first))))
    blocked = [await connect(port, stalled=True) for _ in range(stalled)]
    connected = time.monotonic() - began
    server.stdin.write("go\n")
    server.stdin.flush()
    process, memory = psutil.Process(server.pid), []
    began = time.monotonic()
    limit = began + arguments.messages * (1 / arguments.rate + 0.5) + 60
    churn = min(5, len(clients)) if arguments.churn else 0
    while time.monotonic() < limit and any(len(c.sequences) < arguments.messages for c in clients[churn:]):
        await asyncio.sleep(min(1.0, 10 / arguments.rate))
        memory.append((time.monotonic() - began, process.memory_info().rss))
        if arguments.churn:  # a client leaves and another begins a little before where it was
            clients[0].transport.close()
            clients[0] = await connect(port, first=max(1, len(clients[-1].sequences) - 50))
            clients[:churn] = clients[1:churn] + clients[:1]
    watched = clients[churn:]
    times = 1000 * np.concatenate([c.times for c in watched])
    whole = list(range(1, arguments.messages + 1))
    settled = [rss for at, rss in memory if at > 0.2 * memory[-1][0]] or [memory[-1][1]]
    return {
        "clients": len(watched),
        "stalled_clients": len(blocked),
        "stalled_cut_off": await asyncio.to_thread(cut_off, port),
        "messages": arguments.messages,
        "messages_a_second": arguments.rate,
        "deliveries": len(times),
        "complete_and_in_order": sum(c.sequences == whole for c in watched),
        "milliseconds": {name: round(float(np.quantile(times, q)), 2) for name, q in _QUANTILES.items()},
        "seconds_to_connect": round(connected, 2),
        "server_cpu_seconds": round(sum(process.cpu_times()[:2]), 2),
        "server_megabytes": {
            "settled": round(settled[0] / 2**20, 1),
            "end": round(float(np.mean(settled[-10:])) / 2**20, 1),
        },
    }


def cut_off(port: int) -> int:
    """How many clients the server says it has cut off."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=20) as answer:
        lines = answer.read().decode().splitlines()
    return int(sum(float(line.split()[-1]) for line in lines if line.startswith("thermofab_serve_evicted_total{")))


_QUANTILES = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "max": 1.0}


def measure(arguments: argparse.Namespace, stalled: int) -> dict[str, Any]:
    command = [sys.executable, __file__, "--serve", "--clients", str(arguments.clients + stalled)]
    command += ["--messages", str(arguments.messages), "--rate", str(arguments.rate)]
    server = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        return asyncio.run(drive(server, arguments, stalled))
    finally:
        assert server.stdin is not None
        server.stdin.close()
        server.wait(60)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clients", type=int, default=1000)
    parser.add_argument("--messages", type=int, default=300)
    parser.add_argument("--rate", type=float, default=5.0, help="messages a second")
    parser.add_argument("--stalled", type=int, default=10, help="stalled clients of the second round; 0: no such round")
    parser.add_argument("--churn", action="store_true", help="a few clients come and go all the time")
    parser.add_argument("--name", default="serve_load", help="of the file under docs/results")
    parser.add_argument("--print", action="store_true", help="print instead of writing under docs/results")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    if arguments.serve:
        return run_server(arguments)
    rounds = [measure(arguments, 0)] + ([measure(arguments, arguments.stalled)] if arguments.stalled else [])
    if arguments.print:
        print(json.dumps({"rounds": rounds}, indent=1))
        return
    from results import write_results

    print(write_results(arguments.name, {"rounds": rounds}))


if __name__ == "__main__":
    main()
