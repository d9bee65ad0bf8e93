"""The tables of docs/optimise.md, docs/frontier.md and docs/simulators.md from docs/results/.

python benchmarks/frontier/page.py
"""

import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from page_tables import fill, results

PEERS = ("dwave_annealing", "dwave_tabu", "bifurcation")


def gset() -> str:
    """A row an instance."""
    lines = [
        "| instance | nodes, edges | budget, s | best known | found | method | flips | bound | dwave-samplers "
        "annealing | tabu | bifurcation |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for row in results("frontier_gset")["rows"]:
        bound = "" if row["bound"] is None else f"{row['bound']:.1f}, {row['bound_by']}"
        size = f"{row['nodes']}, {row['edges']}"
        peers = " | ".join(str(row.get(name, "")) for name in PEERS)
        lines.append(
            f"| {row['instance']} | {size} | {row['budget']:g} | {row['best']} | {row['cut']} | "
            f"{row['method']} | {row['flips']:.2g} | {bound} | {peers} |"
        )
    return "\n".join(lines)


def sampler() -> str:
    """Means and bests over graphs, a row a sampler."""
    rows = results("frontier_sampler")["rows"]
    lines = ["| sampler | mean cut of a read | best, by graph |", "|---|---|---|"]
    for name in dict.fromkeys(row["sampler"] for row in rows):
        mine = [row for row in rows if row["sampler"] == name]
        mean = sum(row["mean"] for row in mine) / len(mine)
        lines.append(f"| {name} | {mean:.1f} | {', '.join(str(row['best']) for row in mine)} |")
    return "\n".join(lines)


def spin_glasses() -> str:
    """Residuals by size and sweeps."""
    lines = [
        "| L | rungs | instances × runs | sweeps | residual ·10³ | so far | solved | published ·10³ |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in results("frontier_spin_glasses")["rows"]:
        for mark in row["residual"]:
            now, so_far, solved = (row[name][mark] for name in ("residual", "best_so_far", "solved"))
            told = row["published"].get(mark)
            lines.append(
                f"| {row['size']} | {row['rungs']} | {row['instances']} × {row['runs']} | {mark} | "
                f"{1000 * now[0]:.2f} ± {1000 * now[1]:.2f} | {1000 * so_far[0]:.2f} | {solved[0]:.1%} | "
                f"{'' if told is None else f'{1000 * told:.2f}'} |"
            )
    return "\n".join(lines)


def spin_glass_flips() -> str:
    """Time to solution and rates by size."""
    lines = [
        "| L | flips to 99%, median instance | 95% | updates per ns, one core | all | µs per sweep and run |",
        "|---|---|---|---|---|---|",
    ]
    for row in results("frontier_spin_glasses")["rows"]:
        middle, low, high = ("more" if value is None else f"{value:.2g}" for value in row["flips_99"])
        lines.append(
            f"| {row['size']} | {middle} | {low} to {high} | {row['updates_per_cpu_ns']:.2f} | "
            f"{row['updates_per_ns']:.2f} | {row['us_per_sweep_of_a_run']:.0f} |"
        )
    return "\n".join(lines)


def spin_glass_peers() -> str:
    """Ours and peers from as many updates."""
    lines = ["| way | residual ·10³ | solved | processor seconds per run |", "|---|---|---|---|"]
    for row in results("frontier_spin_glass_peers")["rows"]:
        mean, error = row["residual"]
        lines.append(
            f"| {row['way']} | {1000 * mean:.2f} ± {1000 * error:.2f} | {row['solved']:.1%} | "
            f"{row['cpu_seconds_per_run']:.3f} |"
        )
    return "\n".join(lines)


def images() -> str:
    """The denoising model at 28×28: means over seeds, by layers and sweeps."""
    found = results("frontier_dtm28")
    lines = [
        "| layers | seeds | sweeps of each layer | FID | nearest | nJ, as DTCA | µJ, as Z1 |",
        "|---|---|---|---|---|---|---|",
    ]
    for steps in dict.fromkeys(row["steps"] for row in found["rows"]):
        rows = [row["points"] for row in found["rows"] if row["steps"] == steps]
        for points in zip(*rows, strict=True):
            fids = [point["fid"] for point in points]
            near = sum(point["nearest"] for point in points) / len(points)
            joules = points[0]["joules"]
            lines.append(
                f"| {steps} | {len(rows)} | {points[0]['sweeps']} | {min(fids):.1f} to {max(fids):.1f} | {near:.1f} | "
                f"{1e9 * joules['DTCA']:.2f} | {1e6 * joules['Z1']:.2f} |"
            )
    for name in ("held_out", "independent_pixels"):
        row = found[name]
        lines.append(f"| {name.replace('_', ' ')} | | | {row['fid']:.1f} | {row['nearest']:.1f} | | |")
    return "\n".join(lines)


def own_training() -> str:
    """Accuracy of the network trained here, on the held-out images."""
    points = results("frontier_mnist_train")["points"]
    readings = [(each["sweeps"], each["beta"]) for each in points[0]["held_out"]]
    heads = " | ".join(f"{sweeps} sweeps, β {beta:g}" for sweeps, beta in readings)
    lines = [f"| epochs | {heads} | largest coupling |", "|---" * (len(readings) + 2) + "|"]
    for point in points:
        right = " | ".join(f"{each['right']:.1%}" for each in point["held_out"])
        lines.append(f"| {point['epoch']} | {right} | {point['largest']:.2f} |")
    return "\n".join(lines)


def tempering_rates() -> str:
    """What exchange and cluster moves cost, by case and threads."""
    rows = results("tempering_rates")["rows"]
    ways = list(rows[0]["rates"])
    lines = [f"| case | rungs | threads | {' | '.join(ways)} |", "|---|---|---|" + "---|" * len(ways)]
    for row in rows:
        rates = [row["rates"][way]["wall"] for way in ways]
        shares = [f"{rate:.2f}" if rate == rates[0] else f"{rate:.2f} ({rate / rates[0]:.0%})" for rate in rates]
        lines.append(f"| {row['case']} | {row['rungs']} | {row['threads']} | {' | '.join(shares)} |")
    return "\n".join(lines)


def digits() -> str:
    """MNIST by setting and sweeps: the images that settings were chosen on, and the others."""
    found = results("frontier_mnist")
    development = found["development"]
    lines = [
        "| bits | clipped at | β | sweeps | chosen on: right | others: right | updates per image | joules, as Z1 |",
        "|---|---|---|---|---|---|---|---|",
    ]
    settings: dict[tuple[float, ...], list[dict[str, Any]]] = {}
    for row in found["rows"]:
        key = tuple(row[name] for name in ("sweeps", "bits", "clip", "beta", "start", "rise", "wait"))
        settings.setdefault(key, []).append(row)
    for (sweeps, bits, clip, beta, *_), rows in sorted(settings.items()):
        shares = []
        for chosen in (True, False):
            mine = [row for row in rows if (row["first"] + row["images"] <= development) == chosen]
            images = sum(row["images"] for row in mine)
            right = sum(row["right"] for row in mine)
            shares.append(f"{right / images:.1%} of {images}" if images else "")
        cost = rows[0]
        lines.append(
            f"| {bits:g} | {clip:g} | {beta:g} | {sweeps} | {shares[0]} | {shares[1]} | "
            f"{cost['updates_per_image']:.2g} | {cost['modelled_joules_per_image']['Z1']:.2g} |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    tables = {
        "gset": gset, "sampler": sampler, "spin glasses": spin_glasses, "spin glass flips": spin_glass_flips,
        "spin glass peers": spin_glass_peers, "digits": digits, "own training": own_training, "images": images,
        "tempering rates": tempering_rates,
    }  # fmt: skip
    fill(["optimise.md", "frontier.md", "simulators.md"], tables)
