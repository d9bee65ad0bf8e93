"""The emitted Verilog, or a design of your own, in lock step with the reference in Icarus or Verilator, under cocotb.

    from thermofab.sim.cosim import lockstep

    lockstep(fabric("g4-4x4"), "icarus", updates=2000)

:func:`lockstep` simulates a fabric and compares every site after every sweep; :mod:`.netlist` does so with a
synthesised netlist, :mod:`.link` with a fabric behind its serial line, :mod:`.tiles` with several chips. Files in
``bench/`` run inside the simulator; they alone import cocotb, which comes with ``pip install 'thermofab[rtl]'``.
"""

from thermofab.sim.cosim.lockstep import EVERY_SAMPLE, EVERY_SWEEP, Lockstep, emitted, lockstep
from thermofab.sim.cosim.modules import with_module
from thermofab.sim.cosim.simulation import Bench, BenchFailed, Design
from thermofab.sim.cosim.simulators import installed_simulators

__all__ = [
    "EVERY_SAMPLE",
    "EVERY_SWEEP",
    "Bench",
    "BenchFailed",
    "Design",
    "Lockstep",
    "emitted",
    "installed_simulators",
    "lockstep",
    "with_module",
]
