"""Models as the user writes them, and how nodes are read: energies, JSON, and what is refused."""

import json

import numpy as np
import pytest

from thermofab.hw.spec import DiscreteModel, Factor, IsingModel, Reading, SpecError
from thermofab.hw.spec.model import portable_label
from thermofab.hw.spec.reals import real_array


def ising(nodes=(0, 1, 2), biases=(0.0, 0.0, 0.0), edges=((0, 1), (1, 2)), couplings=(0.5, 0.5), **options):
    return IsingModel(tuple(nodes), np.array(biases), np.array(edges), np.array(couplings), **options)


def factor(spins=((0,),), categories=((1,),), weights=((0.1, 0.2, 0.3),)):
    return Factor(np.array(spins, int), np.array(categories, int), np.array(weights))


def discrete(nodes=("a", "b"), categories=(0, 3), factors=(), **options):
    return DiscreteModel(tuple(nodes), np.array(categories), tuple(factors), **options)


@pytest.mark.parametrize(
    "make, sentence",
    [
        (lambda: ising((), (), (), ()), r"^a model needs at least one node\.$"),
        (lambda: ising((0, 1, 1)), r"^a model's nodes must be distinct\.$"),
        (lambda: ising(biases=(0.0, 0.0)), r"^a model of 3 nodes needs 3 biases, got 2\.$"),
        (lambda: ising(couplings=(0.5,)), r"^a model of 2 edges needs as many couplings, got 1\.$"),
        (lambda: ising(couplings=(0.5, np.inf)), r"^couplings\[1\] is inf; every bias and coupling must be a finite"),
        (lambda: ising(beta=0.0), r"^offset must be finite and beta positive, got 0\.0 and 0\.0\.$"),
        (lambda: ising(edges=((0, 1), (1, 1))), r"^a model's edges join two different nodes, the smaller index first"),
        (lambda: ising(edges=((0, 1), (1, 3))), r"^a model's edges join two different nodes, the smaller index first"),
        (lambda: ising(edges=((1, 2), (0, 1))), r"^a model's edges must be sorted\.$"),
        (lambda: ising(edges=((0, 1), (0, 1))), r"^a model lists an edge twice; sum the couplings\.$"),
        (lambda: discrete((), ()), r"^a model needs at least one node\.$"),
        (lambda: discrete(("a", "a")), r"^a model of 2 nodes needs distinct nodes, and an entry of categories for"),
        (lambda: discrete(categories=(0,)), r"^a model of 2 nodes needs distinct nodes, and an entry of categories"),
        (lambda: discrete(offset=np.nan), r"^offset must be finite and beta positive, got nan and 1\.0\.$"),
        (
            lambda: discrete(factors=[factor(categories=((2,),))]),
            r"^a factor names node 2 of a model of 2 nodes\.$",
        ),
        (
            lambda: discrete(categories=(0, 0), factors=[factor(((0, 0),), np.zeros((1, 0)), (0.5,))]),
            r"^a term names one node twice, nodes \[0, 0\]; s·s = 1, so write it without\.$",
        ),
        (
            lambda: discrete(factors=[factor(((1,),), np.zeros((1, 0)), (0.5,))]),
            r"^a factor lists a categorical variable among its spins\.$",
        ),
        (
            lambda: discrete(factors=[factor(weights=((0.1, 0.2),))]),
            r"^a factor's weights have \[2\] states where its nodes have others\.$",
        ),
        (
            lambda: factor(weights=(0.1,)),
            r"^the weights of a factor over 1 categorical variables need an axis for the rows and one for each of "
            r"these, got shape \(1,\)\.$",
        ),
        (lambda: factor(weights=((0.1, np.nan, 0.2),)), r"^a factor's weights must be finite numbers\.$"),
        (
            lambda: discrete().energies(np.zeros((5, 3), int)),
            r"^states of a model of 2 nodes need as many columns, got shape \(5, 3\)\.$",
        ),
        (lambda: Reading((0, 1), (0, 1, 2)), r"^2 bits have 4 codes, not 3\.$"),
        (lambda: real_array("biases", [[1.0], [2.0, 3.0]]), r"^biases\[0\] is \[1\.0\], of type list; it must be a"),
        (lambda: real_array("biases", [10**400]), r"^biases\[0\] is 10+, of type int; it must be a real number\. Give"),
    ],
)  # fmt: skip
def test_malformed_models_are_refused(make, sentence):
    with pytest.raises(SpecError, match=sentence):
        make()


def test_orders_and_energies_of_factors():
    """E = offset - Σ W[c] Π s, by hand: state (spin +1, category 2) of a pair term and a field of the spin."""
    pair, field = factor(), factor(((0,),), np.zeros((1, 0)), (0.7,))
    assert (pair.order, field.order) == (2, 1)
    model = discrete(factors=[pair, field], offset=1.0)
    assert model.energies(np.array([[1, 2], [0, 1]])).tolist() == pytest.approx([1.0 - 0.3 - 0.7, 1.0 + 0.2 + 0.7])


def test_a_node_without_a_label_that_json_has_is_written_as_its_number():
    node = object()
    assert portable_label(("a", 1), 7) == {"tuple": ["a", 1]} and portable_label(node, 7) == 7
    again = IsingModel.from_json(json.loads(json.dumps(ising((node, "b", 3)).to_json())))
    assert again.nodes == (0, "b", 3)


def test_a_reading_takes_the_first_of_several_codes():
    reading = Reading((4, 9), (0, 1, 2, 2))
    bits = reading.encode([0, 1, 2])
    assert bits.tolist() == [[False, False], [False, True], [True, False]]
    assert reading.decode(np.array([[True, True], [True, False]])).tolist() == [2, 2]
