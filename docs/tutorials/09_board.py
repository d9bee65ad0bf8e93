# ---
# jupyter:
#   kernelspec: {display_name: Python 3, language: python, name: python3}
# ---

# %% [markdown]
# # Bringing up a board
#
# A new board is easier to bring up if only the board is new. In this tutorial you do everything that needs no board: check
# that the fabric fits, choose clock and line speed, and run the *gateware of the board's serial link* against the driver
# that will talk to it, on a good line and on a bad one. What a real board adds is a list at the end.
#
# No bitstream of this project has run on a board yet. Everything up to the pins is simulated.

# %%
import matplotlib.pyplot as plt
import networkx
import numpy as np

import thermofab as fab
from thermofab.apps.explore.area import area_of
from thermofab.apps.explore.evaluate import built_clocks
from thermofab.apps.size import check_size
from thermofab.hw.boards.build import find_divisor
from thermofab.hw.boards.registry import BOARDS
from thermofab.sim.rtl.board import SimulatedBoard
from thermofab.sim.rtl.line import faulty_line

plt.style.use("tutorial.mplstyle")

# %% [markdown]
# ## Does it fit?
#
# Synthesis takes minutes; the area model takes milliseconds and says how it knows. Two fabrics, three boards:

# %%
small, large = fab.fabric("g4-4x4-torus"), fab.fabric("g8-24x24-torus")
for spec in (small, large):
    area = area_of(spec)
    print(
        f"{spec.topology.name}: {area.lut4:,.0f} LUT4, "
        f"{area.block_ram:.0f} block RAM, {area.standing}"
    )
    for name, board in BOARDS.items():
        try:
            verdict = check_size(board, spec) or "fits"
        except fab.DeviceError as refusal:
            verdict = str(refusal).split(";")[0]
        print(f"   {name:12s} {verdict}")

# %% [markdown]
# ## Clock and line
#
# A bit on the serial line takes a whole number of clocks. A speed that would be off by more than 2 % is refused before
# anything is built.

# %%
board = BOARDS["ulx3s-85f"]
print(
    board.title,
    f"at {board.default_mhz} MHz:",
    find_divisor(board.default_mhz, 1_000_000),
    "clocks per bit at 1 Mbaud",
)
try:
    find_divisor(board.default_mhz, 30_000_000)
except fab.SpecError as refusal:
    print(refusal)

# %% [markdown]
# The build itself is one command. It synthesises, places, routes, checks the timing and writes a bitstream with a report;
# it needs no board either, only some minutes:
#
# ```
# thermofab build --board ulx3s-85f --fabric g4-4x4-torus --out out/ulx3s
# ```
#
# ## A board without a board
#
# `SimulatedBoard` is the fabric with its UART, packet engine and replay buffer, compiled from the emitted RTL and placed
# behind a pseudo-terminal. The driver opens it as it would open `/dev/ttyUSB0`, and cannot tell the difference.

# %%
torus = networkx.grid_2d_graph(4, 4, periodic=True)
rng = np.random.default_rng(0)
for a, b in torus.edges:
    torus.edges[a, b]["weight"] = float(rng.normal(0, 0.4))
program = fab.compile(torus, small)

simulated = SimulatedBoard(small)
port = f"serial://{simulated.path}"  # on a board: "serial:///dev/ttyUSB0?baud=1000000"
with fab.open_device(port, small) as device:
    print(device.info().description)

# %% [markdown]
# Opening compares the fabric behind the port with yours. Take the wrong one, and the first answer says what differs:

# %%
try:
    fab.open_device(port, fab.fabric("g4-4x4-torus", weight_bits=6))
except fab.DeviceError as refusal:
    print(refusal)

# %% [markdown]
# ## The first program
#
# The first thing to run on any new board is a program whose bits you know. Every device gives the same bits for the same
# seed, so one comparison checks clock, reset, line, registers, random generators and arithmetic together.

# %%
schedule = fab.Schedule(n_warmup=20, n_samples=50)
with fab.open_device(port, small) as device:
    here = program.sample(schedule, replicas=4, seed=1, device=device)
there = program.sample(schedule, replicas=4, seed=1, device="reference")
print(
    "bits that differ:",
    int((here.sites != there.sites).sum()),
    "of",
    here.sites.size,
)

# %% [markdown]
# ## A bad line
#
# Real lines lose bytes. `faulty_line` sits between the driver and the board and damages, drops, repeats or cuts frames, here
# one in twenty. A frame is carried out only if its check sum is right, a write happens once, and samples are
# numbered, so the bits stay the same and only time is lost.

# %%
with (
    faulty_line(simulated.path, share=0.05, seed=3) as path,
    fab.open_device(f"serial://{path}", small) as noisy,
):
    through_noise = program.sample(schedule, replicas=4, seed=1, device=noisy)
    seen = noisy.counters
print(f"{seen.damaged} frames came damaged, {seen.resent} were asked for again")
print("bits that differ:", int((through_noise.sites != there.sites).sum()))

# %% [markdown]
# ## What limits the speed
#
# The device counts the bytes on the line, and the clocks of a sweep are known from how the fabric is built. So you can
# predict the time of a call on the board before you own it.

# %%
counts = np.array([10, 30, 100, 300, 1000, 3000])
clocks = built_clocks(program) * (
    20 + counts
)  # 20 sweeps of warm-up, one per sample
line_bytes = []
for n_samples in counts:
    with fab.open_device(port, small) as device:
        program.sample(fab.Schedule(20, n_samples), seed=1, device=device)
        line_bytes.append(device.counters.sent + device.counters.received)
simulated.close()
print("bytes on the line:", dict(zip(counts.tolist(), line_bytes, strict=True)))
print(
    "clocks of sweeps: ",
    dict(zip(counts.tolist(), clocks.tolist(), strict=True)),
)

# %% picture="Time of one call by the number of samples: the serial line takes far longer than the fabric."
line_bits = 10 * np.array(line_bytes)  # a start bit, eight bits, a stop bit
figure, axes = plt.subplots()
for baud, colour in ((1_000_000, "C0"), (3_000_000, "C5")):
    axes.plot(
        counts,
        line_bits / baud,
        "o-",
        color=colour,
        label=f"serial line at {baud / 1e6:g} Mbaud",
    )
axes.plot(
    counts,
    clocks / (1e6 * board.default_mhz),
    "s-",
    color="C1",
    label="sweeps of the fabric at 50 MHz",
)
axes.set(
    title="Predicted time of a call: one chain, a sample per sweep",
    xlabel="samples read out",
    ylabel="seconds",
    xscale="log",
    yscale="log",
)
axes.legend()
plt.show()

# %% [markdown]
# The line is the bottleneck by far, so read fewer states: more sweeps per sample, only the nodes that you need, or counters
# of moments in the fabric (`moment_bits`), which are read once at the end.
#
# ## What a real board adds
#
# | step | what can go wrong there only |
# |---|---|
# | `thermofab build --board …` | timing: exit status 1 and `NOT MET` in the report |
# | `thermofab flash out/ulx3s --board ulx3s-85f` | cable, permissions; needs openFPGALoader |
# | the *locked* LED | the oscillator, the PLL and the pins; no simulation here covers them |
# | open `serial:///dev/ttyUSB0` | the line's two wires and its speed; a wrong fabric is named as above |
# | the first program | power and timing at temperature: bits that differ, and differ from run to run |
#
# ## Check

# %%
assert np.array_equal(here.sites, there.sites), "the reference's bits"
assert np.array_equal(through_noise.sites, there.sites), (
    "the same on a bad line"
)
assert seen.damaged + seen.resent > 0, "the line was bad indeed"
assert check_size(BOARDS["ulx3s-85f"], small) == ""
assert (line_bits / 3e6 > 5 * clocks / (1e6 * board.default_mhz)).all()

# %% [markdown]
# ## Where next
#
# - [Boards](../boards.md): what a build gives, and how to add a board.
# - [The serial link](../link.md): the protocol, word by word.
# - [Gate level](../boards.md#gate-level): the same bench on the synthesised netlist.
# - [Hand-off](../handoff.md): a fabric in an SoC instead of on a board of its own.
