"""Processes that share a run watch one another: when one dies, the others say which and end at once.

A process that waits for another inside XLA cannot raise, and would wait for ever. So every process but the first holds
a TCP connection to the first for as long as it lives; the system closes it when its process ends, however that happens.
A process that ends as it should says so first.
"""

import atexit
import os
import socket
import sys
import threading
from typing import NoReturn

DIED = 70  # exit status of those that are left
_GOODBYE = b"."


def listen(processes: int) -> tuple[socket.socket, int]:
    """The first process's socket and its port."""
    server = socket.create_server(("", 0), backlog=processes)
    return server, server.getsockname()[1]


def watch_all(server: socket.socket, processes: int, patience: float) -> None:
    """In the first process: wait for the others' connections, then watch them."""
    server.settimeout(patience)
    for _ in range(processes - 1):
        peer, _ = server.accept()
        index = int.from_bytes(_exactly(peer, 4), "big")
        _watch(peer, index, processes)
    server.close()


def watch_first(host: str, port: int, index: int, processes: int, patience: float) -> None:
    """In every other process: connect to the first, and watch it."""
    peer = socket.create_connection((host, port), timeout=patience)
    peer.sendall(index.to_bytes(4, "big"))
    _watch(peer, 0, processes)


def _watch(peer: socket.socket, index: int, processes: int) -> None:
    peer.settimeout(None)
    atexit.register(_say_goodbye, peer)
    threading.Thread(target=_wait, args=(peer, index, processes), daemon=True).start()


def _say_goodbye(peer: socket.socket) -> None:
    try:
        peer.sendall(_GOODBYE)
        peer.shutdown(socket.SHUT_WR)
    except OSError:
        pass  # It has gone already, and has been dealt with.


def _wait(peer: socket.socket, index: int, processes: int) -> None:
    try:
        said = peer.recv(1)
    except OSError:
        said = b""
    if said != _GOODBYE:
        _end(index, processes)


def _end(index: int, processes: int) -> NoReturn:
    print(
        f"thermofab: process {index} of {processes} ended without finishing, so the run it shared cannot go on; "
        "find out why it ended, then start all processes again.",
        file=sys.stderr,
        flush=True,
    )
    os._exit(DIED)


def _exactly(peer: socket.socket, count: int) -> bytes:
    got = b""
    while len(got) < count:
        part = peer.recv(count - len(got))
        if not part:
            raise ConnectionError("a process closed its connection before it said which it is.")
        got += part
    return got
