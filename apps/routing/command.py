"""``thermofab route``: fit a router, compare routers, explain a decision, serve a proxy."""

import json
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from thermofab.apps.console import output, steps
from thermofab.apps.routing.proxy.command import serve
from thermofab.hw.spec.errors import SpecError, ToolMissingError

if TYPE_CHECKING:
    from thermofab.apps.routing.dataset import Answers
    from thermofab.apps.routing.providers import Catalogue

app = typer.Typer(no_args_is_help=True, help="Which model answers a prompt: fit, compare, explain and serve routers.")
app.command()(serve)

Data = Annotated[Path | None, typer.Argument(help="CSV: prompt, a column per model, perhaps task; made prompts else.")]
CatalogueFile = Annotated[Path | None, typer.Option("--catalogue", help="Models and prices, JSON; examples else.")]
Rows = Annotated[int, typer.Option(help="Prompts to make where no data are given.", min=100)]
Seed = Annotated[int, typer.Option(help="Seed of everything random.", min=0)]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")]


@app.callback()
def check_packages() -> None:
    """Which model answers a prompt: fit, compare, explain and serve routers."""
    needed = {"sklearn": "scikit-learn", "safetensors": "safetensors", "torch": "torch"}
    missing = [name for module, name in needed.items() if find_spec(module) is None]
    if missing:
        raise ToolMissingError(f"thermofab route needs {', '.join(missing)}: pip install {' '.join(missing)}.")


def _catalogue(path: Path | None) -> "Catalogue":
    from thermofab.apps.routing.providers import Catalogue, default_catalogue

    return default_catalogue() if path is None else Catalogue.from_json(path)


def _answers(data: Path | None, catalogue: "Catalogue", rows: int, seed: int) -> "Answers":
    from thermofab.apps.routing.dataset import made_answers, read_answers

    return made_answers(catalogue, rows, seed) if data is None else read_answers(data, catalogue)


@app.command()
def fit(
    data: Data = None,
    out: Annotated[Path, typer.Option(help="Router to write, without suffix.")] = Path("out/router"),
    catalogue: CatalogueFile = None,
    rows: Rows = 2000,
    single_step: Annotated[bool, typer.Option("--single-step", help="The single-step baseline instead.")] = False,
    halt_threshold: Annotated[float, typer.Option(help="Halting probability that stops refinement.")] = 0.8,
    seed: Seed = 42,
    as_json: Json = False,
) -> None:
    """Train a recursive router and write it."""
    import numpy as np

    from thermofab.apps.routing.evaluation import calibration_error
    from thermofab.apps.routing.quality import log_loss
    from thermofab.apps.routing.router import create_trm_router

    models = _catalogue(catalogue)
    router = create_trm_router(
        enable_trm=not single_step, halt_threshold=halt_threshold, random_seed=seed, catalogue=models
    )
    with steps(3, as_json) as step:
        step("read prompts")
        answers = _answers(data, models, rows, seed)
        order = np.random.default_rng(seed).permutation(len(answers.requests))
        held, kept = np.split(order, [len(order) // 5])
        step(f"train on {len(kept)} prompts")
        router.fit([answers.requests[k] for k in kept], answers.quality[kept])
        step(f"judge on {len(held)} others")
        tested = [answers.requests[k] for k in held]
        predicted, quality = router.qualities(tested), answers.quality[held]
        taken = [decision.metadata["trm_steps"] for decision in router.route_batch(tested)]
    router.save(out)
    seen = ~np.isnan(quality)
    said = {
        "router": str(out), "trained_on": len(kept), "held_out": len(held), "log_loss": log_loss(predicted, quality),
        "ece": calibration_error(predicted[seen], quality[seen]), "mean_steps": float(np.mean(taken)),
    }  # fmt: skip
    if as_json:
        output.print_json(json.dumps(said))
        return
    output.print(
        f"{out}: log loss {said['log_loss']:.4f} nats, calibration error {said['ece']:.4f} and "
        f"{said['mean_steps']:.1f} steps per prompt on {len(held)} held-out prompts"
    )


@app.command()
def evaluate(
    data: Data = None,
    catalogue: CatalogueFile = None,
    rows: Rows = 1000,
    folds: Annotated[int, typer.Option(help="Folds.", min=2)] = 5,
    by_group: Annotated[bool, typer.Option("--by-group", help="Hold out whole groups (column task).")] = False,
    only: Annotated[list[str] | None, typer.Option(help="Routers by name; may be repeated; all if left out.")] = None,
    picture: Annotated[Path | None, typer.Option(help="Draw the cost-quality curves.")] = None,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Compare routers by what they reach at every price, on prompts they were not trained on."""
    import numpy as np

    from thermofab.apps.routing.contenders import CONTENDERS
    from thermofab.apps.routing.embedding import HashedText, LatentText
    from thermofab.apps.routing.evaluation import bootstrap, curve, folds_of, interval
    from thermofab.apps.routing.evaluation import folds as plain_folds
    from thermofab.apps.routing.state import costs as request_costs

    models = _catalogue(catalogue)
    answers = _answers(data, models, rows, seed)
    if np.isnan(answers.quality).any():
        raise SpecError("evaluation needs the quality of every model on every prompt; fit takes unknown ones.")
    unknown = [name for name in only or () if name not in dict(CONTENDERS)]
    if unknown:
        raise SpecError(f"no router {unknown[0]!r}; there are {', '.join(dict(CONTENDERS))}.")
    contenders = [(name, make) for name, make in CONTENDERS if not only or name in only]
    prompts = [request.prompt for request in answers.requests]
    paid = np.mean([request_costs(request, models) for request in answers.requests], axis=0)
    parts = folds_of(answers.groups, folds, seed) if by_group else plain_folds(len(prompts), folds, seed)
    found = {name: np.zeros_like(answers.quality) for name, _ in contenders}
    with steps(len(parts) * len(contenders), as_json) as step:
        for number, (kept, held) in enumerate(parts, 1):
            texts = [prompts[k] for k in kept]
            embedding = LatentText().fit(texts) if len(texts) >= 500 else HashedText()
            train, test = embedding.embed(texts), embedding.embed([prompts[k] for k in held])
            for name, make in contenders:
                step(f"fold {number}: {name}")
                found[name][held] = make().fit(train, answers.quality[kept]).predict(test)
    found["oracle"] = answers.quality
    curves = {name: curve(predicted, answers.quality, paid) for name, predicted in found.items()}
    said: dict[str, Any] = {"prompts": len(prompts), "folds": len(parts), "by_group": by_group, "routers": {}}
    for name, predicted in found.items():
        resampled = bootstrap(predicted, answers.quality, paid, 100, seed)
        one = curves[name]
        said["routers"][name] = {
            "apgr": one.apgr, "apgr_interval": interval(resampled[:, 0]), "aiq": one.aiq,
            "aiq_interval": interval(resampled[:, 1]),
            "curve": [[cost, one.at(cost)] for cost in np.linspace(0, 1, 11).tolist()],
        }  # fmt: skip
    if picture is not None:
        from thermofab.apps.routing.pictures import draw_curves

        said["picture"] = str(draw_curves(curves, picture))
    if as_json:
        output.print_json(json.dumps(said))
        return
    for name, numbers in said["routers"].items():
        low, high = numbers["apgr_interval"]
        output.print(f"{name:<22} APGR {numbers['apgr']:.3f} ({low:.3f} to {high:.3f})  AIQ {numbers['aiq']:.4f}")
    if picture is not None:
        output.print(str(picture), markup=False)


@app.command()
def explain(
    prompt: Annotated[str, typer.Argument(help="The prompt to route.")],
    router: Annotated[Path | None, typer.Option(help="A router written by 'fit'; an untrained one else.")] = None,
    task: Annotated[str, typer.Option(help="Kind of work.")] = "other",
    max_cost: Annotated[float | None, typer.Option(help="USD, at most.")] = None,
    max_latency: Annotated[float | None, typer.Option(help="Seconds, at most.")] = None,
    min_quality: Annotated[float | None, typer.Option(help="Predicted quality, at least.")] = None,
    picture: Annotated[Path | None, typer.Option(help="Draw the trace.")] = None,
    as_json: Json = False,
) -> None:
    """Route one prompt and say why: qualities, scores, and every step of the refinement."""
    from thermofab.apps.routing.requests import Constraints, ExecuteRequest, TaskType
    from thermofab.apps.routing.router import create_trm_router
    from thermofab.apps.routing.trm_router import TRMRouter

    if task not in set(TaskType):
        raise SpecError(f"no kind of work {task!r}; there are {', '.join(TaskType)}.")
    rules = Constraints(max_cost=max_cost, max_latency=max_latency, min_quality=min_quality)
    one = create_trm_router() if router is None else TRMRouter.load(router)
    decision = one.route_request(ExecuteRequest(prompt, TaskType(task), constraints=rules))
    said = {
        "model": decision.id, "confidence": decision.confidence, "propensity": decision.propensity,
        "alternatives": [{"model": other.model, "score": other.score} for other in decision.alternatives],
        **decision.metadata,
    }  # fmt: skip
    if picture is not None:
        from thermofab.apps.routing.pictures import draw_trace

        said["picture"] = str(draw_trace(decision, one.catalogue.ids, picture))
    if as_json:
        output.print_json(json.dumps(said))
        return
    output.print(f"{decision.id}: confidence {decision.confidence:.3f} after {said['trm_steps']} steps")
    for other in decision.alternatives:
        quality = said["qualities"][other.model]
        output.print(f"  {other.model:<24} score {other.score:+.3f}  quality {quality:.3f}", markup=False)
    for step in said["trace"]:
        output.print(f"  step {step['step']:>2}  halting {step['halt_probability']:.3f}  change {step['change']:.4f}")
    if picture is not None:
        output.print(str(picture), markup=False)
