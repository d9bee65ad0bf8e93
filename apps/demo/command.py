"""The demo in order: compile, run on two devices, compare bits and distributions, write the report."""

import json
import shlex
import time
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from thermofab.apps.console import made, steps
from thermofab.apps.demo import measure, report
from thermofab.apps.demo.facts import Facts, Seconds
from thermofab.apps.demo.peer import Peer
from thermofab.apps.demo.workload import Workload, spin_glass
from thermofab.compiler import compile, exact, verify
from thermofab.hw.spec import Device, Program, Samples, Schedule, fabric, open_device

T = TypeVar("T")


@dataclass(frozen=True)
class Result:
    """What the demo found; ``numbers`` is what ``--json`` prints."""

    passed: bool
    verdict: str
    numbers: Mapping[str, Any]
    page: Path


def run(
    out: Path, fabric_name: str, device: str, n_nodes: int, replicas: int, samples: int, seed: int, quiet: bool
) -> Result:
    """Run the demo and write ``out/report.html``; raises ``ThermofabError`` on bad arguments or missing tools."""
    made(out)
    work, spec = spin_glass(n_nodes, seed), fabric(fabric_name)
    schedule = Schedule(n_warmup=200, n_samples=samples, steps_per_sample=4)
    with steps(7, quiet) as step:
        step(f"build {device} for {spec.topology.name}")
        opened, build = _timed(lambda: open_device(device, spec))
        step("compile the THRML program")
        program, compiling = _timed(lambda: compile(work.program, spec, seed=seed))
        step("enumerate its distribution, and the fabric's")
        distribution = exact(work.program, clamp=work.clamp)
        if program.report.sites <= 20:
            program = verify(program)
        nodes = list(distribution.nodes)

        def sample(on: Device | str) -> Samples:
            return program.sample(
                schedule, nodes=[nodes], clamp=work.clamp, replicas=replicas, seed=seed, device=on
            )  # fmt: skip

        step(f"sample on jax, {replicas} replicas, twice")
        _, jax_first = _timed(lambda: sample("jax"))
        here, jax_again = _timed(lambda: sample("jax"))
        step(f"sample on {device}, {replicas} replicas")
        there, on_device = _timed(lambda: sample(opened))
        step("sample with THRML, the same number of chains and samples")
        peer, thrml_compile = _timed(lambda: Peer(work, schedule, nodes, replicas, seed))
        thrml_states, thrml = _timed(peer.states)
        step("compare and draw")
        options = {"--fabric": fabric_name, "--device": device, "--nodes": n_nodes, "--replicas": replicas,
                   "--samples": samples, "--seed": seed}  # fmt: skip
        facts = Facts(
            command=shlex.join(["thermofab", "demo", *(str(part) for pair in options.items() for part in pair)]),
            program=program,
            device=device,
            compared=here.sites.size,
            differing=int(np.count_nonzero(here.sites != there.sites)),
            exact=distribution.probabilities,
            mean_energy=float(distribution.probabilities @ distribution.energies),
            fabric=measure.histogram(here.states[0]),
            thrml=measure.histogram(thrml_states),
            means=2 * here.node_states.mean(axis=(0, 1)) - 1,
            energies=here.energies(),
            thrml_energies=_energies(program, work, distribution.nodes, thrml_states),
            cycles=there.ledger.cycles,
            sweeps=there.ledger.sweeps,
            seconds=Seconds(compiling, build, jax_first, jax_again, on_device, thrml_compile, thrml),
        )
        (out / "report.html").write_text(report.page(facts), encoding="utf-8")
        (out / "report.json").write_text(json.dumps(facts.numbers(), indent=2))
        (out / "program.json").write_text(json.dumps(program.to_json()))
    return Result(facts.passed, facts.verdict, facts.numbers(), out / "report.html")


def _timed(make: Callable[[], T]) -> tuple[T, float]:
    started = time.perf_counter()
    made = make()
    return made, time.perf_counter() - started


def _energies(program: Program, work: Workload, nodes: tuple[Hashable, ...], states: np.ndarray) -> np.ndarray:
    """float64 ``[R, S]``: energies of states ``[R, S, nodes]`` of the free nodes, the clamped ones as clamped."""
    every = np.empty((*states.shape[:2], len(work.nodes)), dtype=bool)
    every[..., [program.node_index[node] for node in nodes]] = states
    every[..., [program.node_index[work.nodes[k]] for k in work.clamped]] = work.clamp[0]
    return program.model.energies(every)
