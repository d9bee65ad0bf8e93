"""One thread: these nets are small, and results must not depend on how sums are shared out."""

import torch

torch.set_num_threads(1)
