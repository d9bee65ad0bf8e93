"""The journal: every message sent, on disk before it is sent, in the order of its sequence numbers.

SQLite in WAL mode with ``synchronous=FULL``: what was committed survives a killed process and a power cut. One
process holds a journal at a time. Every method blocks; a server calls them on one thread of their own.
"""

import sqlite3
import time
import uuid
from collections.abc import Mapping
from pathlib import Path

from thermofab.hw.spec import SpecError

_TABLES = """
CREATE TABLE IF NOT EXISTS messages (
    sequence INTEGER PRIMARY KEY, topic TEXT NOT NULL, type TEXT NOT NULL, at REAL NOT NULL, body TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS by_topic ON messages (topic, sequence);
CREATE TABLE IF NOT EXISTS acks (client TEXT PRIMARY KEY, sequence INTEGER NOT NULL, at REAL NOT NULL);
CREATE TABLE IF NOT EXISTS identity (name TEXT NOT NULL);
"""
_MARK = 0x54464A4C  # "TFJL": tells our files from other SQLite databases
_PRUNE_EVERY = 256
_CLIENTS = 100_000


class Journal:
    """Messages by sequence number 1, 2, 3, …, and the last one that each client acknowledged.

    Args:
        path: the file, made if it is not there; ``":memory:"`` for one that is lost with the process.
        keep: newest messages that are kept.

    Raises:
        SpecError: the file is no journal, or another process holds it.
    """

    def __init__(self, path: str | Path, keep: int = 200_000) -> None:
        if keep < 1:
            raise SpecError(f"a journal keeps at least 1 message; got {keep}.")
        self.path, self._keep = str(path), keep
        if self.path != ":memory:":
            Path(path).parent.mkdir(parents=True, exist_ok=True)
        self._database = sqlite3.connect(self.path, check_same_thread=False, isolation_level=None, timeout=2.0)
        try:
            self._open()
        except sqlite3.OperationalError as error:
            self._database.close()
            raise SpecError(f"the journal {path} cannot be opened ({error}); is another server using it?") from None
        except sqlite3.DatabaseError:
            self._database.close()
            raise SpecError(f"{path} is no journal; give the path of one, or of a file that does not exist.") from None
        except SpecError:
            self._database.close()
            raise

    def _open(self) -> None:
        run = self._database.execute
        mark = run("PRAGMA application_id").fetchone()[0]
        if mark not in (0, _MARK) or (mark == 0 and run("SELECT count(*) FROM sqlite_master").fetchone()[0]):
            raise SpecError(f"{self.path} is another program's database; give the path of a journal, or a new one.")
        # Exclusive: a second server on the same journal would give out the same sequence numbers.
        run("PRAGMA locking_mode=EXCLUSIVE")
        run("PRAGMA journal_mode=WAL")
        run("PRAGMA synchronous=FULL")
        run("BEGIN IMMEDIATE")
        run(f"PRAGMA application_id={_MARK}")
        for statement in filter(str.strip, _TABLES.split(";")):
            run(statement)
        if run("SELECT name FROM identity").fetchone() is None:
            run("INSERT INTO identity VALUES (?)", (uuid.uuid4().hex,))
        run("COMMIT")
        self.identity: str = run("SELECT name FROM identity").fetchone()[0]
        self.head: int = run("SELECT coalesce(max(sequence), 0) FROM messages").fetchone()[0]
        """Sequence number of the newest message, 0 if there is none."""
        self.oldest: int = run("SELECT coalesce(min(sequence), 0) FROM messages").fetchone()[0]
        """Sequence number of the oldest message kept, 0 if there is none."""

    def append(self, sequence: int, topic: str, kind: str, body: str, acks: Mapping[str, int] | None = None) -> None:
        """Write a message; it is on disk when this returns. ``acks`` are written with it.

        Raises:
            SpecError: ``sequence`` is not the head's successor.
        """
        if sequence != self.head + 1:
            raise SpecError(f"message {sequence} does not follow message {self.head}.")
        run = self._database.execute
        run("BEGIN IMMEDIATE")
        try:
            run("INSERT INTO messages VALUES (?, ?, ?, ?, ?)", (sequence, topic, kind, time.time(), body))
            oldest = self.oldest or sequence
            if sequence % _PRUNE_EVERY == 0 and sequence - self._keep >= oldest:
                oldest = sequence - self._keep + 1
                run("DELETE FROM messages WHERE sequence < ?", (oldest,))
            self._write_acks(acks or {})
            run("COMMIT")
        except BaseException:
            run("ROLLBACK")
            raise
        self.head, self.oldest = sequence, oldest

    def acknowledge(self, acks: Mapping[str, int]) -> None:
        """Keep the newest message that each client has acknowledged; a lower number than the one kept is ignored."""
        run = self._database.execute
        run("BEGIN IMMEDIATE")
        self._write_acks(acks)
        run("COMMIT")

    def _write_acks(self, acks: Mapping[str, int]) -> None:
        if not acks:
            return
        now = time.time()
        self._database.executemany(
            "INSERT INTO acks VALUES (?, ?, ?) ON CONFLICT (client) DO UPDATE SET "
            "sequence = max(sequence, excluded.sequence), at = excluded.at",
            [(client, sequence, now) for client, sequence in acks.items()],
        )
        excess = self._database.execute("SELECT count(*) FROM acks").fetchone()[0] - _CLIENTS
        if excess > 0:
            self._database.execute(
                "DELETE FROM acks WHERE client IN (SELECT client FROM acks ORDER BY at LIMIT ?)", (excess,)
            )

    def acknowledged(self, client: str) -> int:
        """The newest message that ``client`` acknowledged, 0 if none."""
        found = self._database.execute("SELECT sequence FROM acks WHERE client = ?", (client,)).fetchone()
        return 0 if found is None else found[0]

    def read(self, first: int, limit: int, topic: str | None = None) -> list[tuple[int, str, str]]:
        """``(sequence, topic, text)`` of at most ``limit`` messages from ``first`` on, ascending."""
        where, values = ("AND topic = ?", (first, topic, limit)) if topic else ("", (first, limit))
        return self._database.execute(
            f"SELECT sequence, topic, body FROM messages WHERE sequence >= ? {where} ORDER BY sequence LIMIT ?", values
        ).fetchall()

    def newest(self, limit: int, topic: str | None = None) -> list[tuple[int, str, str]]:
        """``(sequence, topic, text)`` of the newest ``limit`` messages, ascending."""
        where, values = ("WHERE topic = ?", (topic, limit)) if topic else ("", (limit,))
        rows = self._database.execute(
            f"SELECT sequence, topic, body FROM messages {where} ORDER BY sequence DESC LIMIT ?", values
        ).fetchall()
        return rows[::-1]

    def topics(self) -> dict[str, int]:
        """Sequence number of the newest message of each topic."""
        return dict(self._database.execute("SELECT topic, max(sequence) FROM messages GROUP BY topic").fetchall())

    def close(self) -> None:
        self._database.close()
