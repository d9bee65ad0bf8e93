"""Weights that are no real numbers: named and refused in a sentence, in every source language."""

import warnings
from fractions import Fraction
from typing import Any

import dimod
import jax.numpy as jnp
import networkx
import numpy as np
import pytest
from dimod.higherorder.polynomial import BinaryPolynomial
from thrml import Block, SpinNode
from thrml.models import IsingEBM, IsingSamplingProgram, SpinEBMFactor
from thrml.pgm import AbstractNode

import thermofab as fab
from tests.compiler.compiler_cases import pairwise
from thermofab.compiler import boltzmann_machine, rbm
from thermofab.hw.spec import CompileError, IsingModel, SpecError, ThermofabError
from thermofab.hw.spec.discrete import DiscreteModel, factor_of


def pair(**weights):
    graph = networkx.Graph()
    graph.add_node("a", bias=weights.get("bias", 0.0))
    graph.add_edge("a", "b", weight=weights.get("weight", 0.5))
    return graph


def bqm(vartype, linear=0.1, quadratic=0.2, offset=0.0):
    model = dimod.BinaryQuadraticModel({}, {}, vartype, dtype=object)
    model.add_quadratic("a", "b", quadratic)
    model.add_linear("a", linear)
    model.offset = offset
    return model


def coupled(couplings: Any, **more: Any) -> IsingModel:
    biases: Any = [0, 0]
    edges: Any = [(0, 1)]
    return IsingModel((0, 1), biases, edges, couplings, **more)


def ebm(weight: complex = 0.5, bias: complex = 0.0, beta: complex = 1.0) -> IsingEBM:
    nodes: list[AbstractNode] = [SpinNode(), SpinNode()]
    return IsingEBM(nodes, [(nodes[0], nodes[1])], jnp.array([bias, 0.0]), jnp.array([weight]), jnp.array(beta))


def sampling(weight):
    model = ebm(weight)
    return IsingSamplingProgram(model, [Block([node]) for node in model.nodes], [])


def factor(weight):
    return SpinEBMFactor([Block([SpinNode()]), Block([SpinNode()])], jnp.array([weight]))


def compiled(source):
    return fab.compile(source, "g4-2x2")


# What is given a bad value, and what the refusal calls it.
COMPLEX = {
    "the edge weights[0]": lambda v: compiled(pair(weight=v)),
    "the node biases[0]": lambda v: compiled(pair(bias=v)),
    "the linear biases of the BQM[0]": lambda v: compiled(bqm("SPIN", linear=v)),
    "the quadratic biases of the BQM[0]": lambda v: compiled(bqm("BINARY", quadratic=v)),
    "the offset of the BQM[0]": lambda v: compiled(bqm("SPIN", offset=v)),
    "the biases of the polynomial[0]": lambda v: compiled(BinaryPolynomial({"a": v, "ab": 0.1}, "BINARY")),
    "weights[0, 1]": lambda v: boltzmann_machine([[0, v], [v, 0]]),
    "biases[1]": lambda v: boltzmann_machine([[0, 1], [1, 0]], [0, v]),
    "weights[1, 0]": lambda v: rbm([[0, 1], [v, 0]]),
    "hidden_biases[0]": lambda v: rbm([[0, 1], [1, 0]], [0, 1], [v, 0]),
    "couplings[0]": lambda v: coupled([v]),
    "offset": lambda v: coupled([1], offset=v),
    "beta": lambda v: DiscreteModel((0,), np.zeros(1, int), (factor_of([[0]], [[]], [1.0]),), beta=v),
    "a factor's weights[0]": lambda v: factor_of([[0, 1]], [[]], [v]),
    "beta_levels[0]": lambda v: fab.compile(pair(), "g4-2x2", beta_levels=(v,)),
    "betas[0]": lambda v: fab.compile(pair(), "g4-2x2", betas=(v,)),
}
BAD = {
    1 + 2j: "(1+2j), a complex number; it must be a real number. Take its .real, if the imaginary part is nothing but "
    "rounding.",
    "x": "'x', a string; it must be a real number. Convert it with float().",
    None: "None, no number; it must be a real number. Give a number, 0 for no effect.",
}


# dimod itself takes no strings or None for these two.
@pytest.mark.parametrize(
    "name, value", [(name, value) for name in COMPLEX for value in BAD
                    if isinstance(value, complex) or not name.endswith("ar biases of the BQM[0]")
                    and not name.startswith("the quadratic")],
)  # fmt: skip
def test_what_is_no_real_number_is_named(name, value):
    """The fault: a bare TypeError of float(), or of numpy."""
    with pytest.raises(ThermofabError) as caught:
        COMPLEX[name](value)
    assert str(caught.value) == f"{name} is {BAD[value]}"


@pytest.mark.parametrize(
    "name, source",
    [
        ("weights of the IsingEBM[0]", lambda: ebm(weight=1 + 2j)),
        ("biases of the IsingEBM[0]", lambda: ebm(bias=1 + 2j)),
        ("the IsingEBM's beta", lambda: ebm(beta=1 + 2j)),
        ("weights of an interaction[0, 0]", lambda: sampling(1 + 2j)),
        ("weights of a SpinEBMFactor[0]", lambda: [factor(1 + 2j)]),
    ],
)
def test_imaginary_parts_of_thrmls_arrays_are_not_dropped(name, source):
    """The fault: numpy's cast drops them with a warning, and another distribution is sampled."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(CompileError) as caught:
            compiled(source())
    assert str(caught.value).startswith(f"{name} is (1+2j), a complex number; it must be a real number.")


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize("name", [name for name in COMPLEX if not name.startswith("beta")])
def test_what_is_not_finite_is_refused_in_a_sentence(name, value):
    with pytest.raises(ThermofabError, match=r"finite"):
        COMPLEX[name](value)


def test_real_numbers_of_any_type_are_taken():
    for value in (True, 1, np.float16(0.5), Fraction(1, 2), jnp.bfloat16(0.5), np.array(0.5), jnp.array(0.5)):
        assert pairwise(compiled(pair(weight=value)).model).couplings.tolist() == [float(value)]
        assert coupled([value]).couplings.tolist() == [float(value)]
    assert boltzmann_machine(jnp.ones((2, 2), jnp.bfloat16) - jnp.eye(2, dtype=jnp.bfloat16)).couplings.tolist() == [
        1.0
    ]


def test_other_arguments_of_other_types():
    with pytest.raises(CompileError, match=r"^tolerance is a total variation distance in 0…1, above 0, got 'x'\.$"):
        fab.compile(pair(), "g4-2x2", tolerance="x")  # pyright: ignore
    with pytest.raises(CompileError, match=r"^seed must lie in 0…2\^64-1, got '1'\.$"):
        fab.compile(pair(), "g4-2x2", seed="1")  # pyright: ignore
    with pytest.raises(SpecError, match=r"^beta must be one number, got an array of shape \(2,\)\.$"):
        IsingModel((0,), [0], np.zeros((0, 2)), [], beta=[1, 2])  # pyright: ignore


def cubic(weight):
    return DiscreteModel((0, 1, 2), np.zeros(3, int), (factor_of([[0, 1, 2]], [[]], [weight]),))


EXTREME = {
    "bias": lambda v: compiled(pair(bias=v)),
    "coupling": lambda v: compiled(pair(weight=v)),
    "weight": lambda v: fab.compile(cubic(v), "king-3x3"),
    "bias (RBM)": lambda v: compiled(rbm([[v, v], [v, v]], [v, v], units="binary")),
    "bias (exact)": lambda v: fab.exact(pair(bias=v)),
    "bias (new weights)": lambda v: compiled(pair()).with_weights(biases=[v, 0]),
}


@pytest.mark.parametrize("name", EXTREME)
@pytest.mark.parametrize("value", [2e30, -1e155, 1e300, 8e307])
def test_weights_beyond_floats_range_are_refused_before_they_overflow(name, value):
    """The fault: sums and squares that overflow, as warnings of numpy's and an OverflowError at the end."""
    sentence = (
        r"^a (bias|coupling|weight) of the program is \S+ and β is 1; their product must be within ±1e\+30, which"
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(ThermofabError, match=f"{sentence}|must be finite"):
            EXTREME[name](value)


@pytest.mark.parametrize("name", EXTREME)
@pytest.mark.parametrize("value", [1e-300, 5e-324, 1e-16])
def test_small_weights_compile_without_warnings(name, value):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        EXTREME[name](value)


def test_beta_counts_for_the_range():
    with pytest.raises(CompileError, match=r"^a coupling of the program is 1e\+30 and β is 10; their product"):
        fab.compile(pair(weight=1e30), "g4-2x2", beta=10.0)
    assert fab.compile(pair(weight=1e40), "g4-2x2", beta=1e-40).report.end_to_end_tv is not None
