"""Gibbs sampling by colour in PyTorch, eager, all chains at once, on the processor."""

import numpy as np
import torch

from thermofab.apps.profile.method import Runner, Setting
from thermofab.apps.profile.problem import Problem


def prepare(problem: Problem, setting: Setting) -> Runner:
    """Spins by fields, categories by Gumbel noise on their logits; float32, PyTorch's default generator, one thread:
    tensors this small are slower on several."""
    pairs, n = problem.pairs, len(problem.sizes)
    colours = [torch.as_tensor(c) for c in pairs.colours]
    near = [torch.as_tensor(pairs.neighbours[c]) for c in pairs.colours]
    if problem.spins:
        bias, weights = (2 * torch.as_tensor(part, dtype=torch.float32) for part in problem.fields)
        parts = [(bias[c][:, None], weights[c][:, :, None]) for c in colours]

        def drawn(generator: torch.Generator, x: torch.Tensor, k: int) -> torch.Tensor:
            b, w = parts[k]
            field = b + (w * x[near[k]]).sum(dim=1)
            return 2.0 * (torch.rand(field.shape, generator=generator) < torch.sigmoid(field)) - 1.0

        def start(generator: torch.Generator) -> torch.Tensor:
            return 2.0 * torch.randint(0, 2, (n, setting.chains), generator=generator) - 1.0

    else:
        unary = torch.as_tensor(pairs.unary, dtype=torch.float32)
        tables = torch.as_tensor(pairs.tables, dtype=torch.float32)
        slots = torch.arange(tables.shape[1])[None, :, None]
        sizes = torch.as_tensor(problem.sizes)[:, None]

        def drawn(generator: torch.Generator, x: torch.Tensor, k: int) -> torch.Tensor:
            c = colours[k]
            logits = tables[c[:, None, None], slots, :, x[near[k]]].sum(dim=1) + unary[c][:, None]
            noise = torch.empty_like(logits).exponential_(generator=generator)
            return torch.argmax(logits - noise.log(), dim=-1)

        def start(generator: torch.Generator) -> torch.Tensor:
            return (torch.rand((n, setting.chains), generator=generator) * sizes).long()

    @torch.inference_mode()
    def run(seed: int) -> np.ndarray:
        torch.set_num_threads(1)
        generator = torch.Generator().manual_seed(seed)
        x, states = start(generator), np.empty((setting.samples, n, setting.chains), np.uint8)
        for sweep in range(setting.warmup + (setting.samples - 1) * setting.steps + 1):
            done = sweep - setting.warmup
            if done >= 0 and done % setting.steps == 0:
                states[done // setting.steps] = (x > 0).numpy() if problem.spins else x.numpy()
            for k, c in enumerate(colours):
                x[c] = drawn(generator, x, k)
        return states.transpose(2, 0, 1)

    return run
