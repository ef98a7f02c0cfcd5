"""A scripted provider's rules, read from YAML: what is asked on one side, what is answered on the other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from codeforge.errors import Invalid
from codeforge.testing import asked
from codeforge.testing.steps import Step


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Call(_Strict):
    """A call of a tool."""

    name: str
    arguments: dict[str, Any] = {}


class Tokens(_Strict):
    """What the answer says that it used."""

    prompt: int
    completion: int


class Answer(_Strict):
    """One answer, or one fault."""

    text: str = ""
    reasoning: str = ""
    tools: list[Call] = []
    usage: Tokens | Literal["none"] = Tokens(prompt=1111, completion=222)
    finish: Literal["stop", "length"] = "stop"
    size: Annotated[int, Field(ge=1)] = 24
    pause: Annotated[float, Field(ge=0)] = 0.0
    status: Annotated[int, Field(ge=200, le=599)] = 200
    code: str | None = None
    headers: dict[str, str] = {}
    cut: Annotated[int, Field(ge=0)] | None = None
    hang: Annotated[int, Field(ge=0)] | None = None
    malformed: str = ""

    def step(self) -> Step:
        """The answer as the server gives it."""
        after = self.hang if self.cut is None else self.cut
        return Step(
            text=self.text,
            reasoning=self.reasoning,
            tools=[(call.name, call.arguments) for call in self.tools],
            usage=None if self.usage == "none" else (self.usage.prompt, self.usage.completion),
            finish=self.finish,
            size=self.size,
            pause=self.pause,
            status=self.status,
            code=self.code,
            headers=self.headers,
            raw=self.malformed,
            then="end" if after is None else "cut" if self.cut is not None else "hang",
            bytes=after or None,
            until=1.0 if after is None or after else 0.0,
        )


class When(_Strict):
    """What a request must be for its rule; what is left out holds always."""

    model: str = "*"
    says: str = ""
    turn: int | None = None
    tool_result: str | bool | None = None
    call: int | None = None

    def holds(self, body: dict[str, Any], call: int) -> bool:
        """Whether the ``call``-th request for its model, counted from 1, is meant."""
        said = asked.conversation(body)
        result = asked.tool_result(said)
        if isinstance(self.tool_result, bool):
            told = self.tool_result == (result is not None)
        else:
            told = self.tool_result is None or self.tool_result in (result or "")
        return (
            told
            and fnmatchcase(body["model"], self.model)
            and self.says in asked.last(said, "user")
            and self.turn in (None, asked.turn(said))
            and self.call in (None, call)
        )


class Rule(_Strict):
    """The answers, one after the other and the last for ever, to the requests of ``when``."""

    when: When = When()
    answer: Answer | Annotated[list[Answer], Field(min_length=1)]


class Rules:
    """The rules of one server; the first that holds answers."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._rules = rules
        self._asked: Counter[str] = Counter()
        self._given: Counter[int] = Counter()

    @classmethod
    def read(cls, file: Path) -> Rules:
        """The rules of a YAML file. Raises `Invalid` with the rule at fault."""
        import yaml

        try:
            found = yaml.safe_load(file.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
            raise Invalid(f"The rules {file} cannot be read: {error}") from error
        if not isinstance(found, dict) or set(found) != {"rules"} or not isinstance(found["rules"], list):
            raise Invalid(f"{file} holds no rules: it must be one list named rules.")
        return cls([_rule(file, number, entry) for number, entry in enumerate(found["rules"], 1)])

    @property
    def models(self) -> list[str]:
        """The models that the rules name in full."""
        named = (rule.when.model for rule in self._rules)
        return list(dict.fromkeys(name for name in named if not set(name) & set("*?[")))

    def step(self, body: dict[str, Any]) -> Step:
        """What is answered to a request; 404 where no rule holds."""
        model = body["model"]
        self._asked[model] += 1
        for number, rule in enumerate(self._rules):
            if rule.when.holds(body, self._asked[model]):
                answers = rule.answer if isinstance(rule.answer, list) else [rule.answer]
                self._given[number] += 1
                return answers[min(self._given[number], len(answers)) - 1].step()
        said = asked.last(asked.conversation(body), "user")[:80]
        return Step(status=404, code="no_rule", text=f"No rule answers call {self._asked[model]} of {model}: {said!r}.")


def _rule(file: Path, number: int, entry: Any) -> Rule:
    try:
        return Rule.model_validate(entry)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(one) for one in first["loc"] if one not in ("Answer", "list[Answer]"))
        raise Invalid(f"{file}, rule {number}: {place or 'it'}: {first['msg']}.") from error
