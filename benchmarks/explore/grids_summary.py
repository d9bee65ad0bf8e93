r"""What the models of ``grids.py`` say together: sweeps, energy and clocks to equal quality, by grid.

A grid's score after k sweeps is the best of its monolithic machines without penalty, each trained with chains of
another length: a chain is at its best after about as many sweeps as it was trained with, so that one length for all
would decide the answer. A target counts as reached after

    k* = the first k, interpolated in log k, at which that score is at or below the target.

Energies of a sample are k* · sites · J per update; no reading or loading. Spreads are standard deviations over seeds.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

import thermofab as fab
from thermofab.apps.explore.area import area_of
from thermofab.hw.host.architectures import loading_of
from thermofab.hw.spec import Topology
from thermofab.hw.spec.costs import DTCA, Z1

SIZE, PIXELS = "16x16", 64
FID_TARGETS = (11.0, 7.0, 5.0, 2.5, 1.5)
MMD_TARGETS = (0.0025,)
EQUAL = (5.0, 2.5)
"""FIDs of equal quality: one that every grid but king reaches with every seed, and one for the denser grids."""
_WIRED = "g12"  # whose wires the DTCA model's energy is supposed to be of
_LARGE = "40x40"  # has a site whose neighbours are all inside, of every rule


def first_reaching(sweeps: Sequence[int], scores: Sequence[float], target: float) -> float | None:
    """k*: where the scores first are at or below ``target``, linear between two points in log k; None where never."""
    for k, score in enumerate(scores):
        if score <= target:
            if k == 0:
                return float(sweeps[0])
            before = scores[k - 1]
            share = (before - target) / (before - score)
            return float(np.exp(np.interp(share, (0, 1), np.log(sweeps[k - 1 : k + 1]))))
    return None


def wire_cells(topology: Topology) -> int:
    """Wire from a site to all its neighbours, each apart, along rows and columns, in cells: the most of all sites."""
    i, j = topology.edges.T
    lengths = np.abs(topology.coordinates[i] - topology.coordinates[j]).sum(axis=1)
    ends = np.concatenate([i, j])
    return int(round(np.bincount(ends, np.tile(lengths, 2)).max()))


def wired_update(cells: float, of: float) -> float:
    """Joules of an update if all of the DTCA cell's energy but its random bit went with its wires; the model's own is
    taken to be that of ``of`` cells."""
    random_bit = dict(DTCA.parts)["E_rng"]
    return random_bit + (DTCA.per_update - random_bit) * cells / of


def spread(values: Sequence[float | None]) -> dict[str, Any] | None:
    """Mean and standard deviation over seeds, and the values; None where one is missing."""
    known = [value for value in values if value is not None]
    if not known or len(known) < len(values):
        return None
    deviation = float(np.std(known, ddof=1)) if len(known) > 1 else None
    return {"mean": float(np.mean(known)), "deviation": deviation, "values": known}


def summary(rows: list[dict[str, Any]], grids: Sequence[str], sweeps: Sequence[int]) -> dict[str, Any]:
    """Of all that was kept: by grid, and of the control."""
    plain = [row for row in rows if row["threshold"] == 0 and row["layers"] == 1]
    found = {}
    for grid in grids:
        mine = [row for row in plain if (row["grid"], row["size"]) == (grid, SIZE)]
        if mine:
            found[grid] = {
                **_fabric(grid),
                **_quality(mine, sweeps),
                "denoising": _denoising([row for row in rows if row["grid"] == grid and row["layers"] > 1], sweeps),
                "trainings": _trainings([row for row in rows if (row["grid"], row["size"]) == (grid, SIZE)], sweeps),
            }
            found[grid]["at_fid"] = {f"{target:g}": _costs(found[grid], target) for target in EQUAL}
    control = [row for row in plain if row["size"] != SIZE]
    return {
        "seeds": sorted({row["seed"] for row in rows}),
        "training_lengths": sorted({row["sweeps"] for row in plain if row["size"] == SIZE}),
        "equal_fid": list(EQUAL),
        "training_and_judging_seconds": round(sum(row["seconds"] for row in rows)),
        "grids": found,
        "same_couplings": _control(control, sweeps),
    }


def _fabric(grid: str) -> dict[str, Any]:
    spec = fab.fabric(f"{grid}-{SIZE}-torus")
    area = area_of(spec)
    wires = wire_cells(fab.fabric(f"{grid}-{_LARGE}").topology)
    return {
        "sites": spec.n_sites,
        "degree": spec.topology.max_degree,
        "couplings": len(spec.topology.edges),
        "wire_cells": wires,
        "joules_per_update_wired": wired_update(wires, wire_cells(fab.fabric(f"{_WIRED}-{_LARGE}").topology)),
        "clocks_per_sweep": int(loading_of(spec).sweep_clocks),
        "lut4": area.lut4,
        "lut4_standing": area.standing,
        "lut4_error": area.errors.get("lut4"),
        "megahertz": area.megahertz,
    }


def _quality(rows: list[dict[str, Any]], sweeps: Sequence[int]) -> dict[str, Any]:
    """The envelope over trainings, a curve a seed, and the sweeps to every target."""
    seeds = sorted({row["seed"] for row in rows})
    made: dict[str, Any] = {}
    for name, targets in (("fid", FID_TARGETS), ("mmd", MMD_TARGETS)):
        curves = [np.min([row[name] for row in rows if row["seed"] == seed], axis=0) for seed in seeds]
        made[f"{name}_by_sweeps"] = [spread(list(at)) for at in np.transpose(curves).tolist()]
        made[f"best_{name}"] = spread([float(curve.min()) for curve in curves])
        made[f"sweeps_to_{name}"] = {
            f"{target:g}": spread([first_reaching(sweeps, curve.tolist(), target) for curve in curves])
            for target in targets
        }
    return made


def _trainings(rows: list[dict[str, Any]], sweeps: Sequence[int]) -> list[dict[str, Any]]:
    """A row a way of training: mixing, and quality after as many sweeps as in training and after 400."""
    made = []
    for layers, length, threshold in sorted({(row["layers"], row["sweeps"], row["threshold"]) for row in rows}):
        mine = [row for row in rows if (row["layers"], row["sweeps"], row["threshold"]) == (layers, length, threshold)]
        at, last = list(sweeps).index(length), len(sweeps) - 1
        made.append(
            {
                "layers": layers,
                "sweeps": length,
                "threshold": threshold,
                "seeds": len(mine),
                "tau": spread([row["tau"] for row in mine]),
                "tau_complete": all(row["tau_complete"] for row in mine),
                "rho_50": spread([row["rho_50"] for row in mine]),
                "fid": spread([row["fid"][at] for row in mine]),
                "mmd": spread([row["mmd"][at] for row in mine]),
                "held_out_mmd": spread([row["held_out_mmd"] for row in mine]),
                f"fid_at_{sweeps[last]}": spread([row["fid"][last] for row in mine]),
                "fid_by_sweeps": [spread(list(at)) for at in np.transpose([row["fid"] for row in mine]).tolist()],
                "strongest_penalty": spread([row["strongest_penalty"] for row in mine]),
                "training_seconds": spread([row["training_seconds"] for row in mine]),
            }
        )
    return made


def _costs(grid: dict[str, Any], target: float) -> dict[str, Any] | None:
    """Of a sample of that FID; None where it is not reached with every seed."""
    reached = grid["sweeps_to_fid"][f"{target:g}"]
    if reached is None:
        return None

    def times(factor: float) -> dict[str, Any] | None:
        return spread([factor * value for value in reached["values"]])

    clocks = grid["clocks_per_sweep"]
    rates = [grid["megahertz"] * 1e6 / (clocks * k) / (grid["lut4"] / 1000) for k in reached["values"]]
    return {
        "sweeps": reached,
        "clocks": times(clocks),
        "joules_dtca": times(DTCA.joules(grid["sites"])),
        "joules_z1": times(Z1.joules(grid["sites"])),
        "joules_dtca_wired": times(grid["joules_per_update_wired"] * grid["sites"]),
        "joules_z1_read_pixels": Z1.joules(0, sites_read=PIXELS),
        "joules_z1_write_all": Z1.joules(0, sites_written=grid["sites"]),
        "samples_per_klut_second": spread(rates),
    }


def _denoising(rows: list[dict[str, Any]], sweeps: Sequence[int]) -> dict[str, Any] | None:
    """Denoising models of one depth; sweeps are of each layer."""
    if not rows:
        return None
    return {"layers": rows[0]["layers"], "seeds": len(rows)} | _quality(rows, sweeps)


def _control(rows: list[dict[str, Any]], sweeps: Sequence[int]) -> dict[str, Any] | None:
    """The fabric of degree 8 with as many couplings as g24 on fewer sites."""
    if not rows:
        return None
    spec = fab.fabric(f"{rows[0]['grid']}-{rows[0]['size']}-torus")
    return {"fabric": spec.topology.name, "sites": spec.n_sites, "couplings": len(spec.topology.edges)} | _quality(
        rows, sweeps
    )
