# ---
# jupyter:
#   kernelspec: {display_name: Python 3, language: python, name: python3}
# ---

# %% [markdown]
# # A denoising model
#
# One Boltzmann machine that makes images has a hard task: its chain must cross between images that have little in
# common. A denoising thermodynamic model (DTM) divides the task. Noise is added to images in steps until nothing is left
# of them, and for each step one machine learns to take it back. In this tutorial you build one of two layers on a fabric
# of 12 × 12 p-bits, train it for a few seconds, and watch it work.

# %%
import matplotlib.pyplot as plt
import numpy as np

import thermofab as fab
from thermofab.models.data import digits
from thermofab.models.dtm import (
    DenoisingModel,
    ForwardChain,
    Generation,
    LayerTraining,
    Penalty,
    kernel_mmd,
    median_distance,
)

plt.style.use("tutorial.mplstyle")
images = digits()  # the 8 × 8 digits of scikit-learn, as bits
data = images.train[
    images.train_labels < 2
]  # zeros and ones: enough for a few seconds of training
print(data.shape, "images, pixels")

# %% [markdown]
# ## Noise, step by step
#
# The forward chain turns pixels over. After step t of T a pixel agrees with the image's as E[x⁰ xᵗ] = 1 − t/T; the last
# step leaves fair coin flips. It is data, and nothing about it is learnt.

# %%
chain = ForwardChain(steps=2)
for t in (1, 2):
    print(
        f"step {t}: every pixel is turned over with probability {chain.flip(t):.2f}; "
        f"coupling Γ = {chain.coupling(t):.2f}"
    )

# %% [markdown]
# ## One fabric for every layer
#
# A layer is a Boltzmann machine over all sites of a fabric. 64 sites, drawn at random, are the pixels of the less noisy
# image, and the others are latent. The noisier image enters through 64 more sites beside the grid, each clamped and
# coupled to its pixel by Γ (the last layer has none: its input would be coin flips). So all chains share one image of weights, and each has its own input.

# %%
model = DenoisingModel.fresh(
    fab.fabric("g8-12x12"),
    n_pixels=64,
    steps=2,
    compile=fab.compile,
    device="native",
    seed=1,
)
for t, layer in enumerate(model.layers, start=1):
    print(
        f"layer {t}: {layer.roles.topology.n_sites} sites, "
        f"{layer.roles.topology.n_edges} couplings"
    )

# %% [markdown]
# ## Training
#
# Layers are trained one by one and know nothing of each other. The gradient is a difference of moments that the fabric
# counts. The chains of the negative phase start at coin flips and run for 20 sweeps, as they will in use.

# %%
config = LayerTraining(
    epochs=40,
    batch=100,
    sweeps=20,
    clamped_sweeps=10,
    samples=8,
    learning_rate=0.1,
    penalty=Penalty(0.0),
    probes=8,
)
trained = model.trained(data, config)

# %% [markdown]
# ## Generation
#
# Coin flips go in. Layer 2 takes back the second step of noise, layer 1 the first.

# %%
made = trained.generate(300, Generation(sweeps=20), seed=3)
print("x², x¹, x⁰:", made.steps.shape, "= steps, images, pixels")

# %% picture="Rows of images: coin flips, the images after layer 2, those after layer 1, and images of the data."
figure, axes = plt.subplots(4, 12, figsize=(8.4, 3.4))
rows = {
    "coin flips": made.steps[0],
    "after layer 2": made.steps[1],
    "after layer 1": made.steps[2],
    "data": data,
}
for line, (name, pictures) in zip(axes, rows.items(), strict=True):
    for axis, picture in zip(line, pictures, strict=False):
        axis.imshow(picture.reshape(8, 8), cmap="cividis")
        axis.set(xticks=[], yticks=[])
        axis.grid(False)
    line[0].set_ylabel(name, rotation=0, ha="right", va="center")
figure.suptitle(
    "From coin flips to digits: twelve of the 300 images made",
    x=0.01,
    ha="left",
    fontsize=12,
)
plt.show()

# %% [markdown]
# ## How good are they?
#
# The maximum mean discrepancy (MMD²) compares two sets of images by the pixels in which they differ; 0 means that they
# cannot be told apart. Two yardsticks stand beside it: images whose pixels have the right means and are independent, and
# held-out images of the data.

# %%
width = median_distance(data)
rng = np.random.default_rng(0)
discrepancy = {
    "coin flips": kernel_mmd(made.steps[0], data, width),
    "independent pixels": kernel_mmd(
        rng.random((300, 64)) < data.mean(axis=0), data, width
    ),
    "untrained model": kernel_mmd(
        model.generate(300, Generation(sweeps=20), seed=3).images, data, width
    ),
    "trained model": kernel_mmd(made.images, data, width),
    "held-out images": kernel_mmd(
        images.test[images.test_labels < 2], data, width
    ),
}
for name, value in discrepancy.items():
    print(f"{name:20s} MMD² = {value:.4f}")

# %% [markdown]
# Is a second layer worth it? Not always: [the measurements](../dtm.md#measured) show that one large machine is as good
# after exactly the number of sweeps it was trained with, and worse when its chains run on. The layers pay where chains
# must mix.
#
# ## Check
#
# The trained model makes the same images on another device, bit for bit.

# %%
again = trained.on("jax").generate(300, Generation(sweeps=20), seed=3)

assert np.array_equal(again.steps, made.steps)
assert discrepancy["trained model"] < discrepancy["independent pixels"] / 2

# %% [markdown]
# ## Where next
#
# - [Denoising model](../dtm.md): more layers, the correlation penalty, quality against sweeps, and runs on RTL.
# - [Which connectivity for a denoising model](../connectivity.md): the choice of grid.
# - [A topology study](07_topology_study.py): compare fabrics for models of your own.
