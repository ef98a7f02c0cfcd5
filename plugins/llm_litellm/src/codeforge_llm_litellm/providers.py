"""Where models come from: one provider as the gateway uses it, and those that the environment names."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlsplit

from codeforge import Provider
from codeforge_llm_litellm.kinds import KINDS, Kind


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """One provider, stored or found; ``secret`` stays in the gateway, ``found`` says where an unstored one is from."""

    name: str
    kind: str
    base_url: str = ""
    secret: str = field(default="", repr=False)
    settings: Mapping[str, Any] = field(default_factory=dict)
    found: str = ""

    @classmethod
    def of(cls, provider: Provider) -> Source:
        """A provider as the kernel hands it over."""
        return cls(
            name=provider.name,
            kind=provider.kind,
            base_url=provider.base_url,
            secret=provider.secret or "",
            settings=provider.settings,
            found=provider.found,
        )

    @property
    def way(self) -> Kind:
        """How this provider is spoken to."""
        return KINDS[self.kind]

    @property
    def base(self) -> str:
        """The address that paths are put behind: with /v1 for those who speak OpenAI, without it for others."""
        base = (self.base_url or self.way.base_url).rstrip("/")
        return base if self.way.listing == "openai" else base.removesuffix("/v1").removesuffix("/v1beta")

    @property
    def shown(self) -> str:
        """`base` for people to read: without the user and the password that an environment's address may hold."""
        return re.sub(r"//[^/]*@", "//", self.base)

    @property
    def chosen(self) -> list[str]:
        """The models that the settings name, to offer instead of asking the provider for its list."""
        named = self.settings.get("models")
        if isinstance(named, str):
            return _split(named)
        return [str(name) for name in named if name] if isinstance(named, list) else []

    def table(self, what: str) -> Mapping[str, Any]:
        """What the settings hold under ``what``; nothing where that is no table."""
        found = self.settings.get(what)
        return found if isinstance(found, dict) else {}

    def seconds(self, what: str, otherwise: float) -> float:
        """A time-out of the provider's settings: ``connect``, ``first`` (until the answer begins) or ``idle``."""
        value = self.table("timeouts").get(what, otherwise)
        return float(value) if isinstance(value, int | float) and value > 0 else otherwise

    @property
    def extra(self) -> dict[str, str]:
        """What litellm wants to know of this kind of provider besides its address and its key."""
        said = {name: str(self.settings.get(name) or "") for name in ("api_version", "region", "access_key_id")}
        match self.kind:
            case "azure":
                return {"api_version": said["api_version"]}
            case "bedrock":
                names = {"aws_region_name": said["region"], "aws_access_key_id": said["access_key_id"]}
                return {**names, "aws_secret_access_key": self.secret}
        return {}

    @property
    def bearer(self) -> str:
        """The key, where it is sent as it is: AWS's signs requests instead."""
        return "" if self.kind == "bedrock" else self.secret

    def hurried(self, first: float) -> Source:
        """The same provider, with ``first`` seconds until an answer begins."""
        return replace(self, settings={**self.settings, "timeouts": {**self.table("timeouts"), "first": first}})


ENVIRONMENT = "environment"
_KEYS = {
    "anthropic": ("ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL"),
    "gemini": ("GEMINI_API_KEY", "GEMINI_BASE_URL"),
    "mistral": ("MISTRAL_API_KEY", "MISTRAL_API_BASE"),
    "openrouter": ("OPENROUTER_API_KEY", "OPENROUTER_API_BASE"),
}
"""Kind -> the variables of its key and, where it is not the usual one, its address."""


def from_environment(environ: Mapping[str, str]) -> list[Source]:
    """The providers that the variables name which each provider's own tools read; used, never stored."""
    environ = {name: value.strip() for name, value in environ.items()}  # a line's end that came along is no key's
    found = []
    key, base = environ.get("OPENAI_API_KEY", ""), environ.get("OPENAI_BASE_URL", "")
    if key or base:
        own = urlsplit(base).hostname in (None, "api.openai.com")  # anybody else has prices of his own
        kind = "openai" if own else "openai-compatible"
        found.append(Source(name="openai", kind=kind, base_url=base, secret=key, found=ENVIRONMENT))
    for kind, (variable, address) in _KEYS.items():
        if key := environ.get(variable, ""):
            base = environ.get(address, "")
            found.append(Source(name=kind, kind=kind, base_url=base, secret=key, found=ENVIRONMENT))
    found += [source for source in (_azure(environ), _bedrock(environ)) if source]
    if host := environ.get("OLLAMA_HOST", ""):
        found.append(Source(name="ollama", kind="ollama", base_url=ollama_address(host), found=ENVIRONMENT))
    return found


def _azure(environ: Mapping[str, str]) -> Source | None:
    """Azure with AZURE_API_DEPLOYMENTS, names separated by commas: nothing lists them."""
    key, base = environ.get("AZURE_API_KEY", ""), environ.get("AZURE_API_BASE", "")
    deployments = _split(environ.get("AZURE_API_DEPLOYMENTS", ""))
    if not (key and base and deployments):
        return None
    settings = {"api_version": environ.get("AZURE_API_VERSION") or "2024-10-21", "models": deployments}
    return Source(name="azure", kind="azure", base_url=base, secret=key, settings=settings, found=ENVIRONMENT)


def _bedrock(environ: Mapping[str, str]) -> Source | None:
    """Bedrock with AWS_BEDROCK_MODELS, names separated by commas: AWS keys alone are there for many other reasons."""
    key, secret = environ.get("AWS_ACCESS_KEY_ID", ""), environ.get("AWS_SECRET_ACCESS_KEY", "")
    region = environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION", "")
    models = _split(environ.get("AWS_BEDROCK_MODELS", ""))
    if not (key and secret and region and models):
        return None
    settings = {"region": region, "access_key_id": key, "models": models}
    return Source(name="bedrock", kind="bedrock", secret=secret, settings=settings, found=ENVIRONMENT)


def _split(text: str) -> list[str]:
    return [name for part in text.split(",") if (name := part.strip())]


def ollama_address(host: str) -> str:
    """OLLAMA_HOST ("host", ":port", "0.0.0.0:11434", "https://host") as an address, read as Ollama reads it."""
    if "://" in host:
        return host.replace("://0.0.0.0", "://127.0.0.1", 1)
    name, _, port = host.partition(":")
    return f"http://{'127.0.0.1' if name in ('', '0.0.0.0') else name}:{port or 11434}"  # noqa: S104 - where to connect, not where to listen
