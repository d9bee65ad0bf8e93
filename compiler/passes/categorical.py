r"""Categorical: every variable of q states becomes bits, every table of weights a polynomial in spins.

A code is a map from the 2^b values of b bits onto the q states. Where c(x) codes stand for the state x the compiled
distribution gives each of them P(x)/c(x), so that reading the code back gives P exactly, and no code is forbidden:
there is no penalty, and nothing to reject. A table over B bits is the polynomial Σ_S a_S Π_{i∈S} s_i with
a_S = 2^-B Σ_bits table(bits) Π_{i∈S} s_i (the Walsh-Hadamard transform).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from thermofab.compiler.ir.stages import Coded, Discrete, Paired, Polynomial
from thermofab.hw.spec.discrete import DiscreteModel
from thermofab.hw.spec.errors import CompileError
from thermofab.hw.spec.reading import Reading, spin_reading

# Coefficients below this share of the largest in their table are what is left of a difference of equal numbers.
_ROUNDING = 1e-14


def binary(q: int) -> tuple[int, ...]:
    """Of ⌈log₂ q⌉ bits; the codes from q on repeat the states half the range below."""
    bits = max(1, (q - 1).bit_length())
    return tuple(code if code < q else code - 2 ** (bits - 1) for code in range(2**bits))


def gray(q: int) -> tuple[int, ...]:
    """As :func:`binary`, numbered so that neighbouring states differ in one bit: for ordered states."""
    straight = binary(q)
    table = [0] * len(straight)
    for k, state in enumerate(straight):
        table[k ^ (k >> 1)] = state
    return tuple(table)


def unary(q: int) -> tuple[int, ...]:
    """Of q - 1 bits; the state is the number of ones: any flip of a bit moves to a neighbouring state."""
    return tuple(code.bit_count() for code in range(2 ** max(1, q - 1))) if q > 1 else (0, 0)


CODES: dict[str, Callable[[int], tuple[int, ...]]] = {"binary": binary, "gray": gray, "unary": unary}
_LARGEST_TABLE = 20  # bits of one term


@dataclass(frozen=True)
class Categorical:
    """Spins for every categorical variable, in ``code``. Exact. A program of pairs of spins stays as it is.

    Raises ``CompileError`` for an unknown code, or a term of more bits than a polynomial can have.
    """

    code: str = "binary"
    name: ClassVar[str] = "categorical"

    def __post_init__(self) -> None:
        if self.code in ("one-hot", "domain-wall"):
            raise CompileError(
                f"the code {self.code!r} has codes that stand for no state: a penalty strong enough to keep them rare "
                "stops the chain from moving, and a weaker one changes the distribution; use "
                "'binary', 'gray' or 'unary', "
                "which have none."
            )
        if self.code not in CODES:
            raise CompileError(f"code must be one of {', '.join(map(repr, CODES))}, got {self.code!r}.")

    def __call__(self, stage: Discrete | Paired) -> Coded | Paired:
        if isinstance(stage, Paired):
            return stage
        model = stage.model
        readings, tables, clamped = [], [], []
        for k, q in enumerate(model.categories.tolist()):
            table = CODES[self.code](q) if q else (0, 1)
            bits = (len(table) - 1).bit_length()
            readings.append(Reading(tuple(range(len(clamped), len(clamped) + bits)), table) if q else
                            spin_reading(len(clamped)))  # fmt: skip
            tables.append(np.array(table))
            clamped += [bool(stage.clamped[k])] * bits
        polynomial: Polynomial = {}
        _add_multiplicities(polynomial, model, readings, tables)
        for factor in model.factors:
            for spins, variables, weights in zip(factor.spins.tolist(), factor.categories.tolist(), factor.weights):
                ends = [readings[k].variables[0] for k in spins]
                over = [variable for k in variables for variable in readings[k].variables]
                if len(over) > _LARGEST_TABLE:
                    raise CompileError(
                        f"a term over categorical nodes {variables} has {len(over)} bits, and its polynomial up to "
                        f"2^{len(over)} terms; at most {_LARGEST_TABLE} bits per term are expanded. Split the factor."
                    )
                table = weights[np.ix_(*(tables[k] for k in variables))] if variables else weights
                _add_table(polynomial, ends, over, model.beta * table)
        n = len(clamped)
        coded = int(np.count_nonzero(model.categories))
        most = max((len(term) for term in polynomial), default=0)
        did = f"{coded} categorical nodes in {self.code} code, {n} spins, {len(polynomial)} terms of order up to {most}"
        return stage.to(
            Coded,
            self.name,
            did if coded else f"{n} spins, {len(polynomial)} terms of order up to {most}",
            terms=polynomial,
            clamped=np.array(clamped, dtype=bool),
            readings=tuple(readings),
        )


def _add_multiplicities(
    polynomial: Polynomial, model: DiscreteModel, readings: list[Reading], tables: list[np.ndarray]
) -> None:
    for k in np.flatnonzero(model.categories).tolist():
        counts = np.bincount(tables[k], minlength=int(model.categories[k]))
        if counts.max() > counts.min():
            _add_table(polynomial, [], list(readings[k].variables), -np.log(counts[tables[k]]))


def _add_table(polynomial: Polynomial, spins: list[int], bits: list[int], table: np.ndarray) -> None:
    """Add Π spins · table(bits), ``table`` of any shape with 2^bits entries."""
    coefficients = np.asarray(table, dtype=np.float64).reshape((2,) * len(bits))
    for axis in range(len(bits)):
        low, high = np.moveaxis(coefficients, axis, 0)
        coefficients = np.stack([(high + low) / 2, (high - low) / 2], axis=axis)
    least = _ROUNDING * float(np.max(np.abs(coefficients)))
    for place in zip(*np.nonzero(np.abs(coefficients) > least)) if bits else [()]:
        term = tuple(sorted(spins + [bit for bit, there in zip(bits, place) if there]))
        if term:
            polynomial[term] = polynomial.get(term, 0.0) + float(coefficients[place])
