"""Strategy energies: typical against rare, and likelihood, beside scikit-learn's RBM of as many hidden units.

    python benchmarks/trading/strategies.py        # a minute

Records of the documented generator, 2,000 to learn from and 500 fresh ones; *rare* are these with every figure shuffled
among them. Log-likelihoods a record are annealed importance sampling's, of both machines by the same means.
"""

import numpy as np
from sklearn.metrics import roc_auc_score
from sklearn.neural_network import BernoulliRBM

from thermofab.apps.trading.records import example_records, features_of, shuffled
from thermofab.apps.trading.strategies import VISIBLE, EnergyBasedStrategyModel
from thermofab.models.boltzmann import free_energy, from_binary_rbm, log_likelihood


def main() -> None:
    print(f"{'seed':>4}  {'model':<14}{'AUC':>7}{'log-likelihood':>16}{'±':>6}")
    for seed in range(3):
        model = EnergyBasedStrategyModel(device="native", seed=seed)
        learnt = example_records(2000, seed=10 + seed)
        model.train(learnt)
        assert model.machine is not None and model.code is not None
        fresh = example_records(500, seed=100 + seed)
        table, mixed = (np.stack([features_of(r) for r in rows]) for rows in (fresh, shuffled(fresh, seed)))
        data, rare = model.code.encode(table), model.code.encode(mixed)
        train = model.code.encode(np.stack([features_of(r) for k, r in enumerate(learnt) if k % 5 != 4]))
        theirs = BernoulliRBM(
            n_components=model.hidden, learning_rate=0.02, batch_size=64, n_iter=24, random_state=seed
        )
        theirs.fit(train.astype(float))
        machines = {
            "fabric, PCD": model.machine,
            "scikit-learn": from_binary_rbm(theirs.components_.T, theirs.intercept_visible_, theirs.intercept_hidden_),
        }
        for name, machine in machines.items():
            energies = np.concatenate([free_energy(machine, data), free_energy(machine, rare)])
            likelihood = log_likelihood(machine, data, seed=seed)
            auc = roc_auc_score([0] * len(data) + [1] * len(rare), energies)
            print(f"{seed:>4}  {name:<14}{auc:>7.3f}{likelihood.value:>16.2f}{likelihood.error:>6.2f}", flush=True)
        drawn = [features_of(record) for record in model.sample_strategies(500, seed)]  # refuses what is out of range
        print(f"{seed:>4}  {len(drawn)} drawn records of {VISIBLE} bits, every figure in its range")


if __name__ == "__main__":
    main()
