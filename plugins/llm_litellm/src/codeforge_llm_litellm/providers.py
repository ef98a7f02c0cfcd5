"""Where models come from: the kinds of providers, and those that the environment names."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlsplit


@dataclass(frozen=True, kw_only=True, slots=True)
class Kind:
    """How a kind of provider is spoken to.

    ``speaks`` is "openai" (bytes pass through) or "litellm" (translated). ``listing`` is the shape of its list
    of models. ``prices`` says whose prices of the map hold: None means that only the provider itself knows.
    """

    speaks: str
    listing: str
    base_url: str = ""
    prices: str | None = None


KINDS = {
    "openai": Kind(speaks="openai", listing="openai", base_url="https://api.openai.com/v1", prices="openai"),
    "openai-compatible": Kind(speaks="openai", listing="openai"),
    "ollama": Kind(speaks="openai", listing="ollama", base_url="http://127.0.0.1:11434", prices="ollama"),
    "anthropic": Kind(speaks="litellm", listing="anthropic", base_url="https://api.anthropic.com", prices="anthropic"),
    "gemini": Kind(
        speaks="litellm", listing="gemini", base_url="https://generativelanguage.googleapis.com", prices="gemini"
    ),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """One provider, stored or from the environment; ``secret`` stays in the gateway."""

    name: str
    kind: str
    base_url: str = ""
    secret: str = field(default="", repr=False)
    settings: Mapping[str, Any] = field(default_factory=dict)

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

    def table(self, what: str) -> Mapping[str, Any]:
        """What the settings hold under ``what``; nothing where that is no table."""
        found = self.settings.get(what)
        return found if isinstance(found, dict) else {}

    def seconds(self, what: str, otherwise: float) -> float:
        """A time-out of the provider's settings: ``connect``, ``first`` (until the answer begins) or ``idle``."""
        value = self.table("timeouts").get(what, otherwise)
        return float(value) if isinstance(value, int | float) and value > 0 else otherwise

    def hurried(self, first: float) -> Source:
        """The same provider, with ``first`` seconds until an answer begins."""
        return replace(self, settings={**self.settings, "timeouts": {**self.table("timeouts"), "first": first}})


def from_environment(environ: Mapping[str, str]) -> list[Source]:
    """The providers that OPENAI_*, ANTHROPIC_* and OLLAMA_HOST name; used, never stored."""
    environ = {name: value.strip() for name, value in environ.items()}  # a line's end that came along is no key's
    found = []
    key, base = environ.get("OPENAI_API_KEY", ""), environ.get("OPENAI_BASE_URL", "")
    if key or base:
        own = urlsplit(base).hostname in (None, "api.openai.com")  # anybody else has prices of his own
        found.append(Source(name="openai", kind="openai" if own else "openai-compatible", base_url=base, secret=key))
    if key := environ.get("ANTHROPIC_API_KEY", ""):
        found.append(
            Source(name="anthropic", kind="anthropic", base_url=environ.get("ANTHROPIC_BASE_URL", ""), secret=key)
        )
    if host := environ.get("OLLAMA_HOST", ""):
        found.append(Source(name="ollama", kind="ollama", base_url=ollama_address(host)))
    return found


def ollama_address(host: str) -> str:
    """OLLAMA_HOST ("host", ":port", "0.0.0.0:11434", "https://host") as an address, read as Ollama reads it."""
    if "://" in host:
        return host.replace("://0.0.0.0", "://127.0.0.1", 1)
    name, _, port = host.partition(":")
    return f"http://{'127.0.0.1' if name in ('', '0.0.0.0') else name}:{port or 11434}"  # noqa: S104 - where to connect, not where to listen
