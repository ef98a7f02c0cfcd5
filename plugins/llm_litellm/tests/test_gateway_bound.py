"""What a call may have at most: never less than what a tokenizer counts in what people and agents write."""

import importlib.util
import json
import random
import string
from pathlib import Path

import pytest

from codeforge_llm_litellm import bound

TEXTS = {
    "english": "The budget is checked before the call that would break it, and settled afterwards. " * 40,
    "german": "Überprüft wird der Höchstbetrag, bevor die Anfrage den Anbieter überhaupt erreicht hat. " * 40,
    "chinese": "在调用模型之前先预留最高费用，调用结束后再结算实际费用。" * 40,  # noqa: RUF001 (that is how it is written)
    "japanese": "モデルを呼び出す前に、かかりうる最大の費用が確保されます。" * 40,
    "russian": "Бюджет проверяется до вызова, который мог бы его превысить. " * 40,  # noqa: RUF001 (that is how it is written)
    "code": Path(bound.__file__).read_text(),
    "json": json.dumps([{"id": n, "name": f"item-{n}", "price": n / 7, "tags": ["a", "b"]} for n in range(200)]),
    "numbers": " ".join(str(n * 7919 % 100_003) for n in range(1000)),
    "hashes": "\n".join(f"{n * 0x9E3779B97F4A7C15 % 2**128:032x}" for n in range(1, 100)),
    "indented": "\n".join(" " * (n % 40) + "}" for n in range(400)),
}


@pytest.fixture(scope="module")
def tokenizer():
    """A tokenizer that models use, which comes with litellm."""
    tokenizers = pytest.importorskip("tokenizers")
    spec = importlib.util.find_spec("litellm")
    path = Path(spec.origin).parent / "litellm_core_utils" / "tokenizers" / "anthropic_tokenizer.json"
    return tokenizers.Tokenizer.from_str(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("share", [1, 0.01])
def test_a_prompt_has_never_more_tokens_than_are_reserved(tokenizer, text, share):
    said = TEXTS[text][: int(len(TEXTS[text]) * share) or 1]
    body = {"model": "m", "messages": [{"role": "system", "content": said}, {"role": "user", "content": said}]}
    counted = len(tokenizer.encode(json.dumps(body["messages"], ensure_ascii=False)).ids)
    reserved, _ = bound.of(body, 1)
    assert counted <= reserved


def test_short_messages_and_tools_count_too(tokenizer):
    chance = random.Random(1)
    words = ["".join(chance.choices(string.ascii_lowercase, k=3)) for _ in range(300)]
    tools = [{"type": "function", "function": {"name": w, "parameters": {"type": "object"}}} for w in words]
    body = {"messages": [{"role": "user", "content": w} for w in words], "tools": tools}
    assert len(tokenizer.encode(json.dumps(body)).ids) <= bound.of(body, 1)[0]


def test_a_picture_is_not_taken_for_its_bytes():
    picture = "data:image/png;base64," + "A" * 4_000_000
    parts = [{"type": "image_url", "image_url": {"url": picture}}, {"type": "text", "text": "What is this?"}]
    assert bound.of({"messages": [{"role": "user", "content": parts}]}, 1)[0] < 51_000
    source = {"type": "base64", "media_type": "image/png", "data": "A" * 4_000_000}
    assert bound.of({"messages": [{"role": "user", "content": [{"type": "image", "source": source}]}]}, 1)[0] < 51_000


@pytest.mark.parametrize(
    ("asked", "most"),
    [
        ({}, 4000),
        ({"max_tokens": 100}, 100),
        ({"max_completion_tokens": 200}, 200),
        ({"max_output_tokens": 300}, 300),
        ({"max_tokens": 100, "max_completion_tokens": 200}, 200),
        ({"max_tokens": 100, "n": 3}, 300),
        ({"max_tokens": -1}, 4000),
        ({"max_tokens": "many"}, 4000),
        ({"max_tokens": 10**30}, bound.MOST),
    ],
)
def test_an_answer_is_as_long_as_is_asked_for_or_as_the_model_can(asked, most):
    assert bound.of(asked, 4000)[1] == most
