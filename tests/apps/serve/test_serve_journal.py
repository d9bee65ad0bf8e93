"""The journal: order, what survives, who may open it."""

import sqlite3
import subprocess
import sys

import pytest

from thermofab.apps.serve.journal import Journal
from thermofab.hw.spec import SpecError


def filled(path, count, keep=1000):
    journal = Journal(path, keep)
    for n in range(journal.head + 1, journal.head + count + 1):
        journal.append(n, "AB"[n % 2], "trm_prediction", f"body {n}")
    return journal


def test_what_was_appended_is_read_in_order_by_topic_and_after_reopening(tmp_path):
    journal = filled(tmp_path / "j", 6)
    identity = journal.identity
    assert journal.read(3, 2) == [(3, "B", "body 3"), (4, "A", "body 4")]
    assert [n for n, _, _ in journal.newest(2, "A")] == [4, 6]
    journal.close()
    again = Journal(tmp_path / "j")
    assert (again.head, again.oldest, again.identity, again.topics()) == (6, 1, identity, {"A": 6, "B": 5})
    assert [n for n, _, _ in again.read(1, 100)] == [1, 2, 3, 4, 5, 6]
    again.close()


@pytest.mark.parametrize("sequence", [0, 1, 3])
def test_only_the_next_number_is_appended(tmp_path, sequence):
    journal = filled(tmp_path / "j", 1)
    with pytest.raises(SpecError, match=f"message {sequence} does not follow message 1."):
        journal.append(sequence, "A", "trm_prediction", "")
    assert journal.head == 1
    journal.close()


def test_acknowledgements_only_rise(tmp_path):
    journal = filled(tmp_path / "j", 3)
    journal.acknowledge({"me": 2})
    journal.acknowledge({"me": 1, "you": 3})
    journal.append(4, "A", "trm_prediction", "", {"you": 4})
    assert [journal.acknowledged(name) for name in ("me", "you", "nobody")] == [2, 4, 0]
    journal.close()


def test_old_messages_are_deleted_and_numbers_go_on(tmp_path):
    journal = filled(tmp_path / "j", 300, keep=20)
    assert (journal.head, journal.oldest) == (300, 237), "256 was the last time to delete"
    assert journal.read(1, 1)[0][0] == 237
    journal.close()
    again = filled(tmp_path / "j", 1, keep=20)
    assert (again.head, again.oldest) == (301, 237)
    again.close()


def test_every_commit_is_flushed_to_disk(tmp_path):
    journal = Journal(tmp_path / "j")
    assert journal._database.execute("PRAGMA synchronous").fetchone() == (2,)
    assert journal._database.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    journal.close()


def test_one_process_at_a_time(tmp_path):
    journal = filled(tmp_path / "j", 1)
    code = f"from thermofab.apps.serve.journal import Journal; Journal({str(tmp_path / 'j')!r})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 1 and "is another server using it?" in done.stderr
    journal.close()
    assert subprocess.run([sys.executable, "-c", code], capture_output=True).returncode == 0


def test_other_files_are_refused_and_left_alone(tmp_path):
    (tmp_path / "text").write_text("nothing of a database, but long enough to look at" * 20)
    with pytest.raises(SpecError, match="is no journal"):
        Journal(tmp_path / "text")
    other = sqlite3.connect(tmp_path / "other")
    other.execute("CREATE TABLE messages (x)")
    other.commit()
    other.close()
    with pytest.raises(SpecError, match="is another program's database"):
        Journal(tmp_path / "other")
    assert sqlite3.connect(tmp_path / "other").execute("SELECT name FROM sqlite_master").fetchall() == [("messages",)]
    with pytest.raises(SpecError, match="keeps at least 1"):
        Journal(tmp_path / "j", 0)
