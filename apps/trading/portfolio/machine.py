"""The machine: pair tables on a fabric, three sites per asset and one per market bit, sampled on any device.

The fabric is made for the tables: a factor of six sites for every pair of assets, three more for every pair and
market bit. Market bits are clamped, for every chain of a run as its own path has them. A draw gives one cell per chain;
decoding is the copula's affair (:mod:`~thermofab.apps.trading.portfolio.decoding`).
"""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from thermofab.apps.trading.portfolio.cells import (
    BITS,
    CODE,
    HALF,
    STATES,
    bits_of,
    checked_assets,
    pairs_of,
    states_of,
)
from thermofab.apps.trading.portfolio.mixing import sweeps_needed
from thermofab.apps.trading.portfolio.tables import Tables, log_normalised, log_weights
from thermofab.compiler import compile as compile_program
from thermofab.compiler import fabric_of
from thermofab.hw.spec import Device, DiscreteModel, FabricSpec, Ledger, Program, Schedule, SpecError, open_device
from thermofab.hw.spec.discrete import Factor, factor_of
from thermofab.hw.spec.factors import table_starts

MOST_CHAINS = 65_536  # of one run
WEIGHT_BITS, BIAS_BITS = 14, 18
_SETTINGS = 4  # random settings of the market bits, besides all off and all on, whose sweeps are counted


def site_node(asset: int, bit: int) -> tuple[str, int, int]:
    """The program's node of an asset's bit."""
    return ("asset", asset, bit)


def market_node(bit: int) -> tuple[str, int]:
    """The program's node of a market bit."""
    return ("market", bit)


def model_of(tables: Tables) -> DiscreteModel:
    """The tables as a program: nodes of two states, an asset's three bits one after another, then the market's bits."""
    d, k = tables.assets, tables.bits
    nodes: list[Hashable] = [site_node(asset, bit) for asset in range(d) for bit in range(BITS)]
    nodes += [market_node(bit) for bit in range(k)]
    asset = [tuple(range(BITS * i, BITS * i + BITS)) for i in range(d)]
    pairs = pairs_of(d)
    factors = [_factor(asset, [_coded(table, 1) for table in tables.single])]
    factors.append(_factor([asset[i] + asset[j] for i, j in pairs], [_coded(table, 2) for table in tables.pair]))
    sign = np.array([-1.0, 1.0])
    for bit in range(k):
        market = (BITS * d + bit,)
        own = [np.multiply.outer(sign, _coded(table, 1)) for table in tables.single_shift[bit]]
        factors.append(_factor([market + one for one in asset], own))
        wide, narrow, halves = [], [], []
        for table in tables.pair_shift[bit]:
            by_column = np.repeat(table.reshape(STATES, STATES // 2, 2).mean(axis=2), 2, axis=1)
            by_row = np.repeat((table - by_column).reshape(STATES // 2, 2, STATES).mean(axis=1), 2, axis=0)
            # What depends on a quarter alone is the same for both values of the third bit, which is left out.
            wide.append(np.multiply.outer(sign, _coded(by_column, 2)[..., 0]))
            narrow.append(np.multiply.outer(sign, _coded(by_row, 2)[:, :, 0]))
            halves.append(np.multiply.outer(sign, np.outer(sign, sign)) * (HALF @ table @ HALF) / STATES**2)
        factors.append(_factor([market + asset[i] + asset[j][:2] for i, j in pairs], wide))
        factors.append(_factor([market + asset[i][:2] + asset[j] for i, j in pairs], narrow))
        factors.append(_factor([market + asset[i][2:] + asset[j][2:] for i, j in pairs], halves))
    return DiscreteModel(tuple(nodes), np.full(len(nodes), 2), tuple(factors))


def _coded(table: np.ndarray, assets: int) -> np.ndarray:
    """A table over states as one over bits, ``[2] * 3·assets``."""
    order = states_of(np.indices((2,) * BITS).reshape(BITS, -1).T)
    for axis in range(assets):
        table = table.take(order, axis=axis)
    return table.reshape((2,) * (BITS * assets))


def _factor(nodes: list[tuple[int, ...]], weights: list[np.ndarray]) -> Factor:
    return factor_of([[]] * len(nodes), nodes, np.stack(weights))


@dataclass(eq=False)
class PortfolioMachine:
    """Tables of one shape on one fabric and device; compiled once, then given other weights.

    Args:
        tables: what to hold.
        device: a name for :func:`~thermofab.hw.spec.open_device`, such as ``native`` or ``serial:///dev/ttyUSB0``, or
            an open device of the machine's fabric, which stays open.
        sweeps: before a draw; by default as many as the tables need
            (:func:`~thermofab.apps.trading.portfolio.mixing.sweeps_needed`).

    Raises:
        SpecError: fewer than 2 assets or more than 6.
    """

    tables: Tables
    device: str | Device = "jax"
    sweeps: int | None = None
    _program: Program | None = field(default=None, repr=False)
    _running: Device | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        checked_assets(self.tables.assets)
        if self.sweeps is not None and self.sweeps < 1:
            raise SpecError(f"a draw takes one sweep at least, got sweeps={self.sweeps}.")

    @property
    def assets(self) -> int:
        return self.tables.assets

    @property
    def program(self) -> Program:
        """The tables on the fabric."""
        if self._program is None:
            model = model_of(self.tables)
            spec = fabric_of(model, weight_bits=WEIGHT_BITS, bias_bits=BIAS_BITS, profile="fine")
            # The smallest step that saturates nothing: at these widths no search finds a better one worth its time.
            options: dict[str, Any] = {"verify": False, "keep_zero": True, "sampled": False, "powers": (0.0,)}
            self._program = compile_program(model, spec, **options)
        return self._program

    @property
    def fabric(self) -> FabricSpec:
        return self.program.fabric

    def holding(self, tables: Tables) -> "PortfolioMachine":
        """A machine of the same fabric and device that holds other tables of the same shape: reprogrammed.

        Raises:
            SpecError: tables of another shape.
        """
        if (tables.assets, tables.bits) != (self.assets, self.tables.bits):
            raise SpecError(
                f"this machine holds {self.assets} assets and {self.tables.bits} market bits; the tables are of "
                f"{tables.assets} and {tables.bits}."
            )
        program = self.program.with_weights(model_of(tables))
        return PortfolioMachine(tables, self.opened, self.sweeps_a_draw, program)

    @property
    def opened(self) -> Device:
        """The device, open."""
        if self._running is None:
            running = open_device(self.device, self.fabric) if isinstance(self.device, str) else self.device
            self._running = running
            return running
        return self._running

    @cached_property
    def sites(self) -> np.ndarray:
        """The site of every asset's bits, then of the market's, int64 ``[3d + k]``."""
        made = []
        for node in range(self.program.model.n_nodes):
            (variable,) = self.program.variables_of(node)
            made.append(self.program.copies[variable][0])
        return np.array(made)

    @cached_property
    def order(self) -> tuple[int, ...]:
        """The bits of assets in the order in which a sweep updates them."""
        colours = np.asarray(self.fabric.topology.colours)[self.sites[: BITS * self.assets]]
        return tuple(int(bit) for bit in np.argsort(colours, kind="stable"))

    def log_probabilities(self, market: np.ndarray | None = None) -> np.ndarray:
        """log P of all cells, float64 ``[8] * d``, of the integers on the fabric, given market bits bool ``[k]``.

        Raises:
            SpecError: the tables have market bits and none were given.
        """
        if self.tables.bits and market is None:
            raise SpecError(f"this machine has {self.tables.bits} market bits; give their values.")
        held = self.held(np.zeros(0, bool) if market is None else np.asarray(market, dtype=bool))
        return log_normalised(log_weights(held.single, held.pair))

    def held(self, market: np.ndarray) -> Tables:
        """The tables that the fabric's integers stand for, given market bits bool ``[k]``."""
        image, step, d = self.program.image, self.program.report.quantisation.step, self.assets
        inside, outside, pairs = self._addresses
        values = 2 * step * image.factors[inside + (outside @ market.astype(np.int64))[:, None, None]]
        pair = np.zeros_like(self.tables.pair)
        np.add.at(pair, pairs, values)
        biases = step * image.biases[self.sites[: BITS * d]].reshape(d, BITS)
        single = np.where(CODE, 1.0, -1.0) @ biases.T
        return Tables(single.T, pair, self.tables.single_shift[:0], self.tables.pair_shift[:0])

    @cached_property
    def _addresses(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Of every factor: its entries by two assets' states, int64 ``[F, 8, 8]``, what every market bit adds to them,
        ``[F, k]``, and the number of the assets' pair, ``[F]``."""
        factors, d = self.fabric.topology.factors, self.assets
        node_of = {int(site): node for node, site in enumerate(self.sites)}
        number = {pair: k for k, pair in enumerate(pairs_of(d))}
        inside = np.zeros((len(factors), STATES, STATES), dtype=np.int64)
        outside = np.zeros((len(factors), self.tables.bits), dtype=np.int64)
        pairs = np.zeros(len(factors), dtype=np.int64)
        code = CODE.astype(np.int64)
        for f, (sites, start) in enumerate(zip(factors, table_starts(factors))):
            nodes = [node_of[site] for site in sites]
            i, j = sorted({node // BITS for node in nodes if node < BITS * d})
            pairs[f] = number[i, j]
            inside[f] = start
            for place, node in enumerate(nodes):
                if node >= BITS * d:
                    outside[f, node - BITS * d] += 1 << place
                elif node // BITS == i:
                    inside[f] += (code[:, node % BITS] << place)[:, None]
                else:
                    inside[f] += (code[:, node % BITS] << place)[None]
        return inside, outside, pairs

    @cached_property
    def sweeps_a_draw(self) -> int:
        """Sweeps before a draw: those asked for, or what the slowest of a few settings of the market bits needs."""
        if self.sweeps is not None:
            return self.sweeps
        k = self.tables.bits
        settings = np.random.default_rng(0).random((_SETTINGS if k else 0, k)) < 0.5
        settings = np.concatenate([settings, np.zeros((1, k), bool), np.ones((1 if k else 0, k), bool)])
        return max(sweeps_needed(np.exp(self.tables.log_probabilities(row)), self.order) for row in settings)

    def draw(
        self,
        chains: int,
        seed: int,
        market: np.ndarray | None = None,
        clamped: Mapping[int, np.ndarray] | None = None,
    ) -> tuple[np.ndarray, Ledger]:
        """One cell a chain, and what the run cost.

        Args:
            chains: how many.
            seed: the same seed gives the same cells on every bit-exact device.
            market: market bits bool ``[chains, k]``.
            clamped: assets' states that are held, int ``[chains]`` by the asset's number.

        Returns:
            states int64 ``[chains, d]`` and the ledger.

        Raises:
            SpecError: market bits of another shape.
        """
        bits = np.zeros((chains, 0), bool) if market is None else np.asarray(market, dtype=bool)
        if bits.shape != (chains, self.tables.bits):
            raise SpecError(
                f"{chains} chains of a machine of {self.tables.bits} market bits need these as shape "
                f"{(chains, self.tables.bits)}, got {bits.shape}."
            )
        clamp: dict[Hashable, np.ndarray] = {market_node(k): bits[:, k].astype(int) for k in range(bits.shape[1])}
        for asset, held in (clamped or {}).items():
            code = bits_of(np.asarray(held))
            clamp |= {site_node(asset, bit): code[:, bit].astype(int) for bit in range(BITS)}
        drawn, ledger = [], None
        for first in range(0, chains, MOST_CHAINS):
            rows = slice(first, first + MOST_CHAINS)
            count = min(MOST_CHAINS, chains - first)
            out = self.program.sample(
                Schedule(self.sweeps_a_draw, 1),
                clamp={node: value[rows] for node, value in clamp.items()} or None,
                replicas=count, seed=seed + first, device=self.opened,
            )  # fmt: skip
            sites = out.sites[:, 0, self.sites[: BITS * self.assets]]
            drawn.append(states_of(sites.reshape(count, self.assets, BITS)))
            ledger = out.ledger if ledger is None else ledger.plus(out.ledger)
        assert ledger is not None
        return np.concatenate(drawn), ledger
