"""Studies: the same records however they are run, interrupted, shared or distributed."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from thermofab.apps.explore import RecordStore, Settings, Space, StudyFile, open_executor, run_study
from thermofab.apps.explore.executor import InProcess, OnDask
from thermofab.apps.explore.importance import importance
from thermofab.hw.spec import SpecError

ROOT = Path(__file__).resolve().parents[3]
QUICK = Settings(samples=200, warmup=50, replicas=16)
STUDY = StudyFile(
    "small",
    ("spin-glass", "expert-router"),
    space=Space(("g8-5x6", "complete-20"), ("spatial", "relay", "dense"), weight_bits=(5, 8)),
    settings=QUICK,
)
RUN = """
import sys
from pathlib import Path
from thermofab.apps.explore import RecordStore, StudyFile, run_study
def said(done, wanted, record): print(record.key, flush=True)
if __name__ == "__main__":
    result = run_study(StudyFile.read(Path(sys.argv[1])), RecordStore(sys.argv[2]), progress=said)
    print("fresh", result.fresh, "front", *[result.points[k].digest for k in result.front])
"""


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """The study in one process."""
    return run_study(STUDY, RecordStore(tmp_path_factory.mktemp("alone") / "records.db"))


def started(study: Path, records: Path | str) -> subprocess.Popen:
    script = study.parent / "run.py"
    script.write_text(RUN)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])}
    command = [sys.executable, str(script), str(study), str(records)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment, cwd=ROOT)


def test_a_study_file_is_read_back_from_json_and_toml(tmp_path):
    STUDY.write(tmp_path / "study.json")
    assert StudyFile.read(tmp_path / "study.json") == STUDY
    toml = 'name = "t"\nworkloads = ["sk"]\ncandidates = ["own"]\nobjectives = ["max:ess_per_second"]\n'
    (tmp_path / "study.toml").write_text(toml + "[settings]\nsamples = 300\n")
    read = StudyFile.read(tmp_path / "study.toml")
    assert read.settings.samples == 300 and read.candidates[0].family == "own"
    for wrong in ({"name": "x"}, {"name": "x", "workloads": ["sk"], "colour": 1}, {"name": "x", "workloads": ["sk"]}):
        with pytest.raises(SpecError):
            StudyFile.from_json(wrong)


def test_a_study_run_again_makes_nothing_and_is_the_same(alone, tmp_path):
    store = RecordStore(tmp_path / "records.db")
    once = run_study(STUDY, store)
    again = run_study(STUDY, store)
    assert (once.fresh, again.fresh) == (24, 0)
    assert once.records == again.records == alone.records and once.front == again.front == alone.front
    assert 0 < len(once.front) < len(once.points) == 12
    assert any(point.costs is None and point.reason for point in once.points)
    volumes = once.hypervolumes
    assert list(volumes) == sorted(volumes) and volumes[-1] > 0


def test_killed_in_mid_run_and_resumed_nothing_is_repeated(alone, tmp_path):
    STUDY.write(tmp_path / "study.json")
    first = started(tmp_path / "study.json", tmp_path / "records.db")
    assert first.stdout is not None
    for _ in range(8):
        first.stdout.readline()
    first.send_signal(signal.SIGKILL)
    first.wait()
    store = RecordStore(tmp_path / "records.db")
    kept = len(store.get(record.key for record in alone.records))
    resumed = run_study(STUDY, store)
    assert 8 <= kept < 24 and resumed.fresh == 24 - kept
    assert resumed.records == alone.records and resumed.front == alone.front


def test_two_processes_on_one_study_share_the_work_and_find_the_same_front(alone, tmp_path):
    STUDY.write(tmp_path / "study.json")
    both = [started(tmp_path / "study.json", tmp_path / "records.db") for _ in range(2)]
    last = [process.communicate(timeout=120)[0].splitlines()[-1].split() for process in both]
    fresh = [int(words[1]) for words in last]
    assert sum(fresh) == 24 and min(fresh) > 0
    front = [alone.points[k].digest for k in alone.front]
    assert last[0][3:] == last[1][3:] == front


@pytest.mark.parametrize("url", os.environ.get("THERMOFAB_DATABASES", "").split() or [""])
def test_two_processes_share_a_database_server(url, tmp_path):
    """Of the servers that THERMOFAB_DATABASES names, by URLs of databases; records of a seed of their own are left."""
    if not url:
        pytest.skip("THERMOFAB_DATABASES names no database, e.g. postgresql://user@host/name")
    study = STUDY.but(settings=Settings(**{**QUICK.to_json(), "seed": time.time_ns() % 2**31}))
    study.write(tmp_path / "study.json")
    both = [started(tmp_path / "study.json", url) for _ in range(2)]
    last = [process.communicate(timeout=300)[0].splitlines()[-1].split() for process in both]
    assert sum(int(words[1]) for words in last) == 24 and last[0][3:] == last[1][3:]
    here, there = RecordStore(tmp_path / "records.db"), RecordStore(url)
    same, again = run_study(study, here), run_study(study, there)
    assert again.fresh == 0 and again.records == same.records and again.front == same.front


def test_a_cluster_that_loses_a_worker_loses_nothing(alone, tmp_path):
    """Two worker processes; one is killed while it works, and the front is that of one process."""
    with open_executor("dask://local:2") as executor:
        assert isinstance(executor, OnDask)
        workers = executor.client.run(os.getpid)
        killed = []

        def kill(done, wanted, record):
            if not killed and done >= 4:
                killed.append(next(iter(workers.values())))
                os.kill(killed[0], signal.SIGKILL)

        result = run_study(STUDY, RecordStore(tmp_path / "records.db"), executor, kill)
        assert killed and killed[0] not in executor.client.run(os.getpid).values()
    assert result.records == alone.records and result.front == alone.front and result.fresh == 24


def test_nsga2_and_random_search_go_the_same_way_again(alone, tmp_path):
    store = RecordStore(tmp_path / "records.db")
    for record in alone.records:
        store.put(record)
    genetic = STUDY.but(sampler="nsga2", trials=24, population=8, seed=3)
    first, again = run_study(genetic, store), run_study(genetic, store)
    assert first.points == again.points and first.fresh == 0
    assert {point.digest for point in first.points} <= {point.digest for point in alone.points}
    drawn = run_study(STUDY.but(sampler="random", trials=5, seed=1), store)
    assert len(drawn.points) == 5
    with pytest.raises(SpecError, match="chooses from a space"):
        run_study(StudyFile("x", ("sk",), (alone.records[0].candidate,), sampler="random", trials=3), store)


def test_importance_finds_the_architecture(alone):
    found = importance(alone)["max:ess_per_klut_second"]
    assert sum(found.values()) == pytest.approx(1.0)
    assert {"family", "architecture", "weight_bits"} <= set(found)


def test_a_claim_is_one_processes_and_lapses_with_it(tmp_path):
    mine, other = RecordStore(tmp_path / "r.db"), RecordStore(tmp_path / "r.db")
    assert mine.claim("k") and not other.claim("k")
    mine.release()
    assert other.claim("k")
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    other.release()
    gone = RecordStore(tmp_path / "r.db")
    gone.owner = gone.owner.split(":")[0] + f":{dead.pid}:x"
    assert gone.claim("j") and mine.claim("j")


def test_executors_and_storage_that_do_not_exist_are_refused(tmp_path):
    for wrong in ("spark://a:1", "dask://local", "dask://local:0", "there"):
        with pytest.raises(SpecError, match="an executor"), open_executor(wrong):
            pass
    with pytest.raises(SpecError):
        RecordStore("nodatabase://x")
    with open_executor(None) as executor:
        assert isinstance(executor, InProcess)


def test_records_are_json_in_one_table(alone, tmp_path):
    import sqlite3

    store = RecordStore(tmp_path / "r.db")
    store.put(alone.records[0])
    assert not store.put(alone.records[0])
    (row,) = sqlite3.connect(tmp_path / "r.db").execute("select record from thermofab_records")
    assert json.loads(row[0])["key"] == alone.records[0].key
