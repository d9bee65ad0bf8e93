"""The connection manager: its contract, and the seams where messages or acknowledgements could be lost or doubled."""

import asyncio
import json
import time

import pytest

from tests.apps.serve.serve_kit import KINDS, numbered
from thermofab.apps.serve.client import Client
from thermofab.apps.serve.journal import Journal
from thermofab.apps.serve.limits import Limits
from thermofab.apps.serve.manager import ConnectionManager
from thermofab.apps.serve.messages import Encoded
from thermofab.hw.spec import SpecError


class Noting:
    """A client's connection that keeps what it is sent."""

    def __init__(self, manager, limits):
        self.sequences = []
        self.client = Client("me", self._send, lambda: None, frozenset(), limits, manager.metrics)

    async def _send(self, event):
        assert event["frame"].endswith(event["text"].encode())
        self.sequences.append(json.loads(event["text"])["data"]["sequence"])


def test_broadcast_is_all_a_predictor_needs(tmp_path):
    """The contract of the documents: ``await connection_manager.broadcast(message)``."""

    async def use():
        manager = ConnectionManager(Journal(tmp_path / "j"), KINDS, Limits())
        message = numbered(sequence=77)
        together = await asyncio.gather(*(manager.broadcast(message) for _ in range(5)))
        task = asyncio.create_task(manager.broadcast(message))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        last = await manager.broadcast(message)
        with pytest.raises(SpecError, match="there is no message type"):
            await manager.broadcast({"type": "x", "data": {}})
        assert message == numbered(sequence=77), "the caller's message is its own"
        await manager.close()
        return together, last

    together, last = asyncio.run(use())
    assert together == [1, 2, 3, 4, 5] and last == 7
    journal = Journal(tmp_path / "j")
    assert [json.loads(text)["data"]["sequence"] for _, _, text in journal.read(1, 99)] == list(range(1, 8))
    journal.close()


def test_what_is_on_disk_and_not_handed_out_yet_is_not_sent_twice(tmp_path):
    async def use():
        limits = Limits(recent=1)
        manager = ConnectionManager(Journal(tmp_path / "j"), KINDS, limits)
        for _ in range(3):
            await manager.broadcast(numbered())
        # As when a client catches up between a commit and the turn of the loop that hands the message out.
        manager.journal.append(4, "SPY", "trm_prediction", json.dumps(numbered(sequence=4)))
        noting = Noting(manager, limits)
        await manager.attach(noting.client, 1)
        await manager.close()
        return noting.sequences

    assert asyncio.run(use()) == [1, 2, 3]


def test_acknowledgements_outlive_a_stop_in_the_middle_of_writing_them(tmp_path):
    async def use():
        manager = ConnectionManager(Journal(tmp_path / "j"), KINDS, Limits())
        await manager.broadcast(numbered())
        manager.acknowledge("me", 1)
        busy = asyncio.create_task(manager.on_journal_thread(time.sleep, 0.2))
        await asyncio.sleep(0.05)
        writing = asyncio.create_task(manager.flush())
        await asyncio.sleep(0.05)
        writing.cancel()
        await asyncio.gather(busy, writing, return_exceptions=True)
        await manager.close()

    asyncio.run(use())
    journal = Journal(tmp_path / "j")
    assert journal.acknowledged("me") == 1
    journal.close()


def test_a_full_queue_drops_its_oldest_message(tmp_path):
    async def use():
        limits = Limits(queue=3, drops=4)
        manager = ConnectionManager(Journal(tmp_path / "j"), KINDS, limits)
        noting = Noting(manager, limits)
        await manager.attach(noting.client, 1)
        for _ in range(7):
            await manager.broadcast(numbered())
        assert noting.client.too_slow(time.perf_counter()) is None
        draining = asyncio.create_task(noting.client.drain())
        await asyncio.sleep(0.05)
        draining.cancel()
        for _ in range(4):
            await manager.broadcast(numbered())
        assert noting.client.too_slow(time.perf_counter()) == "drops"
        await manager.close()
        return noting.sequences, manager.metrics.value("thermofab_serve_dropped_total")

    assert asyncio.run(use()) == ([5, 6, 7], 5)


@pytest.mark.parametrize("size", [0, 125, 126, 65_535, 65_536, 70_000])
def test_frames_are_those_of_the_library(size):
    from websockets.frames import Frame, Opcode

    text = "x" * size
    assert Encoded(text, 0, "", 0.0).event["frame"] == Frame(Opcode.TEXT, text.encode()).serialize(mask=False)
