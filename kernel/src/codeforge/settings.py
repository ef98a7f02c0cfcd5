"""Settings: from flags, the environment (CODEFORGE_*), secrets' files, codeforge.toml and defaults, in this order."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

import platformdirs
from pydantic import Field, SecretStr, field_validator
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from codeforge.secret_files import SecretFiles, masked

Seconds = Annotated[float, Field(gt=0)]
Network = IPv4Network | IPv6Network
SECRET = frozenset({"token", "broker_url", "database_url", "plugins"})
"""Settings that may hold a password: their values are never shown."""


class Settings(BaseSettings):
    """Every setting with its default. In the environment the names are upper case behind ``CODEFORGE_``."""

    model_config = SettingsConfigDict(env_prefix="CODEFORGE_", extra="forbid", frozen=True, hide_input_in_errors=True)

    data_dir: Path = Field(default_factory=lambda: Path(platformdirs.user_data_dir("codeforge", appauthor=False)))
    """Everything that CodeForge keeps: database, mirrors, workspaces, keys."""

    agents_dir: Path | None = None
    """Where agents' own environments are installed; by default the folder "agents" of the data folder."""

    database_url: str = ""
    """The database; by default SQLite in the data folder, else "postgresql://USER:PASSWORD@HOST:PORT/DATABASE"."""

    key_file: Path | None = None
    """The key that stored secrets are encrypted with; all servers of one database need the same."""

    broker_url: str = "memory://"
    """What wakes workers: "memory://" within one process, or "amqp://..." for RabbitMQ."""

    host: str = "127.0.0.1"
    """The address to listen on. Anything but loopback needs ``allow_remote``."""

    port: int = Field(default=8700, ge=0, le=65535)
    """The port to listen on; 0 takes a free one."""

    allow_remote: bool = False
    """Listen on an address that others can reach, without TLS of its own (put a proxy with TLS before it)."""

    public_url: str = ""
    """The address that people type where a proxy stands before the server; sign-in links begin with it."""

    trusted_proxies: Annotated[tuple[Network, ...], NoDecode] = (IPv4Network("127.0.0.0/8"), IPv6Network("::1/128"))
    """Networks of the proxies whose word counts for X-Forwarded-Proto and X-Forwarded-For, separated by commas."""

    server_url: str = ""
    """For the command line as a client: the server's address; by default the one that runs on this data folder."""

    token: SecretStr | None = None
    """For the command line as a client: a bearer token; by default the local one of this data folder."""

    slots: int = Field(default=2, ge=1, le=64)
    """How many runs one worker works on at once."""

    lease: Seconds = 30.0
    """Seconds after which a run whose worker gave no word is taken up by another."""

    max_losses: int = Field(default=3, ge=0)
    """How often a run is taken up again after its worker was lost, before it fails as "lost"."""

    max_retries: int = Field(default=2, ge=0)
    """How often a run is tried again after its repository or its model did not answer, before it fails."""

    ring_again: Seconds = 5.0
    """Seconds after which a queued run is announced to the workers again."""

    check_seconds: Seconds = 900.0
    """How long a project's check may take."""

    min_free_mb: int = Field(default=200, ge=0)
    """A worker takes no run while the disk of its data folder has less free space than this, in MB."""

    metrics_token: SecretStr | None = None
    """For Prometheus: a bearer token that opens /metrics and nothing else; one with scope "read" does so, too."""

    log_format: Literal["text", "json"] = "text"
    """How a line of the log is written: "text", or "json" for programs that gather logs."""

    log_to: Literal["file", "stderr"] = "file"
    """Where the log goes: "file" is codeforge.log in the data folder; "stderr" is for containers."""

    tidy_seconds: Seconds = 600.0
    """Seconds between two looks of a worker for what it can clean up on its disk."""

    keep_exchanges: bool = True
    """Keep what each model call asked and was answered, without secrets, to be looked at and replayed."""

    exchange_days: float = Field(default=30.0, gt=0)
    """Days after which a kept exchange is forgotten."""

    warm_agents: bool = True
    """Keep agents that take long to start in memory, imported once, and start their runs from there in a second."""

    default_agent: str = "aider"
    """The agent of new projects."""

    default_model: str = ""
    """The model of new projects; empty: the first that is available."""

    find_local_models: bool = True
    """Use Ollama and LM Studio where they run on the server's machine, without anybody adding them."""

    quota_seconds: Seconds = 60.0
    """A run waits without an agent when its model's provider takes no calls for longer than this."""

    time_zone: str = "UTC"
    """Where the days and months of budgets begin, such as Europe/Berlin."""

    unpriced_calls: Literal["refuse", "allow"] = "refuse"
    """What becomes of a model call whose price is not known while a budget applies to it: "refuse" or "allow"."""

    max_output_tokens: int = Field(default=16_000, ge=1)
    """How long an answer is taken to be at most, to reserve its cost, where neither request nor model says so."""

    hold_seconds: Seconds = 3600.0
    """How long the cost of a model call stays reserved whose server died; then its worst case is counted."""

    sandbox: str = "auto"
    """What confines agents and checks: "auto" is the first installed sandbox that works, "none" nothing."""

    sandbox_fallback: bool = False
    """Let runs work unconfined where the sandbox cannot be had, and say so; else they fail as "sandbox_error"."""

    sandbox_readable: Annotated[tuple[Path, ...], NoDecode] = ()
    """More files and folders that are seen read-only in sandboxes, such as /opt/node, separated by commas."""

    sandbox_memory_mb: int = Field(default=4096, ge=64)
    """How much memory the processes of a run may take together in a sandbox, in MB."""

    sandbox_processes: int = Field(default=512, ge=16)
    """How many processes and threads a run may have at once in a sandbox."""

    sandbox_file_mb: int = Field(default=2048, ge=1)
    """How large a file may become that a run writes in a sandbox, in MB; also the size of its /tmp."""

    sandbox_cpu_seconds: int = Field(default=14_400, ge=1)
    """How much processor time one process may take in a sandbox."""

    disabled_plugins: Annotated[tuple[str, ...], NoDecode] = ()
    """Plugins that are not loaded, by entry-point name, separated by commas."""

    plugins: Annotated[dict[str, dict[str, Any]], NoDecode] = Field(default={})
    """Settings of plugins: a table for each, by its entry-point name; as JSON in the environment."""

    @field_validator("data_dir", "agents_dir", "key_file")
    @classmethod
    def _absolute(cls, value: Path | None) -> Path | None:
        return value and value.expanduser().absolute()

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (KeyError, ValueError, OSError):
            raise ValueError("a time zone such as Europe/Berlin or UTC") from None
        return value

    @field_validator("public_url")
    @classmethod
    def _web_address(cls, value: str) -> str:
        if value and not re.fullmatch(r"https?://[^\s/?#]+(/[^\s?#]*)?", value):
            raise ValueError("an address such as https://forge.example")
        return value.rstrip("/")

    @field_validator("trusted_proxies", mode="before")
    @classmethod
    def _networks(cls, value: object) -> object:
        try:
            return tuple(ip_network(part) for part in _split(value)) if isinstance(value, str) else value
        except ValueError as error:
            raise ValueError(f"networks such as 10.0.0.0/8, separated by commas: {error}") from None

    @field_validator("disabled_plugins", mode="before")
    @classmethod
    def _names(cls, value: object) -> object:
        return _split(value) if isinstance(value, str) else value

    @field_validator("sandbox_readable", mode="before")
    @classmethod
    def _paths(cls, value: object) -> object:
        return tuple(Path(p).expanduser().absolute() for p in _split(value)) if isinstance(value, str) else value

    @field_validator("plugins", mode="before")
    @classmethod
    def _tables(cls, value: object) -> object:
        try:
            return json.loads(value) if isinstance(value, str) else value
        except ValueError as error:
            raise ValueError(f'JSON such as {{"agents_acp": {{}}}}: {error}') from None

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The order in which they count; never a .env file, which a repository could plant."""
        toml = TomlConfigSettingsSource(settings_cls, config_file())
        return init_settings, env_settings, SecretFiles(settings_cls), toml

    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:
        """The settings as they are printed: passwords in addresses are left out."""
        for name, value in super().__repr_args__():
            shown = sorted(value) if name == "plugins" else value
            yield name, masked(value) if name in SECRET and isinstance(value, str) else shown

    @property
    def agents_home(self) -> Path:
        """Where agents' environments are."""
        return self.agents_dir or self.data_dir / "agents"

    def link(self, url: str, secret: str) -> str:
        """The sign-in link with this secret, for the server that listens at ``url``."""
        return f"{self.public_url or url}/signin?token={secret}"

    @property
    def key_path(self) -> Path:
        """Where the key of stored secrets is."""
        return self.key_file or self.data_dir / "secret.key"


def _split(text: str) -> tuple[str, ...]:
    return tuple(filter(None, map(str.strip, text.split(","))))


def config_file() -> Path:
    """codeforge.toml in the user's configuration folder: not the current folder, which may be anybody's repository."""
    return Path(platformdirs.user_config_dir("codeforge", appauthor=False)) / "codeforge.toml"
