"""Faults planted one at a time in a copy of the sources: each must turn a test red.

    python tests/quality/planted_bugs.py            # all, about 20 minutes on two cores
    python tests/quality/planted_bugs.py seeding    # those whose name contains the word
    python tests/quality/planted_bugs.py --list     # their names

A fault in one implementation must be caught because the others disagree; a fault in the contract itself (the reference
and every simulator alike) must be caught by the distribution tests, the word-by-word tests or a published vector.
Prints a table and exits with 1 if a fault survives.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Bug:
    """``edits`` are (file, text that occurs once, its replacement); ``tests`` go to pytest."""

    name: str
    edits: tuple[tuple[str, str, str], ...]
    tests: str


REFERENCE, KERNEL, NATIVE, DATAPATH, FABRIC, LANES, COEFFICIENTS = (
    "sim/reference.py",
    "sim/functional/kernel.py",
    "sim/native",
    "hw/rtl/common/datapath.py",
    "hw/rtl/spatial/fabric.py",
    "hw/host/spatial/plan.py",
    "hw/rtl/spatial/coefficients.py",
)
CONSECUTIVE = (
    "hw/spec/seeding.py",
    "        return mix64(self.roots[:, None] ^ self.sites.astype(np.uint64)[None, :], GOLDEN)",
    "        count = len(self.roots) * len(self.sites)\n"
    "        return self.roots[0] + np.arange(count, dtype=np.uint64).reshape(-1, len(self.sites))",
)
# The device that tests sample on by default has generators of its own in C++: a fault of the shared ones shows on XLA.
XLA_FOR_JAX = (
    "sim/functional/lowerings.py",
    '    if jax.default_backend() != "cpu" or',
    "    if True or",
)
UNMIXED = (
    "hw/rng/base.py",
    "    drawn = np.stack([stream_word(keys, start + k) for k in range(outputs)], axis=-1)",
    "    drawn = np.stack([keys + np.uint64(1 + start + k) for k in range(outputs)], axis=-1)",
)
ONE_SHIFT_LFSR32 = (
    "hw/rng/lfsr32.py",
    "        return ((s >> 16) | (word << 16),), word",
    "        return ((s >> 1) | ((word & 1) << 31),), s >> 16",
)
ONE_SHIFT_LFSR64 = (
    "hw/rng/lfsr64.py",
    "        return ((low >> 16) | low32(high << 16), (high >> 16) | (word << 16)), word",
    "        return ((low >> 1) | low32(high << 31), (high >> 1) | ((word & 1) << 31)), high >> 16",
)
OVERLAP_REFERENCE = (
    REFERENCE,
    "(u >> (spec.word_bits - spec.threshold_bits))",
    "(u & ((1 << spec.threshold_bits) - 1))",
)
OVERLAP_JAX = (
    KERNEL,
    "(word >> (self.spec.word_bits - self.spec.threshold_bits))",
    "(word & ((1 << self.spec.threshold_bits) - 1))",
)
OVERLAP_RTL = (DATAPATH, "word[spec.word_bits - spec.threshold_bits :]", "word[: spec.threshold_bits]")
TABLE_REFERENCE = (REFERENCE, "table[address + half]", "table[(address + half + 1) % (2 * half)]")
TABLE_JAX = (
    KERNEL,
    "+ half).astype(self._address)",
    "+ half + 1 & 2 * half - 1).astype(self._address)",
)
TABLE_RTL = (DATAPATH, "as_unsigned() ^ spec.table_size // 2)", "as_unsigned() + 1 ^ spec.table_size // 2)")
BARRIER_REFERENCE = (
    REFERENCE,
    "        for sites in self.colours:\n            self.update(sites, self.tables[level])",
    "        self.update(list(range(self.spec.n_sites)), self.tables[level])",
)
BARRIER_JAX = (KERNEL, "self.layout.neighbours(masks, colour)", "self.layout.neighbours(carry.masks, colour)")
BARRIER_RTL = (LANES, "return self.fold + self.latency - 1 - self.read_stage", "return self.fold")
NEIGHBOUR_REFERENCE = (
    REFERENCE,
    "for j, w in self.couplings[i]:",
    "for j, w in self.couplings[i][: max(1, len(self.couplings[i]) - 1)]:",
)
NEIGHBOUR_JAX = (
    KERNEL,
    "for slot, neighbour in enumerate(near[:slots]):",
    "for slot, neighbour in enumerate(near[1:slots], 1):",
)
NEIGHBOUR_RTL = (COEFFICIENTS, "m.d.sync += weights[k].eq(read)", "m.d.sync += weights[k].eq(read if k else 0)")
QUEUE_RTL = ("hw/rtl/spatial/lane.py", "zip(queue, [*queue[1:], last])", "zip(queue, [*queue[:-1], last])")
MASK_RTL = (FABRIC, "clamped.eq(Mux(mask,", "clamped.eq(Mux(self.mask,")
STALE_RTL = (
    COEFFICIENTS,
    "                m.d.sync += stale.eq(1)\n        return m",
    "                pass\n        return m",
)
CONSTANT_RTL = (LANES, "w if code >> k & 1 else -w", "w if code >> k & 1 or k else -w")
PAIR_RTL = ("hw/rtl/common/moments.py", "both.eq(Cat(states).all())", "both.eq(states[0])")
FULL_RTL = ("hw/rtl/common/moments.py", "write.data.eq(Mux(old.all(), old, old + both))", "write.data.eq(old + both)")
FRESH_RTL = ("hw/rtl/common/moments.py", "old.eq(Mux(starting, 0, read.data))", "old.eq(read.data)")
ABORT_RTL = (
    "hw/rtl/common/sequencer.py",
    "ended.eq(running & whole & (ending",
    "ended.eq(running & (whole | self.run.abort) & (ending",
)
TAPS_NATIVE = (
    f"{NATIVE}/generators.h",
    "using Lfsr64 = ShiftRegister<64, 1, 3, 4>",
    "using Lfsr64 = ShiftRegister<64, 1, 3, 5>",
)
NEIGHBOUR_NATIVE = (f"{NATIVE}/library.py", "    real = weights != 0\n", "    real = (weights != 0) & (near > 0)\n")
TABLE_NATIVE = (
    (f"{NATIVE}/avx512.h", "std::min(half - 1, a)) + half]", "std::min(half - 1, a + 1)) + half]"),
    (f"{NATIVE}/plain.h", "table_[a];", "table_[(a + 1) % (2 * half)];"),
)
HELD_NATIVE = (f"{NATIVE}/held.h", "if (as_before) return false;", "if (settled_) return false;")
LOOK_UP_NATIVE = (f"{NATIVE}/bits.h", "for (int t = 1; t < TABLES; ++t)", "for (int t = 1; t < TABLES - 1; ++t)")
SINGLES_NATIVE = (f"{NATIVE}/chains.h", "(run_, shared, run.singles)", "(run_, 0, run.singles)")
IRREGULAR = "tests/sim/test_native_irregular.py"
WRAP_NATIVE = (
    f"{NATIVE}/sites.h",
    "                wrap(g);\n                if (!ghosts_) return;",
    "                if (!ghosts_) return;",
)

DEVICES = "tests/conformance/test_devices.py"
JAX = f"{DEVICES} -k jax-xla-g8"
FLOOR_IGNORED = (
    "compiler/quantisation/table_ends.py",
    "    lost = np.where(beyond |",
    "    lost = 0 * np.where(beyond |",
)
UNCONVERGED = ("compiler/distributions/stationary.py", "return self.error <= CONVERGED", "return True")
RESIDUAL = (
    "compiler/distributions/fixed_point.py",
    "max(residual, np.finfo(float).eps) / gap)",
    "max(residual, np.finfo(float).eps) * gap)",
)
CLIP_END = (
    "compiler/quantisation/table_error.py",
    "end = (spec.table_size / 2 - 1) * 2.0**shift",
    "end = spec.table_size / 2 * 2.0**shift",
)
FAR_END = (
    "compiler/quantisation/layout_states.py",
    "    end = made[:, places[-1]]",
    "    end = 0 * made[:, places[-1]]",
)
NO_EXCHANGE = (
    "compiler/distributions/gibbs.py",
    "swap = np.log(draw.random(chains)) < gain",
    "swap = np.log(draw.random(chains)) < gain - np.inf",
)
SELF_CHECK = (
    "compiler/certify/check.py",
    "model = _Run(choice(trusted), program.model.energies(trusted), np.ones(trusted.shape[:2], dtype=bool))",
    "model = here",
)
SILENT_CHAINS = ("hw/spec/samples.py", "self.r_hat > UNMIXED:", "self.r_hat > 1e300:")
CHECK, END_TO_END = "tests/compiler/test_compiler_check.py", "tests/compiler/test_compiler_end_to_end.py"
DISTRIBUTION, WORDS, VECTORS = (
    "tests/distribution",
    "tests/sim/test_update.py",
    "tests/hw/test_seeding_and_generators.py",
)
IN_LANES, MANY = "tests/sim/test_native.py -k sites_in_lanes", "tests/sim/test_native.py -k many"
RTL = "tests/rtl/test_rtl_device.py -k same_bits_as_the_reference"
COCOTB = "tests/rtl/test_rtl_cocotb.py -k lockstep"
LANE, GATEWARE = "tests/rtl/test_rtl_lane.py -k updates", "tests/rtl/test_rtl_device.py"

PHYSICS, CHAINS = "tests/sim/test_physics.py", "tests/sim/test_chains.py"
SPAN_NATIVE = (f"{NATIVE}/observe.h", "        if (held_) count();", "        if (held_ == SPAN) count();")
BIAS_NATIVE = (f"{NATIVE}/observe.h", "        if (!value) return;", "        if (value) return;")
SWAP_TEMPERING = (
    f"{NATIVE}/ladder.h",
    "(spec_.scales[k] - spec_.scales[k + 1]) *",
    "(spec_.scales[k + 1] - spec_.scales[k]) *",
)
OFFSET_NOISE = (
    "sim/functional/noise.py",
    "field = (scaled >> 7) + self._extra.offset[g]",
    "field = scaled >> 7",
)

THREADS_NATIVE = (f"{NATIVE}/chains.h", "std::atomic<int64_t> next{0};", "std::atomic<int64_t> next{threads > 2};")
LEVEL_FFI = (f"{NATIVE}/ffi.cpp", "work.level = count[2];", "work.level = 0;")
RNG_FFI = (f"{NATIVE}/ffi.cpp", "!chains->store_generators(rng_out->typed_data(), threads)", "false")
SHIFT_SHARDS = (
    "sim/functional/placement.py",
    "lambda index: whole[index]",
    "lambda index: np.roll(whole, 1, 0)[index]",
)
DEAF_WATCH = ("sim/functional/watch.py", "if said != _GOODBYE:", "if said == _GOODBYE:")
TAIL_OBSERVER = ("sim/observers.py", "joined[:, -self.lags :],", "series[:, -self.lags :],")
SQUARES_OBSERVER = ("sim/observers.py", "squares / count - mean**2", "squares / (count - 1) - mean**2")
UPDATES_LEDGER = (
    "hw/spec/device.py",
    "site_updates=sweeps * topology.n_sites",
    "site_updates=plan.schedule.n_sweeps * topology.n_sites",
)
BATCHES_XLA = (
    "sim/functional/chains.py",
    "self._sample_batch(n, mine, request, tally, states, energies)",
    "self._sample_batch(0, mine, request, tally, states, energies)",
)
STEPS_DRIVEN = ("sim/driven.py", "for _ in range(schedule.n_sweeps):", "for _ in range(schedule.n_sweeps - 1):")

SYSTOLIC = "tests/rtl/systolic/test_systolic_device.py"
TAP_SYSTOLIC = (
    "hw/rtl/systolic/ring.py",
    "ring[(distance - TAP) % places]",
    "ring[(distance - TAP + 1) % places]",
)
LATE_SYSTOLIC = (
    "hw/rtl/systolic/moments.py",
    "(self.trail & self.old)",
    "(self.trail & self.new)",
)

RELAY_CELL, RELAY = "tests/rtl/relay/test_relay_cell.py", "tests/rtl/relay/test_relay_fields.py"
CHILD_LOST = (
    "hw/host/relay/loading.py",
    "np.where(child, 1, weights >> k & 1)",
    "np.where(child, 0, weights >> k & 1)",
)
CHILD_TWICE = (
    "hw/host/relay/loading.py",
    "        child = (sites >= 0) & (order.parents[sites] == own)",
    "        child = (sites >= 0) & ((order.parents[sites] == own) | (order.parents[own] == sites))",
)
CHILD_LATE = (
    "hw/host/relay/loading.py",
    "order.heights[colours] - order.depths[sites], sites",
    "order.heights[colours] - np.minimum(order.depths[sites], 1), sites",
)
PARENT_WRONG = (
    "hw/host/relay/loading.py",
    "np.array([parent.astype(np.int64), *bits])",
    "np.array([np.roll(parent, 1, axis=1).astype(np.int64), *bits])",
)
CARRY_KEPT = (
    "hw/rtl/relay/serial.py",
    "            m.d.sync += carry.eq(0)",
    "            m.d.sync += carry.eq(carry)",
)
BATTERY = "tests/rtl/test_rtl_battery.py"
OTHER_COUNTER = ("hw/rtl/relay/top.py", "moments.index.eq(host.read_index)", "moments.index.eq(host.index)")
WRONG_BANK = ("hw/rtl/relay/steps.py", "Cat(colours.word, self.mask)", "Cat(colours.word, ~self.mask)")

FACTOR_SIGN = (
    "hw/spec/factors.py",
    "        parts.append((high - low).reshape(-1))",
    "        parts.append((low - high).reshape(-1))",
)
FACTOR_REFERENCE = (
    REFERENCE,
    "            field += added[sum(n[j] << k for k, j in enumerate(others))]",
    "            field += added[sum(n[j] << k for k, j in enumerate(reversed(others)))]",
)
FACTOR_NATIVE = (
    f"{NATIVE}/factors.h",
    "        for (int j = 0; j < LARGEST_FACTOR - 1 && others[j] >= 0; ++j) {",
    "        for (int j = 0; j < LARGEST_FACTOR - 2 && others[j] >= 0; ++j) {",
)
FACTOR_AVX512 = (
    f"{NATIVE}/factors.h",
    "LARGEST_FACTOR - 1 && others[j] >= 0; ++j) at.add(j, word(others[j]));",
    "LARGEST_FACTOR - 2 && others[j] >= 0; ++j) at.add(j, word(others[j]));",
)
FACTOR_RTL = (
    LANES,
    "int(image.differences[start + code % 2**own])",
    "int(image.differences[start + 0 * (code + own)])",
)
FACTOR_ROUNDING = (
    "compiler/quantisation/rounding.py",
    "np.zeros(0) if tables is None else tables) / (2 * step))",
    "np.zeros(0) if tables is None else tables) / step)",
)
TRADING = "tests/apps/trading"
LOOK_AHEAD = (
    "apps/trading/backtest.py",
    "{kind: (m, z[: window + k], float(",
    "{kind: (m, z[: window + k + 1], float(",
)
CONDITIONS_TURNED = (
    "apps/trading/conditional.py",
    "[[0]], self.phi[k][None]) for k in range(n)]",
    "[[0]], -self.phi[k][None]) for k in range(n)]",
)
DENSE = "tests/rtl/dense/test_dense_fields.py"
DENSE_ENGINE, DENSE_ORDER = "hw/rtl/dense/engine.py", "hw/rtl/dense/order.py"
ROW_DENSE = (DENSE_ENGINE, "rows.site.eq(site.at(READ))", "rows.site.eq(site.at(READ) + 1)")
DRAIN_DENSE = (DENSE_ORDER, "waiting.eq(plan.latency - 1)", "waiting.eq(plan.latency - 2)")
CLAMP_DENSE = (
    DENSE_ENGINE,
    "issue.at(compared) & last.at(compared) & ~clamp.at(compared)",
    "issue.at(compared) & last.at(compared)",
)
FLAG_DENSE = (
    DENSE_ORDER,
    "with m.If(self.issue & self.last_part & last_of_colour):",
    "with m.If(self.issue & self.last_part & ends):",
)
LOWEST_DENSE = (
    DENSE_ENGINE,
    "        with m.If(first.at(end)):\n            m.d.sync += lowest",
    "        with m.If(Const(1)):\n            m.d.sync += lowest",
)
RESET, POWER_UP = "tests/rtl/test_rtl_reset.py", "tests/rtl/test_rtl_power_up.py"
STROBES_KEPT = ("hw/rtl/systolic/top.py", "reset_less=name not in _STROBES)", "reset_less=True)")
IDLE_DRAW = ("hw/host/systolic/loading.py", "self._element_bits(bits, idle=True)", "self._element_bits(bits)")
PART_OF_A_SEED = (
    FABRIC,
    "            with m.If(self.seed_clear):\n                m.d.sync += count.eq(0)",
    "            with m.If(self.seed_clear):\n                m.d.sync += count.eq(count)",
)
CLIP_LOW_END = (DATAPATH, "Mux(sign, -half, half - 1)", "Mux(sign, 1 - half, half - 1)")
LAST_COLOUR_UNDITHERED = (
    REFERENCE,
    "address = (field + (u & ((1 << self.shift) - 1))) >> self.shift",
    "address = (field + (u & ((1 << self.shift) - 1)) * (sites is not self.colours[-1])) >> self.shift",
)
ROOM_AND_ONE = (
    "hw/rtl/systolic/collector.py",
    "self.room.eq(promised <= depth - self._entries)",
    "self.room.eq(promised <= depth - self._entries + 1)",
)
MASK_LATE = (
    "hw/rtl/systolic/rounds.py",
    "                        self.mask.eq(Mux(in_phase, mask_of, self.run.mask)),",
    '                        (held := Signal(name="held_mask")).eq(Mux(in_phase, mask_of, self.run.mask)),\n'
    "                        self.mask.eq(held),",
)
SWEPT_KEPT = (
    "hw/rtl/common/sequencer.py",
    "for signal in (swept, ending, self.run.done, self.run.aborted)",
    "for signal in (ending, self.run.done, self.run.aborted)",
)
PART_OF_A_WORD = (
    "hw/rtl/common/readout.py",
    "        words = (self._n_sites + 31) // 32\n        snapshot",
    "        words = max(1, self._n_sites // 32)\n        snapshot",
)
COUNTERS_LATE = (
    "hw/rtl/systolic/top.py",
    'late("count_take", take, timing.write - 2)',
    'late("count_take", take, timing.write - 3)',
)
RECEIVER, SENDER, TILE = "hw/rtl/tiles/receiver.py", "hw/rtl/tiles/sender.py", "hw/rtl/tiles/top.py"
LINK_NUMBER = (RECEIVER, "fresh.eq(header.data & (header.number == self.come))", "fresh.eq(header.data)")
LINK_CHECK = (RECEIVER, "good.eq(whole & check.match_detected & (", "good.eq(whole & (")
LINK_ANSWER = (RECEIVER, "self.answer.eq(taken | (good & again))", "self.answer.eq(taken)")
LINK_WAIT = (TILE, "self.wait.eq(ahead[-1])", "self.wait.eq(0)")
LINK_TIMER = (SENDER, "late.eq(waited == line.patience - 1)", "late.eq(0)")
LINK_SESSION = (RECEIVER, "check.match_detected & (header.session == self.session)", "check.match_detected")
LINK = "tests/tiles/test_tile_link.py -k torus"
SESSIONS = "tests/tiles/test_tile_sessions.py"
READBACK = "tests/rtl/systolic/test_systolic_readback.py"
READ_OUT_KEPT = (
    "hw/rtl/systolic/dump.py",
    "                m.d.sync += delayed.eq(0)",
    "                m.d.sync += delayed.eq(asked)",
)
SWEPT_ELSEWHERE = (
    "hw/rtl/systolic/top.py",
    "Cat(self.state_slot, Const(CLAMP_MASKS, 2))",
    "Cat(self.state_slot, Const(CLAMP_MASKS + 1, 2))",
)
RELOAD_FORGOTTEN = (
    "hw/rtl/systolic/rounds.py",
    'Signal(init=1, name="restate")',
    'Signal(name="restate")',
)
FACTOR_EARLY = ("hw/rtl/systolic/element.py", "slot.eq(self._tapped)", "slot.eq(self.slot_tap)")
WIDE_LATE = ("hw/rtl/systolic/ring.py", "(distance - TAP + 1) % self._n_slots", "(distance - TAP) % self._n_slots")
ENTRY_EARLY = ("hw/host/systolic/format.py", "words[element][slot] = sum(", "words[element][slot - 1] = sum(")
INSIDE_XLA, STREAMS_XLA = "tests/compiler/test_compiler_inside_xla.py", "sim/functional/streams.py"
CARRY_XLA = (STREAMS_XLA, "+ (carried >> 16)", "")
DEAD_XLA = (STREAMS_XLA, "zero = jnp.all(states == 0", "zero = jnp.any(states == 0")
CLAMPED_XLA = (
    "sim/functional/traced.py",
    "jnp.where(jnp.asarray(clamped), values.astype(jnp.uint8), state.states)",
    "state.states",
)
COPIES_XLA = ("hw/spec/codec.py", "places[copies] = place_of[owners]", "places[self.roots] = place_of")
PORTION = "tests/compiler/test_compiler_portion.py"
CUT_OUTSIDE = ("compiler/quantisation/portion.py", "return total / self.factor", "return 0.0")
UNSCALED = (
    "compiler/passes/scale_and_quantise.py",
    "portion.terms * predicted",
    "predicted",
)
BUGS = (
    Bug(
        "seeding by consecutive integers: distribution",
        (CONSECUTIVE, UNMIXED, XLA_FOR_JAX),
        f"{DISTRIBUTION} -k certified_distribution",
    ),
    Bug("seeding by consecutive integers: vectors", (CONSECUTIVE,), VECTORS),
    Bug(
        "one-shift LFSR32: distribution of long chains",
        (ONE_SHIFT_LFSR32, XLA_FOR_JAX),
        f"{DISTRIBUTION} -k chains_have_the_stationary_distribution",
    ),
    Bug("one-shift LFSR32: recurrence", (ONE_SHIFT_LFSR32,), VECTORS),
    Bug("one-shift LFSR64: recurrence", (ONE_SHIFT_LFSR64,), VECTORS),
    Bug("one-shift LFSR64: devices disagree", (ONE_SHIFT_LFSR64,), f"{DEVICES} -k jax-xla-lfsr64"),
    Bug("dither overlaps threshold, reference: words", (OVERLAP_REFERENCE,), f"{WORDS} -k reference"),
    Bug("dither overlaps threshold, JAX: words", (OVERLAP_JAX,), f"{WORDS} -k jax"),
    Bug("dither overlaps threshold, JAX: devices disagree", (OVERLAP_JAX,), JAX),
    Bug("dither overlaps threshold, RTL: devices disagree", (OVERLAP_RTL,), RTL),
    Bug("dither overlaps threshold, RTL: cocotb", (OVERLAP_RTL,), COCOTB),
    Bug("table off by one, everywhere: words", (TABLE_REFERENCE, TABLE_JAX), WORDS),
    Bug(
        "table off by one, everywhere: distribution",
        (TABLE_REFERENCE, TABLE_JAX, *TABLE_NATIVE),
        f"{DISTRIBUTION} -k certified_distribution",
    ),
    Bug("table off by one, RTL: devices disagree", (TABLE_RTL,), RTL),
    Bug("table off by one, RTL: cocotb", (TABLE_RTL,), COCOTB),
    Bug("no colour barrier, reference: devices disagree", (BARRIER_REFERENCE,), JAX),
    Bug("no colour barrier, JAX: devices disagree", (BARRIER_JAX,), JAX),
    Bug("no colour barrier, JAX: physics", (BARRIER_JAX,), f"{PHYSICS} -k jax-xla"),
    Bug("no colour barrier, RTL: devices disagree", (BARRIER_RTL,), RTL),
    Bug("no colour barrier, RTL: cocotb", (BARRIER_RTL,), COCOTB),
    Bug("dropped neighbour, reference: devices disagree", (NEIGHBOUR_REFERENCE,), JAX),
    Bug("dropped neighbour, JAX: physics", (NEIGHBOUR_JAX,), f"{PHYSICS} -k jax-xla"),
    Bug("dropped neighbour, native: distribution", (NEIGHBOUR_NATIVE,), f"{DISTRIBUTION} -k certified_distribution"),
    Bug("last span not counted, native: moments", (SPAN_NATIVE,), f"{CHAINS} -k counts"),
    Bug("energy without biases, native: energies", (BIAS_NATIVE,), f"{CHAINS} -k counts"),
    Bug("swap turned round: tempering", (SWAP_TEMPERING,), "tests/sim/test_tempering.py -k enumerated"),
    Bug("offsets left out: noise", (OFFSET_NOISE,), "tests/sim/test_noise.py -k offsets"),
    Bug("dropped neighbour, native: replicas in lanes", (NEIGHBOUR_NATIVE,), MANY),
    Bug("ends of rows not copied, native: sites in lanes", (WRAP_NATIVE,), IN_LANES),
    Bug("fields kept when states are set, native: irregular", (HELD_NATIVE,), f"{IRREGULAR} -k keep_what"),
    Bug("the last table not read, native: irregular", (LOOK_UP_NATIVE,), f"{IRREGULAR} -k one_by_one"),
    Bug("left-over replicas the first, native: irregular", (SINGLES_NATIVE,), f"{IRREGULAR} -k one_by_one"),
    Bug("wrong tap, native: devices disagree", (TAPS_NATIVE,), f"{DEVICES} -k native-lfsr64"),
    Bug("a block skipped by threads, native: blocks", (THREADS_NATIVE,), "tests/sim/test_native.py -k threads_nor"),
    Bug("a batch run for another, XLA: batches", (BATCHES_XLA,), "tests/sim/test_functional.py"),
    Bug("level of counted sweeps ignored, ffi: counts", (LEVEL_FFI,), "tests/sim/test_pure.py"),
    Bug("generators not handed back, ffi: calls in turn", (RNG_FFI,), "tests/sim/test_pure.py"),
    Bug("rows in another's place: sharding", (SHIFT_SHARDS,), "tests/sim/test_sharding.py -k four_devices"),
    Bug("a death not noticed: processes", (DEAF_WATCH,), "tests/sim/test_sharding.py -k dead_one"),
    Bug("pairs across pieces forgotten: autocorrelation", (TAIL_OBSERVER,), "tests/sim/test_observers.py"),
    Bug("one degree of freedom less: energy's variance", (SQUARES_OBSERVER,), "tests/sim/test_observers.py"),
    Bug("one replica's updates: ledger", (UPDATES_LEDGER,), "tests/hw/test_ledger.py"),
    Bug("generators a step behind: tempering on RTL", (STEPS_DRIVEN,), "tests/sim/test_tempering.py -k registers"),
    Bug("dropped neighbour, RTL: devices disagree", (NEIGHBOUR_RTL,), RTL),
    Bug("dropped neighbour, RTL: cocotb", (NEIGHBOUR_RTL,), COCOTB),
    Bug("generators not rotated, RTL: lanes", (QUEUE_RTL,), LANE),
    Bug("clamp mask a pipeline early, RTL: phases", (MASK_RTL,), f"{GATEWARE} -k masks_change"),
    Bug("chunks not filled again, RTL: images in turn", (STALE_RTL,), f"{GATEWARE} -k loading_again"),
    Bug("wrong sign in built-in chunks, RTL: constant", (CONSTANT_RTL,), f"{GATEWARE} -k constant_weights"),
    Bug("one end of an edge counted, RTL: moments", (PAIR_RTL,), f"{GATEWARE} -k moments_are"),
    Bug("full counters wrap, RTL: moments", (FULL_RTL,), f"{GATEWARE} -k full_counter"),
    Bug("counters not cleared, RTL: moments", (FRESH_RTL,), f"{GATEWARE} -k moments_are"),
    Bug("abort in mid-sweep, RTL: cocotb", (ABORT_RTL,), COCOTB),
    Bug(
        "factor turned round, contract: end to end",
        (FACTOR_SIGN,),
        "tests/compiler/test_compiler_factors.py -k predicted_and_verified",
    ),
    Bug("factor's bits reversed, reference: devices disagree", (FACTOR_REFERENCE,), f"{DEVICES} -k jax-factors"),
    Bug(
        "factor's last site dropped, native: devices disagree",
        (FACTOR_NATIVE, FACTOR_AVX512),
        f"{DEVICES} -k native-pdit8",
    ),
    Bug("factor's words all alike, RTL: devices disagree", (FACTOR_RTL,), f"{DEVICES} -k rtl-pdit4"),
    Bug(
        "factor rounded at twice its size: end to end",
        (FACTOR_ROUNDING,),
        "tests/compiler/test_compiler_factors.py -k predicted_and_verified",
    ),
    Bug("64-bit product without its carry, XLA: streams", (CARRY_XLA,), "tests/sim/test_streams.py"),
    Bug("half a zero state drawn again, XLA: streams", (DEAD_XLA,), "tests/sim/test_streams.py"),
    Bug("clamped values ignored inside XLA: devices disagree", (CLAMPED_XLA,), INSIDE_XLA),
    Bug("copies not started inside XLA: devices disagree", (COPIES_XLA,), INSIDE_XLA),
    Bug("what is cut outside a portion is free: strong bias", (CUT_OUTSIDE,), PORTION),
    Bug("error of a portion for that of the whole: prediction", (UNSCALED,), PORTION),
    Bug("floor of the table ignored: balance of wells", (FLOOR_IGNORED,), f"{CHECK} -k thresholds_cannot_hold"),
    Bug("unconverged solution passed as exact: solver", (UNCONVERGED,), f"{CHECK} -k ran_out"),
    Bug("residual taken for the error: solver", (RESIDUAL,), f"{CHECK} -k unfinished"),
    Bug("table's last entry counted twice: error model", (CLIP_END,), f"{END_TO_END} -k free"),
    Bug("wire filled without its far end: hidden sites", (FAR_END,), f"{CHECK} -k hidden_sites"),
    Bug("no exchange: trusted sampler", (NO_EXCHANGE,), f"{CHECK} -k tempered"),
    Bug("a check of the program with itself: check", (SELF_CHECK,), f"{CHECK} -k wrong_one"),
    Bug("no word on chains that have not met: samples", (SILENT_CHAINS,), f"{CHECK} -k chains_that_have_not"),
    Bug("a day's own return in its forecast: look-ahead", (LOOK_AHEAD,), f"{TRADING} -k nothing_later"),
    Bug(
        "conditions turned round: distribution of the draws",
        (CONDITIONS_TURNED,),
        f"{TRADING} -k conditional_distribution",
    ),
    Bug("wrong tap, systolic: devices disagree", (TAP_SYSTOLIC,), f"{SYSTOLIC} -k same_bits"),
    Bug("late edges with the new spin, systolic: moments", (LATE_SYSTOLIC,), f"{SYSTOLIC} -k sums_over"),
    Bug("a child's part lost, relay: fields", (CHILD_LOST,), f"{RELAY} -k star"),
    Bug("a parent's part added to its child's, relay: fields", (CHILD_TWICE,), f"{RELAY} -k star"),
    Bug("a child a clock late, relay: fields", (CHILD_LATE,), f"{RELAY} -k deep_chain"),
    Bug("state of the wrong neighbour taken, relay: states", (PARENT_WRONG,), f"{RELAY} -k star"),
    Bug("carry left over, relay: cell", (CARRY_KEPT,), f"{RELAY_CELL} -k gathers"),
    Bug("counter of another site read, relay: battery", (OTHER_COUNTER,), f"{BATTERY} -k test_moments"),
    Bug("clamps of the other mask, relay: states", (WRONG_BANK,), f"{RELAY} -k phase_chooses"),
    Bug("row of the next site, dense: fields", (ROW_DENSE,), f"{DENSE} -k lattice"),
    Bug("drain a clock short, dense: fields", (DRAIN_DENSE,), f"{DENSE} -k lattice"),
    Bug("drain a clock short, dense: cocotb", (DRAIN_DENSE,), f"{COCOTB} and dense and narrow"),
    Bug("clamped site written, dense: states", (CLAMP_DENSE,), f"{DENSE} -k lattice"),
    Bug("last of a colour ignored, dense: fields", (FLAG_DENSE,), f"{DENSE} -k lattice"),
    Bug("lowest bit of the last part, dense: fields", (LOWEST_DENSE,), f"{DENSE} -k weight"),
    Bug("edge: strobes outlive a reset, systolic: bits", (STROBES_KEPT,), f"{RESET} -k any_clock"),
    Bug("edge: strobes outlive a reset, systolic: unknown", (STROBES_KEPT,), f"{POWER_UP} -k 'systolic and unknown'"),
    Bug("edge: places without a site draw, systolic", (IDLE_DRAW,), f"{POWER_UP} -k 'systolic and arbitrary'"),
    Bug("edge: part of a seed survives an abort: bits", (PART_OF_A_SEED,), f"{RESET} -k seed"),
    Bug("edge: low end of the clip, RTL: devices disagree", (CLIP_LOW_END,), RTL),
    Bug("edge: last colour without dither, reference", (LAST_COLOUR_UNDITHERED,), JAX),
    Bug("edge: room for one entry too few: collector", (ROOM_AND_ONE,), "tests/rtl/systolic -k collector"),
    Bug("edge: clamp mask a sweep late, systolic", (MASK_LATE,), f"{SYSTOLIC} -k masks"),
    Bug("edge: an abort leaves the sweep count: bits", (SWEPT_KEPT,), f"{RESET} -k any_clock"),
    Bug("edge: part of a last word, spatial: bits", (PART_OF_A_WORD,), "tests/rtl/test_rtl_device.py -k same_bits"),
    Bug("edge: counters a clock early, systolic: sums", (COUNTERS_LATE,), f"{SYSTOLIC} -k counters"),
    Bug("edge: frames of any number taken: link of tiles", (LINK_NUMBER,), LINK),
    Bug("edge: check ignored: link of tiles", (LINK_CHECK,), LINK),
    Bug("edge: a repeated frame not answered: link of tiles", (LINK_ANSWER,), LINK),
    Bug("edge: a colour does not wait: link of tiles", (LINK_WAIT,), LINK),
    Bug("edge: nothing sent again: link of tiles", (LINK_TIMER,), LINK),
    Bug("edge: sessions ignored: link of tiles", (LINK_SESSION,), SESSIONS),
    Bug("edge: an aborted read-out goes on, systolic", (READ_OUT_KEPT,), f"{READBACK} -k aborted"),
    Bug("edge: swept states kept elsewhere, systolic", (SWEPT_ELSEWHERE,), f"{READBACK} -k last_sweep"),
    Bug("edge: a reset loads no states, systolic", (RELOAD_FORGOTTEN,), f"{READBACK} -k reset"),
    Bug("edge: factors of another slot, systolic: bits", (FACTOR_EARLY,), f"{SYSTOLIC} -k same_bits and p-dits"),
    Bug("edge: wide views a clock late, systolic: bits", (WIDE_LATE,), f"{SYSTOLIC} -k hundreds"),
    Bug("edge: built-in weights of another slot", (ENTRY_EARLY,), f"{SYSTOLIC} -k built_in"),
)


def copy_tree(target: Path) -> None:
    """Copy the tracked files, links as links."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    for name in filter(None, listed.decode().split("\0")):
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, target / name, follow_symlinks=False)


def plant(tree: Path, bug: Bug) -> None:
    for name, old, new in bug.edits:
        text = (tree / name).read_text()
        if text.count(old) != 1:
            raise SystemExit(f"{bug.name}: {name} holds the text to change {text.count(old)} times, not once:\n{old}")
        (tree / name).write_text(text.replace(old, new))


def run(tree: Path, tests: str) -> tuple[int, str]:
    """Pytest's exit status and the first failing test."""
    path, _, word = tests.partition(" -k ")
    command = [sys.executable, "-m", "pytest", "-q", "-x", "--no-header", "-p", "no:cacheprovider", path]
    environment = os.environ | {"PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": "1"}
    command += ["-k", word] if word else []
    done = subprocess.run(command, cwd=tree, env=environment, capture_output=True, text=True)
    failed = [line.split(" - ")[0] for line in done.stdout.splitlines() if line.startswith("FAILED")]
    return done.returncode, failed[0].removeprefix("FAILED ") if failed else done.stdout.strip().splitlines()[-1]


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("words", nargs="*", help="only the faults whose names contain all of these words")
    parser.add_argument("--list", action="store_true", help="print the names of the faults, and plant none")
    given = parser.parse_args()
    wanted = [bug for bug in BUGS if all(word in bug.name for word in given.words)]
    if not wanted:
        parser.error(f"no fault's name contains all of {given.words}; --list prints the names.")
    if given.list:
        print("\n".join(bug.name for bug in wanted))
        return 0
    survivors = 0
    print(f"{'planted':<52}{'verdict':<10}{'s':>5}  red test", flush=True)
    for bug in wanted:
        started = time.perf_counter()
        with tempfile.TemporaryDirectory() as folder:
            tree = Path(folder)
            copy_tree(tree)
            plant(tree, bug)
            status, first = run(tree, bug.tests)
        red = status == 1
        survivors += not red
        print(
            f"{bug.name:<52}{'red' if red else 'SURVIVED':<10}{time.perf_counter() - started:>5.0f}  {first}",
            flush=True,
        )
    print(f"{len(wanted) - survivors} of {len(wanted)} planted faults turned a test red")
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main())
