"""Gradients through samples of P(s) ∝ exp(Σ h_i s_i + Σ J_e s_a s_b): score-function estimators from the covariances.

For any f of the state, ∂E[f]/∂h_j = Cov(f, s_j) and ∂E[f]/∂J_ab = Cov(f, s_a s_b); the score of the distribution is the
statistic less its mean, so the chain's own average is the baseline. ``sampled_means`` gives E[s] with that gradient
(``"score"``, unbiased in the limit of many samples), or with the ``"straight-through"`` one, ∂m_i/∂h_i = 1 - m_i² and
the mean-field J gradient, which has no noise but neglects how spins respond to one another. ``expected_cost`` is the
mean of a cost of whole states (REINFORCE).
"""

import torch
from torch import Tensor

from thermofab.hw.spec import SpecError

ESTIMATORS = ("score", "straight-through")


def sampled_means(fields: Tensor, couplings: Tensor, edges: Tensor, spins: Tensor, estimator: str = "score") -> Tensor:
    """E[s] by the samples' mean, float32 ``[R, n]``, differentiable in fields and couplings.

    Args:
        fields: ``[R, n]`` that the chains were given.
        couplings: ``[m]`` that all chains had.
        edges: int64 ``[m, 2]``.
        spins: ±1 ``[R, S, n]``, the samples; S at least 2.
        estimator: one of ``ESTIMATORS``.
    """
    if estimator not in ESTIMATORS:
        raise SpecError(f"estimator is one of {ESTIMATORS}, got {estimator!r}.")
    if spins.shape[1] < 2:
        raise SpecError("covariances need at least 2 samples per chain.")
    return _Means.apply(fields, couplings, edges, spins.to(fields.dtype), estimator)


class _Means(torch.autograd.Function):
    @staticmethod
    def forward(ctx, fields, couplings, edges, spins, estimator):
        means = spins.mean(dim=1)
        ctx.save_for_backward(means, edges, spins)
        ctx.estimator = estimator
        return means

    @staticmethod
    def backward(ctx, *gradients):
        (gradient,) = gradients
        means, edges, spins = ctx.saved_tensors
        a, b = edges.unbind(1)
        if ctx.estimator == "straight-through":
            response = gradient * (1 - means**2)
            return response, (response[:, a] * means[:, b] + response[:, b] * means[:, a]).sum(0), None, None, None
        cost = torch.einsum("rsn,rn->rs", spins - means[:, None], gradient) / (spins.shape[1] - 1)
        return torch.einsum("rs,rsn->rn", cost, spins), (cost[..., None] * spins[..., a] * spins[..., b]).sum((0, 1)), \
            None, None, None  # fmt: skip


def expected_cost(fields: Tensor, couplings: Tensor, edges: Tensor, spins: Tensor, cost: Tensor) -> Tensor:
    """E[cost], averaged over chains: its value, its gradient through ``cost`` itself, and the score-function gradient
    in fields and couplings.

    Args:
        fields: ``[R, n]``.
        couplings: ``[m]``.
        edges: int64 ``[m, 2]``.
        spins: ±1 ``[R, S, n]``, S at least 2.
        cost: of every sample, ``[R, S]``.
    """
    samples = spins.shape[1]
    if samples < 2:
        raise SpecError("covariances need at least 2 samples per chain.")
    spins = spins.to(fields.dtype)
    advantage = (cost - cost.mean(dim=1, keepdim=True)).detach() / (samples - 1)
    a, b = edges.unbind(1)
    log_weight = torch.einsum("rsn,rn->rs", spins, fields) + (spins[..., a] * spins[..., b]) @ couplings
    score = (advantage * log_weight).sum(dim=1)
    return (cost.mean(dim=1) + score - score.detach()).mean()
