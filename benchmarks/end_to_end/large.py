"""Large programs: the mean energy of long runs against replica exchange in floating point.

Sherrington-Kirkpatrick couplings on K16 and K24, J ~ N(0, 1) and N(0, 1)/√n, and restricted Boltzmann machines of 32 x
32, J ~ N(0, 1)/√64, at β = 1, on three fabrics. A program is refused, with its sentence; or run, 64 replicas of 20,000
sweeps of warm-up and 400 samples 50 sweeps apart, and its kept samples' mean energy is compared with that of 64
independent ladders of the real-valued model. ``z`` is in standard errors over chains and ladders together; where the
replicas' energies have not met (split R-hat above 1.05) there is none.
"""

import time
import warnings
from typing import Any

import numpy as np
from common import PROFILES

import thermofab as fab
from thermofab.compiler.distributions.gibbs import tempered_states
from thermofab.hw.spec import CompileError, DeviceError, IsingModel
from thermofab.hw.spec.mixing import split_r_hat

FABRICS = ("g12-70x70-torus", "pegasus-4", "z1-24x24")
PROGRAMS = ("K16", "K24", "K16 unit", "K24 unit", "RBM")
WARM_UP, SAMPLES, STRIDE, REPLICAS = 20_000, 400, 50, 64
MIXED = 1.05


def model_of(name: str) -> IsingModel:
    """The program called ``name``, of a fixed seed."""
    rng = np.random.default_rng([24, PROGRAMS.index(name)])
    if name == "RBM":
        edges = [(i, 32 + j) for i in range(32) for j in range(32)]
        return IsingModel(tuple(range(64)), 0.1 * rng.normal(size=64), np.array(edges), rng.normal(size=1024) / 8)
    n = int(name.split()[0][1:])
    edges = np.array([(i, j) for i in range(n) for j in range(i + 1, n)])
    couplings = rng.normal(size=len(edges)) / (1.0 if name.endswith("unit") else np.sqrt(n))
    return IsingModel(tuple(range(n)), np.zeros(n), edges, couplings)


def reference(model: IsingModel) -> tuple[float, float, float]:
    """Mean energy of the model, its standard error over 64 ladders, and their split R-hat."""
    spins = tempered_states(
        model.edges, model.couplings, model.biases, recorded=400, warm=1500, stride=5, rungs=16, seed=7
    )  # fmt: skip
    energies = model.energies(spins).reshape(400, -1)
    chains = energies.mean(axis=0)
    return (
        float(chains.mean()),
        float(chains.std(ddof=1) / np.sqrt(len(chains))),
        float(split_r_hat(energies.T[..., None])),
    )


def kept_energy(energies: np.ndarray, kept: np.ndarray) -> tuple[float, float]:
    """Mean of ``energies`` ``[R, S]`` where ``kept``, and its standard error over replicas, as of a ratio."""
    total, count = np.where(kept, energies, 0.0).sum(axis=1), kept.sum(axis=1)
    mean = total.sum() / count.sum()
    residual = (total - mean * count) / count.mean()
    return float(mean), float(residual.std(ddof=1) / np.sqrt(len(residual)))


def measured(name: str, fabric: str, profile: str, wanted: tuple[float, float, float], check: bool) -> dict[str, Any]:
    """A row: what the compiler says, and what a run shows."""
    model, row = model_of(name), {"program": name, "fabric": fabric, "profile": profile}
    started = time.perf_counter()
    try:
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            program = fab.compile(model, fab.fabric(fabric, **PROFILES[profile]))
    except CompileError as error:
        return {**row, "refused": str(error), "seconds": round(time.perf_counter() - started)}
    report = program.report
    row |= {
        "sites": report.sites,
        "certificate": str(report.certificate),
        "end_to_end": str(report.end_to_end),
        "table": str(report.table),
        "warned": [str(one.message) for one in said][:1],
        "compile_seconds": round(time.perf_counter() - started),
    }
    try:
        samples = program.sample(
            fab.Schedule(WARM_UP, SAMPLES, STRIDE), replicas=REPLICAS, seed=3, device="native", discard=False
        )
    except DeviceError as error:
        return {**row, "not run": str(error)}
    energies, kept = model.energies(samples.node_states), samples.kept
    r_hat = float(split_r_hat(energies[..., None]))
    row |= {"reference": wanted[0], "reference_error": wanted[1], "reference_r_hat": round(wanted[2], 3)}
    row |= {"r_hat": round(r_hat, 3), "kept": round(float(kept.mean()), 4), "sweeps": WARM_UP + SAMPLES * STRIDE}
    if kept.sum(axis=1).min() < 8:
        return {**row, "not compared": "a replica keeps fewer than 8 samples"}
    mean, error = kept_energy(energies, kept)
    row |= {"energy": mean, "energy_error": error}
    if r_hat > MIXED or wanted[2] > MIXED:
        row["not compared"] = "the chains have not mixed" if r_hat > MIXED else "the reference has not mixed"
    else:
        row["z"] = round((mean - wanted[0]) / float(np.hypot(error, wanted[1])), 2)
    if check:
        row["check"] = str(program.check(device="native").report.checked)
    return row | {"seconds": round(time.perf_counter() - started)}


def line(row: dict[str, Any]) -> str:
    """A row as printed."""
    head = f"{row['program']:<9}{row['fabric']:<17}{row['profile']:<9}"
    if "refused" in row:
        return head + "refused: " + row["refused"][:150]
    if "energy" not in row:
        return head + str(row.get("not run", row.get("not compared")))[:150]
    verdict = f"z {row['z']:+.2f}" if "z" in row else row["not compared"]
    return (
        f"{head}{row['energy']:>10.4f} ± {row['energy_error']:.4f}{row['reference']:>10.4f} ± "
        f"{row['reference_error']:.4f}  {verdict}; R-hat {row['r_hat']}, kept {row['kept']}, {row['end_to_end']}"
    )


def large(programs: tuple[str, ...] = PROGRAMS, known: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    """Rows of ``programs``, after those ``known`` of others."""
    rows = [row for row in known or [] if row["program"] not in programs]
    for name in programs:
        wanted = reference(model_of(name))
        for fabric in FABRICS:
            for profile in ("default", "fine"):
                check = fabric == "z1-24x24" and name != "RBM"
                rows.append(measured(name, fabric, profile, wanted, check))
                print(line(rows[-1]), flush=True)
    return {"rows": rows}
