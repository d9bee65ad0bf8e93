"""The demo in order: compile, run on two devices, compare bits and distributions, write the report."""

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import numpy as np
from thrml import Block, SamplingSchedule
from thrml import sample_states as thrml_sample_states

from thermofab.apps.console import steps
from thermofab.apps.demo import measure, plots, report
from thermofab.apps.demo.workload import Workload, spin_glass
from thermofab.compiler import compile, exact, verify
from thermofab.compiler.distributions.enumeration import total_variation
from thermofab.hw.spec import Schedule, fabric, open_device

# What the allowance would be exceeded with if the effective samples were independent; chains make it a guide only.
NOMINAL_FALSE_ALARM = 1e-7


@dataclass(frozen=True)
class Result:
    """What the demo found; ``numbers`` is what ``--json`` prints."""

    passed: bool
    verdict: str
    numbers: dict[str, Any]
    page: Path


def run(
    out: Path, fabric_name: str, device: str, n_nodes: int, replicas: int, samples: int, seed: int, quiet: bool
) -> Result:
    """Run the demo and write ``out/report.html``; raises ``ThermofabError`` on bad arguments or missing tools."""
    out.mkdir(parents=True, exist_ok=True)
    work = spin_glass(n_nodes, seed)
    spec = fabric(fabric_name)
    schedule = Schedule(n_warmup=200, n_samples=samples, steps_per_sample=4)
    with steps(7, quiet) as step:
        step(f"build {device} for {spec.topology.name}")
        rtl = open_device(device, spec)
        step("compile the THRML program")
        program = compile(work.program, spec, seed=seed)
        step("enumerate its distribution, and the fabric's")
        distribution = exact(work.program, clamp=work.clamp)
        if program.report.sites <= 20:
            program = verify(program)
        step(f"sample on jax, {replicas} replicas")
        free = [list(distribution.nodes)]
        out_jax = program.sample(schedule, nodes=free, clamp=work.clamp, replicas=replicas, seed=seed, device="jax")
        step(f"sample on {device}, {replicas} replicas")
        out_rtl = program.sample(schedule, nodes=free, clamp=work.clamp, replicas=replicas, seed=seed, device=rtl)
        step("sample with THRML, the same number of chains and samples")
        thrml_states, thrml_seconds = _thrml(work, schedule, free[0], replicas, seed)
        step("compare and draw")
        differing = int(np.count_nonzero(out_jax.sites != out_rtl.sites))
        fabric_distribution = measure.histogram(out_jax.states[0])
        thrml_distribution = measure.histogram(thrml_states)
        every = np.empty((*thrml_states.shape[:2], n_nodes), dtype=bool)
        every[..., [program.node_index[node] for node in distribution.nodes]] = thrml_states
        every[..., [program.node_index[work.nodes[k]] for k in work.clamped]] = work.clamp[0]
        thrml_energies = program.model.energies(every)
        energies = out_jax.energies()
        rho, rho_thrml = measure.autocorrelation(energies, 30), measure.autocorrelation(thrml_energies, 30)
        tau = measure.integrated_time(rho)
        effective = int(replicas * samples / tau)
        floor = measure.sampling_floor(distribution.probabilities, effective)
        slack = measure.deviation_bound(effective, NOMINAL_FALSE_ALARM)
        certified = program.report.end_to_end_tv
        allowance = floor + slack + (program.report.end_to_end.tv or 0.0)
        tv = total_variation(fabric_distribution, distribution.probabilities)
        tv_thrml = total_variation(thrml_distribution, distribution.probabilities)
        plots.fabric_map(out / "fabric.png", program)
        plots.distribution(
            out / "distribution.png", distribution.probabilities, fabric_distribution, thrml_distribution
        )
        plots.energy_trace(out / "energy.png", energies, float(distribution.probabilities @ distribution.energies))
        plots.mixing(out / "mixing.png", rho, rho_thrml)
    passed = differing == 0 and tv <= allowance
    compared = out_jax.sites.size
    verdict = (
        f"{compared:,} site states compared between jax and {device}: {differing} differ. "
        f"TV to the enumerated distribution {tv:.4f}, of which sampling error explains "
        f"{floor:.4f}; THRML's own sampler "
        f"{tv_thrml:.4f}."
    )
    numbers = {
        "passed": passed,
        "fabric": spec.topology.name,
        "nodes": n_nodes,
        "sites_used": program.report.sites,
        "certificate": str(program.report.certificate),
        "end_to_end_tv": certified,
        "states_compared": compared,
        "states_differing": differing,
        "tv": tv,
        "tv_thrml": tv_thrml,
        "tv_expected_from_sampling": floor,
        "tv_allowed": allowance,
        "false_alarm_if_independent": NOMINAL_FALSE_ALARM,
        "integrated_autocorrelation_time": tau,
        "samples": replicas * samples,
        "effective_samples": effective,
        "rtl_cycles": out_rtl.ledger.cycles,
        "seconds_jax": out_jax.ledger.seconds,
        f"seconds_{device}": out_rtl.ledger.seconds,
        "seconds_thrml": thrml_seconds,
    }
    report.write(
        out / "report.html",
        verdict,
        passed,
        [
            ("fabric.png", "The fabric, and where the program's nodes sit on it."),
            ("distribution.png", "The sampled distribution against the enumerated one."),
            ("energy.png", "Energy of one chain on the fabric."),
            ("mixing.png", f"Mixing: integrated autocorrelation time {tau:.2f} samples."),
        ],
        {key.replace("_", " "): f"{value:.5g}" if isinstance(value, float) else str(value)
         for key, value in numbers.items()},
        str(program.report),
    )  # fmt: skip
    (out / "report.json").write_text(json.dumps(numbers, indent=2))
    (out / "program.json").write_text(json.dumps(program.to_json()))
    return Result(passed, verdict, numbers, out / "report.html")


def _thrml(work: Workload, schedule: Schedule, nodes: Any, replicas: int, seed: int) -> tuple[np.ndarray, float]:
    """THRML's own sampler on the same program: bool ``[R, S, nodes]`` and seconds, compilation included."""
    started = time.perf_counter()
    spec = work.program.gibbs_spec
    key = jax.random.key(seed)
    init = [
        jax.random.bernoulli(jax.random.fold_in(key, k), shape=(replicas, len(block.nodes)))
        for k, block in enumerate(spec.free_blocks)
    ]
    clamp = [jax.numpy.asarray(values) for values in work.clamp]
    plan = SamplingSchedule(schedule.n_warmup, schedule.n_samples, schedule.steps_per_sample)
    wanted = [Block(list(nodes))]

    @jax.jit
    @jax.vmap
    def chains(one_key, one_init):
        return thrml_sample_states(one_key, work.program, plan, one_init, clamp, wanted)[0]

    states = np.asarray(chains(jax.random.split(key, replicas), init))
    return states, time.perf_counter() - started
