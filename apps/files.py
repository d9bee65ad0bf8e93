"""Model, program and sample files of the command line."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from thermofab.apps.console import made
from thermofab.hw.spec import DiscreteModel, FabricSpec, IsingModel, Program, Samples, Schedule, SpecError, fabric


def read_model(path: Path) -> Any:
    """A dimod BQM (JSON of ``bqm.to_serializable()``), a thermofab model (JSON of ``model.to_json()``: spins,
    categories, terms of any order), or a networkx graph (GML, GraphML).
    """
    if not path.exists():
        raise SpecError(f"there is no file {path}.")
    if path.suffix in (".gml", ".graphml"):
        import networkx

        return (networkx.read_gml if path.suffix == ".gml" else networkx.read_graphml)(path)
    if path.suffix == ".json":
        import dimod

        data = _json(path)
        if isinstance(data, dict) and {"nodes", "beta"} <= set(data):
            return (DiscreteModel if "factors" in data else IsingModel).from_json(data)
        if not isinstance(data, dict) or data.get("type") != "BinaryQuadraticModel":
            raise SpecError(
                f"{path} is neither a dimod BQM (json.dump(bqm.to_serializable(), file)) nor an IsingModel or "
                "DiscreteModel (json.dump(model.to_json(), file))."
            )
        return dimod.BinaryQuadraticModel.from_serializable(data)
    raise SpecError(
        f"{path} has suffix '{path.suffix}'; a model is a .json (dimod BQM or thermofab model), .gml or .graphml file."
    )


def read_fabric(source: str, settings: list[str]) -> FabricSpec:
    """A fabric by name or from its JSON file, with ``settings`` such as ``"table_bits=6"`` or ``"rng=lfsr32"``."""
    overrides: dict[str, Any] = {}
    for setting in settings:
        name, given, value = setting.partition("=")
        if not given:
            raise SpecError(f"a parameter of the fabric is written name=value, e.g. table_bits=6; got '{setting}'.")
        overrides[name.strip()] = int(value) if value.strip().lstrip("-").isdecimal() else value.strip()
    path = Path(source)
    if path.suffix == ".json":
        if not path.exists():
            raise SpecError(f"there is no file {path}.")
        data = _json(path)
        if not isinstance(data, dict) or not {"topology", "digest"} <= set(data):
            raise SpecError(f"{path} is not a fabric; write one with json.dump(spec.to_json(), file).")
        return fabric(FabricSpec.from_json(data), **overrides)
    return fabric(source, **overrides)


def write_program(path: Path, program: Program) -> None:
    made(path.parent)
    path.write_text(json.dumps(program.to_json()))


def read_program(path: Path) -> Program:
    if not path.exists():
        raise SpecError(f"there is no file {path}; write one with 'thermofab compile'.")
    data = _json(path)
    if not isinstance(data, dict) or not {"fabric", "image", "copies"} <= set(data):
        raise SpecError(f"{path} is not a compiled program; write one with 'thermofab compile'.")
    return Program.from_json(data)


def read_schedule(path: Path) -> Schedule:
    """A schedule from the JSON of ``schedule.to_json()``; what is left out is as in :class:`Schedule`."""
    if not path.exists():
        raise SpecError(f"there is no file {path}; write one with json.dump(schedule.to_json(), file).")
    data = _json(path)
    known = {"n_warmup", "n_samples", "steps_per_sample", "anneal", "level"}
    if not isinstance(data, dict) or not {"n_warmup", "n_samples"} <= set(data) <= known:
        raise SpecError(
            f"{path} is not a schedule; it has n_warmup and n_samples, and may have steps_per_sample, anneal and level."
        )
    phases = data.get("anneal", [])
    if not isinstance(phases, list) or not all(
        isinstance(phase, list) and len(phase) == 2 and all(type(number) is int for number in phase) for phase in phases
    ):
        raise SpecError(f"{path} has anneal phases that are not pairs [sweeps, level] of integers.")
    return Schedule.from_json({"anneal": [], **data})


def write_samples(path: Path, samples: Samples) -> None:
    """``states`` bool ``[R, S, n]``, ``energies`` ``[R, S]`` and the node names."""
    made(path.parent)
    nodes = np.array([str(node) for node in samples.program.model.nodes]) if samples.program else np.array([])
    np.savez_compressed(path, states=samples.node_states, energies=samples.energies(), nodes=nodes)


def summary(samples: Samples) -> dict[str, Any]:
    """Moments and costs of a run, JSON-ready; of a program with categories or higher terms, how often every node was
    in each of its states instead of moments.
    """
    assert samples.program is not None
    if isinstance(samples.program.model, IsingModel):
        moments = samples.moments()
        found: dict[str, Any] = {
            "magnetisation": {str(node): float(mean) for node, mean in zip(moments.nodes, moments.first)},
            "correlation": [[str(a), str(b), float(c)] for (a, b), c in zip(moments.edges, moments.second)],
        }
    else:
        nodes = samples.program.model.nodes
        found = {"frequencies": {str(node): f.tolist() for node, f in zip(nodes, samples.frequencies())}}
    return {
        "device": samples.device,
        "samples": int(np.prod(samples.sites.shape[:2])),
        "sweeps": samples.ledger.sweeps,
        "site_updates": samples.ledger.site_updates,
        "cycles": samples.ledger.cycles,
        "cycles_are": samples.ledger.cycles_are,
        "seconds": samples.ledger.seconds,
        "mean_energy": float(samples.energies().mean()),
        **found,
    }


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_text())
    except ValueError as error:
        raise SpecError(f"{path} is not JSON: {error}.") from None
