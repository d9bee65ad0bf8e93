"""``thermofab strategy predict`` and ``stream``: what the model says of ten features, of a store, or day by day."""

import asyncio
import json
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from thermofab.apps.console import bar, errors, output
from thermofab.hw.spec.errors import SpecError, ToolMissingError

if TYPE_CHECKING:
    from thermofab.apps.strategy.checkpoint import StrategyModel
    from thermofab.apps.strategy.predictor import TRMStreamingPredictor

RULE = "=" * 64
_WIDEST = 36  # blocks of a bar that stands for 1

Model = Annotated[
    Path | None, typer.Option("--model", help="A model of 'thermofab strategy train'; else the demonstration's.")
]
Normalisation = Annotated[Path | None, typer.Option("--normalization", help="JSON in place of the model's own.")]
Store = Annotated[
    Path | None, typer.Option("--prices", help="A store: its newest day is taken. Else the demonstration's days.")
]
Planned = Annotated[bool, typer.Option("--plan/--no-plan", help="Sample a plan of three days ahead on a fabric.")]
DeviceName = Annotated[str, typer.Option("--device", help="Where a plan is sampled.")]
Temperature = Annotated[float, typer.Option(help="Of the plan.")]


def predict(
    features: Annotated[
        str | None, typer.Option(help="Ten numbers with commas, nan where absent; else the newest day's.")
    ] = None,
    model: Model = None,
    normalization: Normalisation = None,
    prices: Store = None,
    plan: Planned = False,
    device: DeviceName = "jax",
    temperature: Temperature = 1.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")] = False,
) -> None:
    """Predict once."""
    predictor = _predictor(model, normalization, prices, 60.0, plan, device, temperature, as_json)
    try:
        made = asyncio.run(predictor.predict_streaming()) if features is None else predictor.predict(_numbers(features))
    finally:
        predictor.close()
    if made is None:
        raise SpecError("there are no features: the log above says why. --features takes ten numbers.")
    if as_json:
        output.print_json(json.dumps(made))
    else:
        output.print(shown(made), markup=False)


def stream(
    console: Annotated[bool, typer.Option("--console", help="For people: the top three as bars; else JSON.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object per line, which is the default.")] = False,
    interval: Annotated[float, typer.Option(help="Seconds between predictions.", min=0.01)] = 5.0,
    count: Annotated[int | None, typer.Option(help="Stop after so many.", min=1)] = None,
    model: Model = None,
    normalization: Normalisation = None,
    prices: Store = None,
    plan: Planned = False,
    device: DeviceName = "jax",
    temperature: Temperature = 1.0,
) -> None:
    """Predict every few seconds until stopped by Ctrl-C."""
    if console and as_json:
        raise typer.BadParameter("the output is for people or JSON, not both.", param_hint="--console and --json")
    predictor = _predictor(model, normalization, prices, interval, plan, device, temperature, not console)
    try:
        asyncio.run(_stream(predictor, console, count))
    except KeyboardInterrupt:
        errors.print("stopped")
    finally:
        predictor.close()


def demo_model(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")] = False,
) -> None:
    """Train the demonstration model, if it is not there yet; about a minute."""
    made = load(None, as_json)
    if as_json:
        output.print_json(json.dumps({"name": made.about["name"], "digest": made.digest}))
    else:
        output.print(f"{made.about['name']}  {made.digest}", markup=False)


def load(path: Path | None, quiet: bool = False) -> "StrategyModel":
    """A model, or the demonstration's, with a bar while it is trained."""
    from thermofab.apps.strategy.checkpoint import load_strategy_model
    from thermofab.apps.strategy.demo_model import demo_batches, demo_model, demo_model_is_kept

    if path is not None:
        return load_strategy_model(path)
    if demo_model_is_kept():
        return demo_model()
    with bar("train the demonstration model, once", demo_batches(), quiet) as done:
        return demo_model(done)


def shown(made: dict[str, Any]) -> str:
    """A prediction as text: the documents' block, with the top three as bars."""
    ranked = sorted(made["probabilities"].items(), key=lambda entry: -entry[1])[:3]
    rows = [
        f"  {place}. {name:<22}: {'█' * round(_WIDEST * share)}{' ' if share else ''}{share:.2%}"
        for place, (name, share) in enumerate(ranked, 1)
    ]
    lines = [
        RULE,
        f"Time: {made['timestamp']}" + (f"   day: {made['as_of']}" if "as_of" in made else ""),
        f"Strategy: {made['strategy_name']} (ID: {made['strategy_id']})",
        f"Confidence: {made['confidence']:.2%}",
        "",
        "Top 3 strategy probabilities:",
        *rows,
        "",
        f"Halt probability: {made['halt_probability']:.4f}",
    ]
    absent = sum(made["feature_mask"])
    if absent:
        lines.append(f"Absent features: {absent}")
    if made.get("drift", {}).get("features"):
        lines.append("Drift: " + ", ".join(made["drift"]["features"]))
    if "plan" in made:
        plan = made["plan"]
        lines.append(f"Plan ({plan['fabric']}, {plan['device']}, T = {plan['temperature']:g}):")
        lines += [f"  {entry['label']:<36}{entry['probability']:.2%}" for entry in plan["allocation"]]
    source = f"Source: {made['source']['name']}; " if "source" in made else ""
    return "\n".join([*lines, source + "model: " + made["model_metadata"]["name"], RULE])


async def _stream(predictor: "TRMStreamingPredictor", console: bool, count: int | None) -> None:
    made = 0
    while count is None or made < count:
        data = await predictor.next()
        if data is None:
            errors.print("the replay has ended")
            return
        made += 1
        if console:
            output.print(shown(data), markup=False)
        else:
            output.print(json.dumps({"type": predictor.message_type, "data": data}), markup=False)


def _predictor(
    model: Path | None,
    normalization: Path | None,
    prices: Path | None,
    interval: float,
    plan: bool,
    device: str,
    temperature: float,
    quiet: bool,
) -> "TRMStreamingPredictor":
    from dataclasses import replace
    from importlib.util import find_spec

    missing = [name for name in ("jsonschema", "river", "arch") if find_spec(name) is None]
    if missing:
        raise ToolMissingError(f"live predictions need {', '.join(missing)}: pip install 'thermofab[strategy]'.")
    from thermofab.apps.strategy.drift import DriftMonitor
    from thermofab.apps.strategy.observations import StoreObservations
    from thermofab.apps.strategy.planner import TERMS, Planner
    from thermofab.apps.strategy.predictor import TRMStreamingPredictor

    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    trained = load(model, quiet)
    shares = trained.config.strategies.allocations
    planner = None
    if plan:
        planner = Planner(["SPY"], device=device, terms=replace(TERMS, temperature=temperature), allocations=shares)
    return TRMStreamingPredictor(
        interval,
        normalization_path=normalization,
        observations=None if prices is None else StoreObservations(prices, trained.config.features),
        planner=planner,
        drift=DriftMonitor(),
        model=trained,
    )


def _numbers(text: str) -> list[float]:
    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        raise SpecError(f"--features are ten numbers with commas between them; got {text!r}.") from None
