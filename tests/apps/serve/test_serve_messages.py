"""Messages: the schema, what it cannot say, and what clients may send."""

import json
import math

import pytest
from jsonschema import Draft202012Validator

from tests.apps.serve.serve_kit import KINDS, numbered, payload
from thermofab.apps.serve.messages import SCHEMAS, MessageError, error_message, read_client
from thermofab.apps.serve.prediction import STRATEGIES
from thermofab.apps.strategy import names


@pytest.mark.parametrize("path", sorted(SCHEMAS.glob("*.json")), ids=lambda path: path.name)
def test_schemas_are_schemas(path):
    Draft202012Validator.check_schema(json.loads(path.read_text()))


def test_a_prediction_passes_and_comes_back_the_same():
    plan = {
        "device": "jax", "fabric": "g4-4x4", "replicas": 2, "spins": [[0, 1]], "marginals": [0.5, 1],
        "allocation": [{"label": "day +1", "probability": 0.5}], "spread": 0.1,
    }  # fmt: skip
    message = numbered(plan=plan, realised={"hits": 1, "count": 2}, drift={"features": [], "calibration": True})
    assert json.loads(KINDS.encode(message)) == message


def test_strategy_names_are_the_applications():
    assert STRATEGIES == names.STRATEGIES


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_not_finite_is_named(value):
    with pytest.raises(MessageError, match=r"data\.raw_features\[1\] is not a finite number") as refused:
        KINDS.encode(numbered(raw_features=[0.5, value, 0.5, 0.5, 0.5, 0.5, None, None, None, None]))
    assert refused.value.code == "not_finite"


@pytest.mark.parametrize(
    "changes, sentence",
    [
        ({"confidence": 1.5}, "at data.confidence, 1.5 is greater than the maximum"),
        ({"sequence": 0}, "at data.sequence"),
        ({"stale": 1}, "at data.stale"),
        ({"surprise": 1}, "Additional properties"),
        ({"raw_features": [0.5]}, "at data.raw_features"),
        ({"schema_version": "2.0"}, "at data.schema_version"),
        ({"strategy_name": "max_growth"}, "at data.strategy_name"),
    ],
)
def test_what_the_schema_refuses(changes, sentence):
    with pytest.raises(MessageError, match=sentence):
        KINDS.encode(numbered(**changes))


@pytest.mark.parametrize("key", sorted(payload()))
def test_every_key_is_needed(key):
    message = numbered()
    del message["data"][key]
    with pytest.raises(MessageError, match=f"'{key}' is a required property"):
        KINDS.encode(message)


@pytest.mark.parametrize(
    "changes, sentence",
    [
        ({"probabilities": dict.fromkeys(STRATEGIES, 0.2)}, "the probabilities sum to 1.6; they sum to 1."),
        ({"strategy_id": 3}, "strategy 3 is balanced_growth, not growth."),
        ({"confidence": 0.4}, "the confidence is 0.4 and the probability of growth 0.3"),
        ({"feature_mask": [False] * 10}, r"raw_features\[6\] must be null where feature_mask is true, only there."),
        (
            {
                "plan": {
                    "device": "d", "fabric": "f", "replicas": 1, "spins": [[1]], "marginals": [0, 1],
                    "allocation": [], "spread": 0,
                }
            },
            "a row of plan.spins must have a state for every marginal.",
        ),
    ],
)  # fmt: skip
def test_contradictions_are_refused(changes, sentence):
    with pytest.raises(MessageError, match=sentence):
        KINDS.encode(numbered(**changes))


@pytest.mark.parametrize(
    "message", [{"type": "trm_prediction"}, {"type": "x", "data": {}}, {"type": [], "data": {}}, 3]
)
def test_only_known_envelopes_pass(message):
    with pytest.raises(MessageError):
        KINDS.encode(message)


def test_errors_have_a_code_and_a_sentence():
    assert error_message("gone", "It is gone.", "SPY") == {
        "type": "error", "data": {"code": "gone", "sentence": "It is gone.", "symbol": "SPY"},
    }  # fmt: skip
    with pytest.raises(MessageError):
        KINDS.encode(error_message("Not A Code", "x"))


@pytest.mark.parametrize(
    "text", ["", "{", "[" * 100_000, "1", "null", '{"type":"ack"}', '{"type":"ack","sequence":0}',
             '{"type":"ack","sequence":1.5}', '{"type":"ack","sequence":true}', '{"type":"buy"}',
             '{"type":"ping","more":1}'],
)  # fmt: skip
def test_clients_may_send_little(text):
    with pytest.raises(MessageError) as refused:
        read_client(text)
    assert refused.value.code == "malformed"


def test_clients_may_acknowledge_and_ping():
    assert read_client('{"type":"ack","sequence":3}')["sequence"] == 3
    assert read_client('{"type":"ping"}') == {"type": "ping"}
