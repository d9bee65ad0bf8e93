"""The proxy in front of real local servers: with the ``openai`` client, many streams at once, failures, and keys."""

import asyncio
import json
import logging
import socket
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

pytest.importorskip("starlette")
pytest.importorskip("httpx")
pytest.importorskip("openai")

import httpx  # noqa: E402
import openai  # noqa: E402
from starlette.applications import Starlette  # noqa: E402
from starlette.requests import Request  # noqa: E402
from starlette.responses import JSONResponse, StreamingResponse  # noqa: E402
from starlette.routing import Route  # noqa: E402

from tests.present import present
from thermofab.apps.routing.ising_router import IsingRouter  # noqa: E402
from thermofab.apps.routing.providers import Catalogue, Model  # noqa: E402
from thermofab.apps.routing.proxy import BackEnd, Client, ProxyLimits, ProxySettings, Secret, create_proxy  # noqa: E402
from thermofab.apps.routing.proxy.echo import create_echo  # noqa: E402
from thermofab.apps.serve.server import Serving, serving  # noqa: E402
from thermofab.hw.spec import SpecError  # noqa: E402

BACK_END_KEY, CLIENT_KEY = "back-end-key-7f3a9c", "client-key-51d2e8"
CATALOGUE = Catalogue(
    (
        Model("near", "small", 0.1, 0.2, 8000, 0.5, 0.6, 64),
        Model("near", "middle", 0.3, 0.6, 8000, 0.8, 0.7, 64),
        Model("far", "large", 3.0, 9.0, 32000, 2.0, 0.9, 64),
    )
)
ALICE = (Client("alice", Secret(CLIENT_KEY)),)
LIMITS = ProxyLimits(first_byte_seconds=2.0, idle_seconds=1.0, pause_seconds=0.01, broken_seconds=0.5)
PATIENT = ProxyLimits(first_byte_seconds=30, idle_seconds=30, broken_seconds=0.5)  # a busy machine is no dead back end


@pytest.fixture(scope="module")
def router():
    return IsingRouter(CATALOGUE, random_seed=3)


@contextmanager
def proxy(router, near: Serving, far: Serving, clients=ALICE, ledger=None, limits=LIMITS):
    backends = tuple(
        BackEnd(name, f"{server.url}/v1", Secret(BACK_END_KEY)) for name, server in (("near", near), ("far", far))
    )
    app = create_proxy(router, ProxySettings(backends, clients, limits), ledger)
    with serving(app) as served:
        yield served


@pytest.fixture(scope="module")
def echoes():
    with ExitStack() as stack:
        yield tuple(
            stack.enter_context(serving(create_echo(name, key=BACK_END_KEY, pause=0.002))) for name in ("near", "far")
        )


@pytest.fixture(scope="module")
def served(router, echoes):
    with proxy(router, *echoes) as running:
        yield running


def client_of(served: Serving, key: str = CLIENT_KEY):
    return openai.OpenAI(base_url=f"{served.url}/v1", api_key=key, max_retries=0, timeout=20)


def chat(served: Serving, content="what is two plus two", key=CLIENT_KEY, **fields) -> httpx.Response:
    body = {"model": "auto", "messages": [{"role": "user", "content": content}], **fields}
    return httpx.post(
        f"{served.url}/v1/chat/completions", json=body, headers={"authorization": f"Bearer {key}"}, timeout=20
    )


def value(served: Serving, name: str, **labels: str) -> float:
    return served.app.state.proxy.metrics.value(f"thermofab_route_{name}", **labels)


def wait_until(holds) -> None:
    """A stream is booked just after its last byte has been sent."""
    deadline = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_the_openai_client_lists_models_and_gets_whole_answers(served):
    client = client_of(served)
    assert [m.id for m in client.models.list()] == ["auto", "near/small", "near/middle", "far/large"]
    answer = client.chat.completions.with_raw_response.create(
        model="auto", messages=[{"role": "user", "content": "say this back"}]
    )
    model = answer.headers["x-thermofab-model"]
    assert answer.parse().choices[0].message.content == f"{model.partition('/')[0]}: say this back"
    decision = json.loads(answer.headers["x-thermofab-decision"])
    assert decision["chosen"] == model and 0 < decision["propensity"] <= 1
    assert len(decision["alternatives"]) == 3


def test_the_openai_client_gets_streams_part_by_part(served):
    words = [f"word{k}" for k in range(30)]
    stream = client_of(served).chat.completions.create(
        model="far/large", messages=[{"role": "user", "content": " ".join(words)}], stream=True
    )
    parts, arrived = [], []
    for chunk in stream:
        if chunk.choices and chunk.choices[0].delta.content:
            parts.append(chunk.choices[0].delta.content)
            arrived.append(time.perf_counter())
    assert "".join(parts) == "far: " + " ".join(words)
    assert len(parts) == 31 and arrived[-1] - arrived[0] > 0.03, "parts came in one piece"


def test_preferences_and_constraints_travel_in_the_request(served):
    asked = [chat(served, f"question {k}", routing={"quality_weight": 1, "cost_weight": 0, "latency_weight": 0,
                                                    "excluded": ["near"]}) for k in range(3)]  # fmt: skip
    assert {answer.headers["x-thermofab-model"] for answer in asked} == {"far/large"}


def test_feedback_is_learnt_from(served, router):
    answer = chat(served, "a question to judge")
    before = len(router._outcomes)
    said = {"id": answer.headers["x-thermofab-id"], "quality": 0.9}
    key = {"authorization": f"Bearer {CLIENT_KEY}"}
    assert httpx.post(f"{served.url}/v1/feedback", json=said, headers=key).json() == {"learnt": True}
    assert len(router._outcomes) == before + 1
    assert httpx.post(f"{served.url}/v1/feedback", json={**said, "quality": 2}, headers=key).status_code == 400
    assert httpx.post(f"{served.url}/v1/feedback", json={**said, "id": "other"}, headers=key).status_code == 404


def test_a_wrong_key_is_refused_and_named_nowhere(served):
    with pytest.raises(openai.AuthenticationError) as error:
        client_of(served, "not-the-right-key").models.list()
    assert "not-the-right-key" not in str(error.value)
    assert chat(served, key="x").status_code == 401
    assert httpx.get(f"{served.url}/v1/models").status_code == 401


@pytest.mark.parametrize(
    ("fields", "status", "words"),
    [
        ({"messages": []}, 400, "not empty"),
        ({"messages": [{"role": "user", "content": "  "}]}, 400, "nothing to route"),
        ({"messages": [{"role": "user", "content": 5}]}, 400, "text or a list"),
        ({"model": "near/none"}, 404, "no model"),
        ({"stream": "yes"}, 400, "true or false"),
        ({"max_tokens": 0}, 400, "at least 1"),
        ({"routing": {"speed": 1}}, 400, "unknown: speed"),
        ({"routing": {"quality_weight": 2}}, 400, "in \\[0, 1\\]"),
        ({"routing": {"providers": ["mars"]}}, 400, "unknown provider"),
        ({"routing": {"providers": ["near"], "excluded": ["near"]}}, 400, "contradictory"),
        ({"routing": {"max_cost": 1e-12}}, 400, "no model satisfies"),
    ],
)
def test_bad_requests_are_refused_by_their_own_error(served, fields, status, words):
    import re

    answer = chat(served, **fields)
    assert answer.status_code == status and re.search(words, answer.json()["error"]["message"])


def test_no_json_and_too_much_of_it(served):
    url, key = f"{served.url}/v1/chat/completions", {"authorization": f"Bearer {CLIENT_KEY}"}
    assert httpx.post(url, content=b"{", headers=key).status_code == 400
    assert httpx.post(url, content=b"[" * 100_000, headers=key).status_code == 400
    assert httpx.post(url, content=b" " * (LIMITS.body_bytes + 1), headers=key).status_code == 413


@contextmanager
def killable_echo(name: str):
    """A back end in a process of its own, and what kills it."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    # 0.2 s a word: it is killed long before the end, on a busy machine too.
    program = (
        "from thermofab.apps.routing.proxy.echo import create_echo; from thermofab.apps.serve.server import serve; "
        f"serve(create_echo({name!r}, key={BACK_END_KEY!r}, pause=0.2), port={port})"
    )
    process = subprocess.Popen([sys.executable, "-c", program])
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                assert process.poll() is None and time.monotonic() < deadline, "the back end did not start"
                time.sleep(0.05)
        yield Serving("127.0.0.1", port, Starlette()), process.kill
    finally:
        process.kill()
        process.wait()


def test_200_streams_at_once_with_a_back_end_killed_half_way(router, caplog):
    """Every stream ends: whole, or with an error event. After the kill, the other back end answers everything."""
    caplog.set_level(logging.DEBUG, logger="thermofab")
    count, prompt = 200, " ".join(f"w{k}" for k in range(80))
    under_way: set[int] = set()
    with (
        killable_echo("near") as (near, kill),
        serving(create_echo("far", key=BACK_END_KEY, pause=0.02)) as far,
        proxy(router, near, far, limits=PATIENT) as served,
    ):

        async def one(http: httpx.AsyncClient, k: int) -> tuple[str, str]:
            body = {
                "model": ("near/small", "far/large")[k % 2],
                "stream": True,
                "messages": [{"role": "user", "content": prompt}],
            }
            text, end = "", "hung"
            async with http.stream("POST", f"{served.url}/v1/chat/completions", json=body) as response:
                if response.status_code != 200:
                    return "", str(response.status_code)
                async for line in response.aiter_lines():
                    if line == "data: [DONE]":
                        end = "done"
                    elif line.startswith("data: "):
                        event = json.loads(line[6:])
                        if "error" in event:
                            end = event["error"]["code"]
                        elif event["choices"]:
                            if k % 2 == 0:
                                under_way.add(k)
                            text += event["choices"][0]["delta"].get("content", "")
            return text, end

        async def everything() -> list[tuple[str, str]]:
            limits = httpx.Limits(max_connections=None)
            headers = {"authorization": f"Bearer {CLIENT_KEY}"}
            async with httpx.AsyncClient(limits=limits, headers=headers, timeout=30) as http:
                streams = [asyncio.create_task(one(http, k)) for k in range(count)]
                while len(under_way) < 20 and not all(stream.done() for stream in streams):
                    await asyncio.sleep(0.01)
                kill()
                return await asyncio.wait_for(asyncio.gather(*streams), 60)

        ends = asyncio.run(everything())
        assert all(text == f"far: {prompt}" and end == "done" for text, end in ends[1::2])
        assert {end for _, end in ends[::2]} <= {"done", "broken_off", "502"}
        assert "broken_off" in {end for _, end in ends[::2]}, "nothing was under way when the back end died"

        after = chat(served, "anyone there", routing={"cost_weight": 1, "quality_weight": 0.1})
        assert after.status_code == 200 and after.json()["choices"][0]["message"]["content"] == "far: anyone there"
        wait_until(lambda: value(served, "running") == 0)
        assert served.app.state.proxy.budgets._reserved["alice"] == pytest.approx(0, abs=1e-12)
        assert value(served, "back_end_failures_total", provider="near", reason="broken") > 0
    assert BACK_END_KEY not in caplog.text and CLIENT_KEY not in caplog.text


def test_retries_and_fallbacks(router, echoes):
    tries = []

    async def flaky(request: Request):
        tries.append(1)
        if len(tries) % 2:
            return JSONResponse({"error": {"message": "busy"}}, 503)
        body = await request.json()
        return JSONResponse({"model": body["model"], "choices": [{"message": {"content": "second try"}}]})

    app = Starlette(routes=[Route("/v1/chat/completions", flaky, methods=["POST"])])
    with serving(app) as near, proxy(router, near, echoes[1]) as served:
        answer = chat(served, model="near/small")
        assert answer.json()["choices"][0]["message"]["content"] == "second try"
        assert answer.headers["x-thermofab-tries"] == "2"


def test_a_back_end_that_refuses_our_key_leaks_nothing(router, echoes, caplog):
    caplog.set_level(logging.DEBUG, logger="thermofab")
    with serving(create_echo("near", key="another-key")) as near, proxy(router, near, echoes[1]) as served:
        direct = chat(served, model="near/small")
        assert direct.status_code == 502
        assert BACK_END_KEY not in direct.text and BACK_END_KEY not in str(direct.headers)
        routed = chat(served, routing={"cost_weight": 1, "quality_weight": 0.05})
        assert routed.status_code == 200 and routed.headers["x-thermofab-model"] == "far/large"
    assert BACK_END_KEY not in caplog.text


def test_words_of_a_back_end_are_passed_on_without_the_key(router, echoes):
    async def complains(request: Request):
        return JSONResponse({"error": {"message": f"bad: {request.headers['authorization']}"}}, 422)

    app = Starlette(routes=[Route("/v1/chat/completions", complains, methods=["POST"])])
    with serving(app) as near, proxy(router, near, echoes[1]) as served:
        answer = chat(served, model="near/small")
        assert answer.status_code == 422 and answer.json()["error"]["message"] == "bad: Bearer ***"


def test_a_stream_that_ends_early_is_no_whole_answer(router, echoes):
    async def short(request: Request):
        async def parts():
            yield b'data: {"choices": [{"delta": {"content": "one"}}]}\n\n'

        return StreamingResponse(parts(), media_type="text/event-stream")

    app = Starlette(routes=[Route("/v1/chat/completions", short, methods=["POST"])])
    with serving(app) as near, proxy(router, near, echoes[1]) as served:
        text = chat(served, model="near/small", stream=True).text
        assert "one" in text and "ended the stream early" in text and "[DONE]" not in text
        wait_until(lambda: value(served, "requests_total", model="near/small", end="broken") == 1)


def test_a_silent_back_end_ends_the_stream(router, echoes):
    async def silent(request: Request):
        async def parts():
            yield b'data: {"choices": [{"delta": {"content": "one"}}]}\n\n'
            await asyncio.sleep(30)

        return StreamingResponse(parts(), media_type="text/event-stream")

    app = Starlette(routes=[Route("/v1/chat/completions", silent, methods=["POST"])])
    with serving(app) as near, proxy(router, near, echoes[1]) as served:
        begun = time.monotonic()
        text = chat(served, model="near/small", stream=True).text
        assert "fell silent" in text and "[DONE]" not in text and time.monotonic() - begun < 10
        with pytest.raises(openai.APIError, match="fell silent"):
            for _ in client_of(served).chat.completions.create(
                model="near/small", messages=[{"role": "user", "content": "hello"}], stream=True
            ):
                pass


def test_budgets_hold_and_survive_a_restart(router, echoes, tmp_path):
    ledger = tmp_path / "spent.jsonl"
    alice = Client("alice", Secret(CLIENT_KEY), budget_usd=0.0012)
    with proxy(router, *echoes, clients=(alice,), ledger=ledger) as served:
        answers = [chat(served, f"{k} " + "word " * 20, model="far/large", max_tokens=40) for k in range(6)]
        codes = [answer.status_code for answer in answers]
        assert codes[0] == 200 and codes[-1] == 429
        assert answers[-1].json()["error"]["code"] == "insufficient_quota"
        spent = served.app.state.proxy.budgets.spent["alice"]
        assert 0 < spent <= 0.0012
        # What is left still buys an answer of a cheaper model.
        assert chat(served, "hello").headers["x-thermofab-model"].startswith("near/")
    with proxy(router, *echoes, clients=(alice,), ledger=ledger) as served:
        assert served.app.state.proxy.budgets.spent["alice"] >= spent
        assert chat(served, "0 " + "word " * 20, model="far/large", max_tokens=40).status_code == 429


def test_a_client_that_leaves_is_let_go(router, echoes):
    with proxy(router, *echoes) as served:
        with httpx.stream(
            "POST", f"{served.url}/v1/chat/completions", headers={"authorization": f"Bearer {CLIENT_KEY}"},
            json={"model": "far/large", "stream": True,
                  "messages": [{"role": "user", "content": "word " * 2000}]},
        ) as response:  # fmt: skip
            next(response.iter_bytes())
        wait_until(lambda: value(served, "running") == 0)
        wait_until(lambda: value(served, "requests_total", model="far/large", end="left") == 1)


def test_foreign_pages_are_refused(served):
    headers = {"authorization": f"Bearer {CLIENT_KEY}"}
    assert httpx.get(f"{served.url}/v1/models", headers={**headers, "host": "evil.example"}).status_code == 421
    assert (
        httpx.get(f"{served.url}/v1/models", headers={**headers, "origin": "https://evil.example"}).status_code == 403
    )


SETTINGS = """
[[backends]]
provider = "near"
url = "http://127.0.0.1:1/v1"
key_env = "NEAR"
"""


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "at least one back end"),
        (SETTINGS.replace("NEAR", "ABSENT"), "ABSENT is not set"),
        (SETTINGS.replace('key_env = "NEAR"', 'key = "k"'), "keys do not belong"),
        (SETTINGS.replace("http://127", "http://me:secret@127"), "has a password"),
        (SETTINGS.replace("http://127.0.0.1:1/v1", "no url"), "needs a URL"),
        (SETTINGS + "speed = 3", "unknown, missing or wrong field"),
        (SETTINGS + SETTINGS, "one back end"),
        (SETTINGS + "[limits]\nrequests = 0", "limits are above 0"),
        ("[x]", "unknown"),
        ("=", "not TOML"),
    ],
)
def test_settings_that_are_wrong(text, words, tmp_path):
    path = Path(tmp_path) / "proxy.toml"
    path.write_text(text)
    with pytest.raises(SpecError, match=words):
        ProxySettings.from_toml(path, {"NEAR": "key"})


def test_settings_and_secrets_do_not_show_keys(tmp_path):
    path = Path(tmp_path) / "proxy.toml"
    path.write_text(SETTINGS + '[[clients]]\nname = "a"\nkey_env = "A"\nbudget_usd = 1.5\n')
    settings = ProxySettings.from_toml(path, {"NEAR": "first-key", "A": "second-key"})
    assert settings.clients[0].budget_usd == 1.5 and present(settings.backends[0].key).matches("first-key")
    assert "first-key" not in repr(settings) and "second-key" not in f"{settings} {settings.clients[0].key}"
