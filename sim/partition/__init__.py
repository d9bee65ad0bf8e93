"""ln Z of compiled programs by the bits of any device: Σ_s exp(-β E(s)) of the model as written, with an error.

``program.log_partition(method=…)`` or :func:`log_partition`; docs/partition.md says which method to take. Each
estimator is a pure function of energies in a file of its own.
"""

from thermofab.hw.spec.partition import LogPartition
from thermofab.sim.partition.annealed import log_mean
from thermofab.sim.partition.bar import Bennett, bennett
from thermofab.sim.partition.estimate import log_partition
from thermofab.sim.partition.integration import hermite, quadrature_error
from thermofab.sim.partition.population import descent, mean_square_family

__all__ = [
    "Bennett",
    "LogPartition",
    "bennett",
    "descent",
    "hermite",
    "log_mean",
    "log_partition",
    "mean_square_family",
    "quadrature_error",
]
