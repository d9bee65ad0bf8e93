"""Training of the recursion, in torch on one thread: AdamW with one cycle, every step scored; temperature; halting.

A fifth of the rows, at most 1,500, is held out for the temperature and for the halting head.
"""

import numpy as np
import torch
from scipy.optimize import minimize_scalar
from sklearn.linear_model import LogisticRegression
from torch import Tensor, nn
from torch.nn import functional as F

from thermofab.apps.routing.quality import log_loss
from thermofab.apps.routing.recursion import LIMIT, RecursionConfig, RecursiveQuality, step_features


class Recursion(nn.Module):
    """The recursion with torch's weights: features standardised beforehand."""

    def __init__(self, config: RecursionConfig, features: int, mean: np.ndarray):
        super().__init__()
        self.config = config
        models = len(mean)
        odds = torch.tensor(np.log(mean / (1 - mean)), dtype=torch.float32)
        self.drive, self.skip = nn.Linear(features, config.width), nn.Linear(features, models)
        self.recur, self.feedback = (
            nn.Linear(config.width, config.width, bias=False),
            nn.Linear(models, config.width, bias=False),
        )
        self.out, self.gate = nn.Linear(config.width, models, bias=False), nn.Parameter(torch.zeros(config.width))
        nn.init.zeros_(self.skip.weight)
        nn.init.normal_(self.out.weight, 0, 0.05)
        with torch.no_grad():
            self.skip.bias.copy_(odds)

    def forward(self, x: Tensor) -> list[Tensor]:
        """Log-odds ``[N, K]`` after every step."""
        if self.training:
            x = F.dropout(x, self.config.dropout)
        drive, answer = self.drive(x), self.skip(x)
        state, gate, candidates = torch.zeros(len(x), self.config.width), torch.sigmoid(self.gate), []
        for _ in range(self.config.max_outer_steps):
            for _ in range(self.config.max_inner_steps):
                state = (1 - gate) * state + gate * torch.tanh(drive + self.recur(state) + self.feedback(answer))
                candidates.append(answer + self.out(state))
            answer = candidates[-1]
        return candidates


def train(
    config: RecursionConfig, features: np.ndarray, quality: np.ndarray, weights: np.ndarray
) -> dict[str, np.ndarray]:
    """Weights of the forward pass by name, float64."""
    threads, before = torch.get_num_threads(), torch.random.get_rng_state()
    torch.set_num_threads(1)
    torch.manual_seed(config.random_seed)
    try:
        order = np.random.default_rng(config.random_seed).permutation(len(features))
        held, kept = np.split(order, [min(1500, len(order) // 5)])
        mean, scale = features[kept].mean(axis=0), features[kept].std(axis=0)
        scale = np.where(scale < 1e-6, 1.0, scale)
        x = torch.tensor(np.clip((features - mean) / scale, -LIMIT, LIMIT), dtype=torch.float32)
        rate = np.clip(
            np.nansum(quality * weights, axis=0) / np.nansum(weights * ~np.isnan(quality), axis=0), 0.02, 0.98
        )
        net = Recursion(config, features.shape[1], rate)
        _descend(net, x, quality, weights, kept)
        net.eval()
        arrays = _arrays(net) | {"mean": mean, "scale": scale}
        return arrays | _calibrate(config, arrays, features[held], quality[held])
    finally:
        torch.random.set_rng_state(before)
        torch.set_num_threads(threads)


def _descend(net: Recursion, x: Tensor, quality: np.ndarray, weights: np.ndarray, rows: np.ndarray) -> None:
    config = net.config
    counted = torch.tensor(np.where(np.isnan(quality), 0, weights), dtype=torch.float32)
    counted = counted / counted[rows].mean()
    target = torch.tensor(np.nan_to_num(quality), dtype=torch.float32)
    total = config.epochs * -(-len(rows) // config.batch)
    optimiser = torch.optim.AdamW(net.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, config.learning_rate, total_steps=total)
    depth = torch.linspace(0.3, 1, config.steps)
    for _ in range(config.epochs):
        for batch in torch.tensor(rows)[torch.randperm(len(rows))].split(config.batch):
            losses = [
                F.binary_cross_entropy_with_logits(logits, target[batch], counted[batch]) for logits in net(x[batch])
            ]
            loss = (depth * torch.stack(losses)).sum() / depth.sum()
            optimiser.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(net.parameters(), 1.0)
            optimiser.step()
            schedule.step()


def _arrays(net: Recursion) -> dict[str, np.ndarray]:
    named = {
        "A": net.drive.weight.T, "a": net.drive.bias, "B": net.skip.weight.T, "b": net.skip.bias,
        "R": net.recur.weight.T, "S": net.feedback.weight.T, "U": net.out.weight.T, "g": torch.sigmoid(net.gate),
    }  # fmt: skip
    return {name: np.ascontiguousarray(value.detach().numpy().astype(np.float64)) for name, value in named.items()}


def _calibrate(
    config: RecursionConfig, arrays: dict[str, np.ndarray], features: np.ndarray, quality: np.ndarray
) -> dict[str, np.ndarray]:
    """Temperature a model, and the halting head, on held-out rows."""
    models = quality.shape[1]
    found = {"temperature": np.ones(models), "halt": np.zeros(5), "halt_bias": np.zeros(1)}
    model = RecursiveQuality(config)
    model.arrays = arrays | found
    final = np.clip(model.refine(features, halting=False).quality, 1e-6, 1 - 1e-6)
    logits = np.log(final / (1 - final))
    for k in range(models):
        if (~np.isnan(quality[:, k])).sum() >= 20:
            found["temperature"][k] = _temperature(logits[:, k], quality[:, k])
    model.arrays = arrays | found
    trace = model.refine(features, halting=False, traced=True).trace
    end = trace[-1].quality
    seen, done = [], []
    last = model.first(features)
    for number, step in enumerate(trace, 1):
        seen.append(step_features(step.quality, last, step.change, number))
        done.append(np.abs(step.quality - end).max(axis=1) <= config.tolerance)
        last = step.quality
    rows, labels = np.concatenate(seen), np.concatenate(done)
    if labels.all() or not labels.any():
        found["halt_bias"][:] = 5.0 if labels.all() else -5.0
    else:
        head = LogisticRegression(C=1.0, max_iter=500).fit(rows, labels)
        found["halt"], found["halt_bias"] = head.coef_[0].astype(np.float64), head.intercept_.astype(np.float64)
    return found


def _temperature(logits: np.ndarray, quality: np.ndarray) -> float:
    """What the log-odds are divided by for the least log loss."""

    def loss(temperature: float) -> float:
        return log_loss(1 / (1 + np.exp(-logits / temperature)), quality)

    found = minimize_scalar(loss, bounds=(0.5, 5.0), method="bounded")
    return float(found.x)  # pyright: ignore[reportAttributeAccessIssue]
