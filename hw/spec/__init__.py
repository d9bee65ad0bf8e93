"""The shared types: frozen, hashable, validated where they are built. Standard library and numpy only."""

from thermofab.hw.spec.activation import flip_probability, sigmoid_table
from thermofab.hw.spec.certificate import Bounded, Certificate, Estimated, Exact, Rejecting
from thermofab.hw.spec.contract import CONTRACT_VERSION
from thermofab.hw.spec.costs import CLOCK_MODELS, COST_MODELS, ClockModel, CostModel, Figure
from thermofab.hw.spec.device import Device, DeviceInfo, RunPlan, check_image, ledger_of, plan_run
from thermofab.hw.spec.discrete import DiscreteModel, Factor
from thermofab.hw.spec.errors import (
    CompileError,
    DeviceError,
    DistributionWarning,
    MixingWarning,
    RefusedError,
    SpecError,
    ThermofabError,
    ToolMissingError,
    UnsupportedError,
)
from thermofab.hw.spec.fabric import FabricSpec, fabric
from thermofab.hw.spec.families import FAMILIES, GRID_RULES, grid, topology
from thermofab.hw.spec.image import FREE, Image
from thermofab.hw.spec.lattice import Lattice, LatticeRule
from thermofab.hw.spec.merging import Merged
from thermofab.hw.spec.model import IsingModel, to_spins
from thermofab.hw.spec.order import IDLE, NO_PARENT, Order
from thermofab.hw.spec.partition import LogPartition
from thermofab.hw.spec.parts import Part, part_of
from thermofab.hw.spec.program import Program
from thermofab.hw.spec.reading import Reading
from thermofab.hw.spec.registry import device_names, generator, generator_names, open_device
from thermofab.hw.spec.report import Quantisation, Report
from thermofab.hw.spec.samples import Counts, Ledger, Moments, Samples
from thermofab.hw.spec.schedule import Schedule
from thermofab.hw.spec.tiles import Boundary, Link, Network, Tiling, Wire
from thermofab.hw.spec.topology import Topology

__all__ = [
    "CLOCK_MODELS",
    "CONTRACT_VERSION",
    "COST_MODELS",
    "FAMILIES",
    "FREE",
    "GRID_RULES",
    "Boundary",
    "Bounded",
    "Certificate",
    "ClockModel",
    "CompileError",
    "CostModel",
    "Counts",
    "Device",
    "DeviceError",
    "DeviceInfo",
    "DiscreteModel",
    "DistributionWarning",
    "MixingWarning",
    "Estimated",
    "Exact",
    "FabricSpec",
    "Figure",
    "Factor",
    "Image",
    "IDLE",
    "IsingModel",
    "Lattice",
    "LatticeRule",
    "Ledger",
    "Link",
    "LogPartition",
    "Merged",
    "Moments",
    "NO_PARENT",
    "Network",
    "Part",
    "Order",
    "Program",
    "Quantisation",
    "Reading",
    "RefusedError",
    "Rejecting",
    "Report",
    "RunPlan",
    "Samples",
    "Schedule",
    "SpecError",
    "ThermofabError",
    "Tiling",
    "ToolMissingError",
    "Topology",
    "UnsupportedError",
    "Wire",
    "check_image",
    "device_names",
    "fabric",
    "flip_probability",
    "generator",
    "generator_names",
    "grid",
    "ledger_of",
    "open_device",
    "part_of",
    "plan_run",
    "sigmoid_table",
    "to_spins",
    "topology",
]
