"""The kinds of providers: how each is spoken to, and what people are asked for to add one."""

from __future__ import annotations

from dataclasses import dataclass

from codeforge import ProviderField, ProviderKind


@dataclass(frozen=True, kw_only=True, slots=True)
class Kind:
    """How a kind of provider is spoken to.

    ``speaks`` is "openai" (bytes pass through) or "litellm" (translated). ``listing`` is the shape of its list of
    models, "" where people name them. ``prices`` says whose prices of the map hold: None means that only the provider
    itself knows. ``proof`` is a path that answers a good key alone, for those who list their models to everybody.
    """

    label: str
    speaks: str = "openai"
    listing: str = "openai"
    base_url: str = ""
    prices: str | None = None
    fields: tuple[ProviderField, ...] = ()
    proof: str = ""

    @property
    def needs_key(self) -> bool:
        """Whether nobody is answered without a key."""
        return any(field.secret and field.required for field in self.fields)


def _key(example: str = "sk-...", *, required: bool = True, label: str = "Key") -> ProviderField:
    return ProviderField(name="key", label=label, example=example, required=required, secret=True)


def _address(example: str, *, required: bool = True) -> ProviderField:
    return ProviderField(name="base_url", label="Address", example=example, required=required)


def _models(label: str, example: str) -> ProviderField:
    return ProviderField(name="models", label=label, example=example, many=True)


KINDS = {
    "openai": Kind(label="OpenAI", base_url="https://api.openai.com/v1", prices="openai", fields=(_key(),)),
    "anthropic": Kind(
        label="Anthropic",
        speaks="litellm",
        listing="anthropic",
        base_url="https://api.anthropic.com",
        prices="anthropic",
        fields=(_key("sk-ant-..."),),
    ),
    "gemini": Kind(
        label="Google Gemini",
        speaks="litellm",
        listing="gemini",
        base_url="https://generativelanguage.googleapis.com",
        prices="gemini",
        fields=(_key("AIza..."),),
    ),
    "mistral": Kind(label="Mistral", base_url="https://api.mistral.ai/v1", prices="mistral", fields=(_key(""),)),
    "openrouter": Kind(
        label="OpenRouter", base_url="https://openrouter.ai/api/v1", proof="/key", fields=(_key("sk-or-..."),)
    ),
    "azure": Kind(
        label="Azure OpenAI",
        speaks="litellm",
        listing="",
        prices="azure",
        fields=(
            _address("https://NAME.openai.azure.com"),
            ProviderField(name="api_version", label="API version", example="2024-10-21"),
            _models("Deployments", "gpt-4o, my-mini"),
            _key(""),
        ),
    ),
    "bedrock": Kind(
        label="AWS Bedrock",
        speaks="litellm",
        listing="",
        prices="bedrock",
        fields=(
            ProviderField(name="region", label="Region", example="eu-central-1"),
            ProviderField(name="access_key_id", label="Access key ID", example="AKIA..."),
            _models("Models", "eu.anthropic.claude-sonnet-4-5-20250929-v1:0"),
            _key("", label="Secret access key"),
        ),
    ),
    "ollama": Kind(
        label="Ollama",
        listing="ollama",
        base_url="http://127.0.0.1:11434",
        prices="ollama",
        fields=(_address("http://127.0.0.1:11434", required=False),),
    ),
    "lmstudio": Kind(
        label="LM Studio",
        base_url="http://127.0.0.1:1234/v1",
        fields=(_address("http://127.0.0.1:1234/v1", required=False),),
    ),
    "vllm": Kind(label="vLLM", fields=(_address("http://gpu-box:8000/v1"), _key("", required=False))),
    "openai-compatible": Kind(
        label="Any OpenAI-compatible server",
        fields=(_address("https://models.example/v1"), _key("", required=False)),
    ),
}


def offered() -> list[ProviderKind]:
    """The kinds, as people are asked for them."""
    return [ProviderKind(name=name, label=kind.label, fields=kind.fields) for name, kind in KINDS.items()]
