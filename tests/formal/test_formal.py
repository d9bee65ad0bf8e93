"""Every proof holds; every planted fault is found (`-m soak` for all of them)."""

import pytest
from prove import finds_fault, proofs, prove

pytest.importorskip("amaranth")
PROOFS = proofs()
FAULTS_BY_DEFAULT = ("lfsr64 never zero", "field of 3 neighbours", "element and clamps", "axi4-lite writes")


@pytest.mark.rtl
@pytest.mark.parametrize("name", PROOFS)
def test_proof_holds(name):
    holds, said = prove(PROOFS[name])
    assert holds, said


@pytest.mark.rtl
@pytest.mark.parametrize(
    "name", [name if name in FAULTS_BY_DEFAULT else pytest.param(name, marks=pytest.mark.soak) for name in PROOFS]
)
def test_proof_finds_its_fault(name):
    assert finds_fault(PROOFS[name])
