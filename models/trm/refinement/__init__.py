"""The refinement module: a small recursive model that refines a state and an answer, and learns from outcomes."""

from thermofab.models.trm.refinement.configuration import RefinementConfig
from thermofab.models.trm.refinement.module import Refined, RefinementStep, TRMRefinementModule, create_trm_module

__all__ = ["Refined", "RefinementConfig", "RefinementStep", "TRMRefinementModule", "create_trm_module"]
