"""``thermofab strategy`` as a shell runs it, on a made-up market in CSV files."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from thermofab.apps.strategy import TRMConfig, TRMModelConfig, TRMTrainingConfig, load_strategy_model


@pytest.fixture(scope="module")
def folder(frames, tmp_path_factory) -> Path:
    """CSV files, and a small configuration."""
    made = tmp_path_factory.mktemp("command")
    (made / "prices").mkdir()
    for symbol, frame in frames.items():
        frame.to_csv(made / "prices" / f"{symbol}.csv", index=False)
    TRMConfig(
        model=TRMModelConfig(hidden_dim=16, mask_inputs=True),
        training=TRMTrainingConfig(batch_size=64, max_batches=20, check_every=10),
    ).save(made / "config.json")
    return made


def strategy(folder: Path, *arguments: object) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "thermofab.apps.cli", "strategy", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=folder)


def run(folder: Path, *arguments: object) -> dict:
    done = strategy(folder, *arguments, "--prices", folder / "prices", "--config", folder / "config.json", "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_label(folder):
    made = run(folder, "label", "--start", "2008-01-01", "--end", "2008-03-31", "--out", folder / "labels")
    assert made["labels"] == 65 and sum(made["counts"].values()) == 65
    assert all(Path(file).exists() for file in made["files"])
    crises = run(folder, "label", "--out", folder / "crises")
    assert crises["files"][0].endswith("black_swan_labels.parquet") and crises["labels"] > 40


def test_train_then_load(folder):
    made = run(folder, "train", "--out", folder / "model", "--seed", 3)
    model = load_strategy_model(made["checkpoint"])
    assert model.digest == made["digest"] and model.config.training.seed == 3 and model.temperature > 0
    assert model.about["trained"][0].startswith("2007-") and made["validation_days"] > 50
    p, _, _ = model.probabilities(np.full((2, 10), [18, *[0.01] * 9]))
    assert p.sum(axis=1) == pytest.approx(1)
    assert not list(folder.glob("model-unfinished*"))


def test_evaluate_prints_the_table(folder):
    done = strategy(
        folder, "evaluate", "--prices", folder / "prices", "--config", folder / "config.json", "--folds", 1,
        "--first-train", 300, "--embargo", 3,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    for name in ("recursive model", "majority", "logistic", "boosting", "mlp", "random", "Financial Crisis"):
        assert name in done.stdout


def test_errors_are_one_line(folder):
    done = strategy(folder, "label", "--prices", folder / "nowhere")
    assert done.returncode == 2 and "there is no" in done.stderr and "Traceback" not in done.stderr


def test_importing_the_package_loads_no_torch():
    code = "import sys, thermofab, thermofab.apps.strategy, thermofab.apps.cli; print('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "False"
