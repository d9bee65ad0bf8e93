"""Forms of the activation table compared: error of the distribution, bits, cells of an FPGA, speed of the simulators.

    python benchmarks/thresholds.py                       # all, about a quarter of an hour
    python benchmarks/thresholds.py distribution          # only this part of the result; also: cells, lane, speed
    python benchmarks/thresholds.py --json FILE           # elsewhere than docs/results/thresholds.json

A *form* is what a table entry holds and how many random bits it is compared with. ``t + d`` are thresholds of t bits
behind d bits of dither. ``t + d, m significant`` are thresholds with an exponent: of T only the m highest bits that are
not zero are kept, the first of them implied, and how far they are shifted; only the side a ≥ 0 of the table is stored,
as the probability of the less likely value, and the sign of a says which value that is.

**distribution** is exact. Programs on K6, one site per node, J ~ N(0, σ), biases N(0, 0.3): the sweep's transition
matrix over the 64 states is the product of its six updates, and its stationary distribution comes from elimination
without subtraction (Grassmann, Taksar & Heyman 1985), which keeps every probability to rounding error however rarely
the wells exchange. The distance is that from the user's own distribution. The scale is searched: twelve steps from the
smallest that represents every coefficient, a sixth of an octave apart, and every shift; the smallest TV counts. No
compiler takes part.

**cells** are two tables' worth of hardware as two lanes share it: a memory of four levels with two ports, and behind
each port the comparison and the flip-flop of a state; placed and routed on the ECP5 out of context, with the wrapper
taken off. ``LUT4`` includes carry chains. **lane** is a whole small fabric, synthesised. **speed** are whole calls of
``Device.run`` on the 70×70 g12 torus, the forms interleaved.

Each part is written to docs/results/thresholds.json with its command, machine and commit; the others stay as they are.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from amaranth import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out
from results import commit
from timing import interleaved_both, machine, median_rate, spread

from thermofab.hw.boards.out_of_context import measure
from thermofab.hw.boards.part import ECP5_85
from thermofab.hw.boards.recipe import recipe_of
from thermofab.hw.boards.synthesis import synthesise
from thermofab.hw.rtl.emit import emit_rtlil
from thermofab.hw.spec import FREE, FabricSpec, Image, Schedule, fabric, open_device, sigmoid_table

ROOT = Path(__file__).resolve().parent.parent
SIGMAS, PROGRAMS, SITES, LEVELS = (1.0, 1.5, 2.0, 2.5), 100, 6, 4
STEPS = 2.0 ** (np.arange(12) / 6)
SPEED_FABRIC = "g12-70x70-torus"


@dataclass(frozen=True)
class Form:
    """A form of the table.

    Attributes:
        threshold_bits: random bits that an entry is compared with; the smallest probability is 2^-threshold_bits.
        dither_bits: random bits below them that dither the address.
        word_bits: of a draw; 40 where the contract has no such word.
        significant: bits of an entry that are kept behind an exponent; 0 keeps all, of both sides.
    """

    threshold_bits: int
    dither_bits: int
    word_bits: int
    table_bits: int = 8
    weight_bits: int = 8
    bias_bits: int = 12
    significant: int = 0

    @property
    def name(self) -> str:
        said = f"{self.threshold_bits} + {self.dither_bits} of {self.word_bits}"
        if self.significant:
            said += f", {self.significant} significant"
        if self.table_bits != 8:
            said += f", table_bits {self.table_bits}"
        if self.weight_bits != 8:
            said += f", weight_bits {self.weight_bits}"
        return said

    @property
    def widths(self) -> dict[str, int]:
        """Of a fabric with this table."""
        names = ("threshold_bits", "dither_bits", "word_bits", "table_bits", "weight_bits", "bias_bits")
        return {name: getattr(self, name) for name in names}

    @property
    def exponent_bits(self) -> int:
        return (self.threshold_bits - 1).bit_length() if self.significant else 0

    @property
    def entry_bits(self) -> int:
        return self.significant - 1 + self.exponent_bits if self.significant else self.threshold_bits

    @property
    def level_bits(self) -> int:
        """Bits of one β level."""
        return self.entry_bits << (self.table_bits - (self.significant > 0))

    def code(self, probability: np.ndarray) -> np.ndarray:
        """Stored entries of an exponent form for probabilities of at most 1/2: int64, exponent above mantissa."""
        m, t = self.significant, self.threshold_bits
        exponent = np.clip(np.floor(-np.log2(probability)), 0, t - 1)
        mantissa = np.round(probability * 2.0 ** (m + exponent))
        carried = mantissa >= 2**m
        exponent, mantissa = exponent - carried, np.where(carried, 2 ** (m - 1), mantissa)
        mantissa = np.clip(mantissa, 2 ** (m - 1), 2**m - 1)  # below the floor
        return (exponent.astype(np.int64) << (m - 1)) | (mantissa.astype(np.int64) - 2 ** (m - 1))

    def threshold(self, code: np.ndarray) -> np.ndarray:
        """The threshold that a stored entry stands for, int64 in 1…2^(t-1)."""
        m = self.significant
        mantissa = (code & (2 ** (m - 1) - 1)) | 2 ** (m - 1)
        return (mantissa << (self.threshold_bits - m)) >> (code >> (m - 1))

    def table(self, argument: float) -> np.ndarray:
        """int64 ``[2A]``: entry k is 2^t P(n = 1) at address k - A, where 2·β·step·2^shift is ``argument``."""
        half, one = 2 ** (self.table_bits - 1), 2**self.threshold_bits
        unlikely = 1.0 / (1.0 + np.exp(np.minimum(argument * np.arange(half + 1), 500.0)))
        if self.significant:
            lower = self.threshold(self.code(unlikely))
            lower[half] = lower[half - 1]  # addresses end at ±(A - 1), as magnitudes have table_bits - 1 bits
        else:
            lower = np.clip(np.round(one * unlikely), 1, one // 2).astype(np.int64)
        return np.concatenate([lower[:0:-1], one - lower[:-1]])


DEFAULT, SIXTEEN, FINE = Form(12, 4, 16), Form(16, 8, 32), Form(24, 8, 32)
FORMS = (
    DEFAULT, SIXTEEN, Form(18, 8, 32), FINE,
    Form(24, 8, 32, significant=8), Form(24, 8, 32, significant=10), Form(24, 8, 32, significant=12),
    Form(32, 8, 40), Form(32, 8, 40, significant=8), Form(32, 8, 40, significant=12),
    Form(12, 4, 16, table_bits=9), Form(12, 4, 16, table_bits=10), Form(24, 8, 32, table_bits=9),
    Form(24, 8, 32, table_bits=10),
    Form(12, 4, 16, weight_bits=10), Form(24, 8, 32, weight_bits=10), Form(24, 8, 32, weight_bits=10, significant=10),
)  # fmt: skip


def up_down(form: Form, table: np.ndarray, shift: int, field: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """P(n=1 | F) and P(n=0 | F) for int64 fields; both from integers, so that neither is a difference of floats."""
    half = len(table) // 2
    dither = np.arange(2**shift)
    address = np.clip((field[..., None] + dither) >> shift, -half, half - 1)
    total = table[address + half].sum(axis=-1)
    whole = 1 << (shift + form.threshold_bits)
    return total / whole, (whole - total) / whole


def sweep_matrix(up: np.ndarray, down: np.ndarray) -> np.ndarray:
    """Transition matrices float64 ``[B, 2^n, 2^n]`` of sweeps in site order from updates ``[n, B, 2^n]``.

    ``up[i, :, x]`` is P(n_i = 1 | the other sites of state x), where bit i of x is site i.
    """
    n, batch, size = up.shape
    index = np.arange(size)
    matrix = np.broadcast_to(np.eye(size), (batch, size, size)).copy()
    for i in range(n):
        zeros, ones = index[index >> i & 1 == 0], index[index >> i & 1 == 1]
        rest = matrix[:, :, zeros] + matrix[:, :, ones]
        matrix[:, :, ones] = rest * up[i][:, None, ones]
        matrix[:, :, zeros] = rest * down[i][:, None, zeros]
    return matrix


def stationary(matrix: np.ndarray) -> np.ndarray:
    """Stationary distributions float64 ``[B, S]`` of transition matrices ``[B, S, S]``, which are overwritten.

    Elimination without subtraction: states are taken out one after another, the rates through them added to those
    between the others. The diagonal is never used.
    """
    size = matrix.shape[1]
    for k in range(size - 1, 0, -1):
        matrix[:, :k, k] /= matrix[:, k, :k].sum(axis=1)[:, None]
        matrix[:, :k, :k] += matrix[:, :k, k, None] * matrix[:, k, None, :k]
    out = np.ones((len(matrix), size))
    for k in range(1, size):
        out[:, k] = np.einsum("bi,bi->b", out[:, :k], matrix[:, :k, k])
    return out / out.sum(axis=1, keepdims=True)


def program(seed: int, sigma: float) -> tuple[np.ndarray, np.ndarray]:
    """Couplings float64 ``[6, 6]``, symmetric, and biases ``[6]``."""
    rng = np.random.default_rng([seed, round(10 * sigma)])
    upper = np.triu(rng.normal(0, sigma, (SITES, SITES)), 1)
    return upper + upper.T, rng.normal(0, 0.3, SITES)


def distance(form: Form, couplings: np.ndarray, biases: np.ndarray) -> float:
    """The smallest TV of the integer program's stationary distribution from exp(Σ b s + Σ J s s)/Z over the grid."""
    spins = 2 * (np.arange(2**SITES)[:, None] >> np.arange(SITES) & 1) - 1
    exponent = spins @ biases + 0.5 * np.einsum("xi,ij,xj->x", spins, couplings, spins)
    wanted = np.exp(exponent - exponent.max())
    wanted /= wanted.sum()
    weight_max, bias_max = 2 ** (form.weight_bits - 1) - 1, 2 ** (form.bias_bits - 1) - 1
    least = max(np.abs(couplings).max() / weight_max, np.abs(biases).max() / bias_max)
    ups, downs = [], []
    for step in least * STEPS:
        fields = np.round(biases / step).astype(np.int64) + spins @ np.round(couplings / step).astype(np.int64)
        for shift in range(form.dither_bits + 1):
            up, down = up_down(form, form.table(2 * step * 2**shift), shift, fields)
            ups.append(up.T)
            downs.append(down.T)
    reached = stationary(sweep_matrix(np.stack(ups, axis=1), np.stack(downs, axis=1)))
    return float(0.5 * np.abs(reached - wanted).sum(axis=1).min())


def distribution() -> dict[str, Any]:
    """TV of every form over the programs of every σ."""
    print(f"TV, median / largest of {PROGRAMS} programs on K{SITES}")
    print(f"{'form':<44}{'bits/entry':>11}{'bits/level':>11}" + "".join(f"{f'σ={s}':>17}" for s in SIGMAS))
    rows = []
    for form in FORMS:
        found = {}
        for sigma in SIGMAS:
            tv = np.array([distance(form, *program(seed, sigma)) for seed in range(PROGRAMS)])
            found[str(sigma)] = {"median": round(float(np.median(tv)), 5), "largest": round(float(tv.max()), 5),
                                 "over_0.05": int((tv > 0.05).sum())}  # fmt: skip
        said = "".join(f"{one['median']:>9.4f}/{one['largest']:.4f} " for one in found.values())
        print(f"{form.name:<44}{form.entry_bits:>11}{form.level_bits:>11}{said}", flush=True)
        rows.append({"form": form.name, "entry_bits": form.entry_bits, "level_bits": form.level_bits, "tv": found})
    return {"programs": PROGRAMS, "steps": len(STEPS), "rows": rows}


class Cell(wiring.Component):
    """Two lanes' activation: from table addresses and random words to states, a clock for the look-up and one more.

    Args:
        form: of the table.

    Ports:
        index_k: a + A, of lane k = 0, 1; level: the table in use.
        word_k: the ``threshold_bits`` compared, in the clock after ``index_k``.
        state_k: the new state, from the clock after that on.
        busy: updates go on; write, write_data: between them, store at the address of lane 0. A threshold form stores
            2^t - 1 - T, as the lanes do; an exponent form its code.
    """

    def __init__(self, form: Form) -> None:
        self._form = form
        ports: dict[str, Any] = {"level": In(2), "busy": In(1), "write": In(1), "write_data": In(form.entry_bits)}
        for k in range(2):
            ports |= {f"index_{k}": In(form.table_bits), f"word_{k}": In(form.threshold_bits), f"state_{k}": Out(1)}
        super().__init__(ports)

    def elaborate(self, platform: Any) -> Module:
        form, m = self._form, Module()
        ports: Any = self
        depth = LEVELS << (form.table_bits - (form.significant > 0))
        memory = m.submodules.tables_0 = Memory(shape=form.entry_bits, depth=depth, init=[])
        for k in range(2):
            index, upper = getattr(ports, f"index_{k}"), Const(0, 1)
            if form.significant:
                upper = Signal(name=f"upper_{k}")
                m.d.sync += upper.eq(index[-1])  # a >= 0
                index = self._magnitude(m, index, k)
            read: Any = memory.read_port()
            m.d.comb += read.addr.eq(Cat(index, ports.level))
            if k == 0:  # one port with the writing; the other's is enabled when nothing writes, as in the fabric
                write: Any = memory.write_port()
                m.d.comb += [write.addr.eq(read.addr), write.data.eq(ports.write_data)]
                m.d.comb += write.en.eq(ports.write & ~ports.busy)
            else:
                m.d.comb += read.en.eq(ports.busy)
            stored = self._threshold(m, read.data, k) if form.significant else read.data
            carried: Any = Signal(form.threshold_bits + 2, name=f"carried_{k}")
            word, entry = Value.cast(Cat(1, getattr(ports, f"word_{k}"))), Value.cast(Cat(1, stored))
            m.d.comb += carried.eq(word + entry)
            m.d.sync += getattr(ports, f"state_{k}").eq(~carried[-1] ^ upper)
        return m

    def _magnitude(self, m: Module, index: Any, k: int) -> Any:
        """min(|a|, A - 1)."""
        low, bits = index[:-1], self._form.table_bits - 1
        made = Signal(bits, name=f"magnitude_{k}")
        m.d.comb += made.eq(Mux(index[-1], low, Mux(low == 0, 2**bits - 1, -low)))
        return made

    def _threshold(self, m: Module, code: Any, k: int) -> Any:
        """2^t - 1 - T of a code: a mantissa with its implied first bit at the top, shifted down."""
        form = self._form
        m_bits = form.significant - 1
        inverted = Signal(form.threshold_bits, name=f"inverted_{k}")
        whole = Cat(Const(0, form.threshold_bits - form.significant), code[:m_bits], Const(1, 1))
        m.d.comb += inverted.eq(~(whole >> code[m_bits:]))
        return inverted


def cells() -> dict[str, Any]:
    """Places of the ECP5 that the cell of every form takes, and its clock."""
    print(f"{'cell, two lanes':<44}{'LUT4':>6}{'FF':>5}{'BRAM':>6}{'MHz':>8}")
    rows, options = [], recipe_of(fabric("g4-4x4-torus"), ECP5_85).options
    for form in FORMS:
        if form.weight_bits != 8:
            continue  # the same cell
        report, wrapper = measure(lambda _, form=form: Cell(form), ECP5_85, 100.0, name="cell", options=options)
        places = {place.kind: place.used for place in report.utilisation.places}
        row = {
            "form": form.name,
            "lut4": places["TRELLIS_COMB"] - wrapper.lut4,
            "flip_flops": report.utilisation.flip_flops - wrapper.flip_flops,
            "block_ram": places.get("DP16KD", 0),
            "mhz": round(min(clock.achieved_mhz for clock in report.clocks), 1),
        }
        rows.append(row)
        print(f"{form.name:<44}{row['lut4']:>6}{row['flip_flops']:>5}{row['block_ram']:>6}{row['mhz']:>8}", flush=True)
    return {"part": ECP5_85.name, "levels": LEVELS, "tools": report.tools, "rows": rows}


def lane() -> dict[str, Any]:
    """Cells of the g4-4x4 torus, spatial, sixteen sites on eight lanes: synthesised, not placed."""
    print(f"{'g4-4x4-torus':<44}{'LUT4':>6}{'carry':>7}{'FF':>6}{'BRAM':>6}")
    rows = []
    for form in (DEFAULT, SIXTEEN, Form(18, 8, 32), FINE):
        spec = fabric("g4-4x4-torus", **form.widths)
        made = synthesise(emit_rtlil(spec), "thermofab", ECP5_85, recipe_of(spec, ECP5_85).options)
        cell = dict(made.cells)
        row = {
            "form": form.name,
            "lut4": cell.get("LUT4", 0),
            "carry": cell.get("CCU2C", 0),
            "flip_flops": cell.get("TRELLIS_FF", 0),
            "block_ram": cell.get("DP16KD", 0),
        }
        rows.append(row)
        print(f"{form.name:<44}" + "".join(f"{row[name]:>{w}}" for name, w in
              (("lut4", 6), ("carry", 7), ("flip_flops", 6), ("block_ram", 6))), flush=True)  # fmt: skip
    return {"part": ECP5_85.name, "fabric": "g4-4x4-torus", "tool": made.tool, "rows": rows}


def glass(spec: FabricSpec) -> Image:
    """Couplings |J| up to 0.31 and biases likewise; the shift spreads the table over the same fields in every form."""
    rng, step, shift = np.random.default_rng(0), 1 / 127, 3
    return Image(
        fabric=spec,
        weights=rng.integers(-40, 41, spec.topology.n_edges),
        biases=rng.integers(-40, 41, spec.n_sites),
        tables=np.tile(sigmoid_table(spec, step, shift), (spec.levels, 1)),
        shift=shift,
        clamps=np.full(spec.n_sites, FREE),
    )


def speed() -> dict[str, Any]:
    """Site updates per ns of the native and the jax device."""
    rounds, sweeps = 7, {("native", 1): 20_000, ("native", 64): 1200, ("jax", 64): 1200, ("jax-xla", 64): 200}
    contenders: dict[str, Callable[[], object]] = {}
    work = {}
    for form in (DEFAULT, SIXTEEN, FINE):
        image = glass(fabric(SPEED_FABRIC, **form.widths))
        for (device, replicas), count in sweeps.items():
            running = open_device(device, image.fabric)
            running.load(image)
            label = f"{form.name}|{device}|{replicas}"
            contenders[label] = partial(running.run, Schedule(count, 1), replicas=replicas)
            work[label] = replicas * count * image.fabric.n_sites
    wall, used = interleaved_both(contenders, rounds)  # type: ignore[arg-type]
    print(f"{SPEED_FABRIC:<20}{'device':<10}{'replicas':>9}{'updates/ns':>12}{'±':>6}{'per core-ns':>12}")
    rows = []
    for label, seconds in wall.items():
        form, device, replicas = label.split("|")
        row = {
            "form": form,
            "device": device,
            "replicas": int(replicas),
            "updates_per_ns": round(median_rate(work[label], seconds) / 1e9, 4),
            "spread": round(spread(seconds), 3),
            "updates_per_core_ns": round(median_rate(work[label], used[label]) / 1e9, 4),
        }
        rows.append(row)
        print(f"{form:<20}{device:<10}{replicas:>9}{row['updates_per_ns']:>12}{row['spread']:>6.0%}"
              f"{row['updates_per_core_ns']:>12}", flush=True)  # fmt: skip
    return {"fabric": SPEED_FABRIC, "rounds": rounds, "rows": rows}


PARTS = {"distribution": distribution, "cells": cells, "lane": lane, "speed": speed}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], help="by default all")
    parser.add_argument("--json", type=Path, default=ROOT / "docs" / "results" / "thresholds.json")
    options = parser.parse_args()
    print(machine())
    for name in options.parts or PARTS:
        started = time.perf_counter()
        found = PARTS[name]()
        # Read late: another part may have been written meanwhile.
        result = json.loads(options.json.read_text()) if options.json.exists() else {}
        result[name] = {
            "command": f"python benchmarks/thresholds.py {name}",
            "machine": machine(),
            "commit": commit(),
            "seconds": round(time.perf_counter() - started),
            **found,
        }
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n")
        print(f"{name}: {result[name]['seconds']} s, written to {options.json}\n", flush=True)


if __name__ == "__main__":
    sys.exit(main())
