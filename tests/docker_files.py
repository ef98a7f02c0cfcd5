"""Reads docker/: the compose file with its variables filled in, and the Dockerfile's instructions by stage."""

import os
import re
from dataclasses import dataclass, field
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[1]
DOCKER = ROOT / "docker"


def compose(**variables: str) -> dict:
    """compose.yaml as the engine sees it: ``${NAME:-default}`` replaced, anchors merged."""
    text = (DOCKER / "compose.yaml").read_text()
    return yaml.safe_load(re.sub(r"\$\{(\w+):-([^}]*)\}", lambda found: variables.get(found[1], found[2]), text))


@dataclass
class Stage:
    """One FROM of the Dockerfile and what follows it, as (instruction, argument)."""

    base: str
    steps: list[tuple[str, str]] = field(default_factory=list)

    def last(self, instruction: str) -> str:
        return [argument for name, argument in self.steps if name == instruction][-1]


def stages() -> dict[str, Stage]:
    """The Dockerfile's stages by name."""
    text = re.sub(r"^#.*\n", "", (DOCKER / "Dockerfile").read_text(), flags=re.MULTILINE)
    found: dict[str, Stage] = {}
    for line in re.sub(r"\\\n", " ", text).splitlines():
        instruction, _, argument = line.partition(" ")
        if instruction == "FROM":
            base, name = re.fullmatch(r"(\S+) AS (\w+)", argument).groups()
            found[name] = stage = Stage(base)
        elif found and line.strip():
            stage.steps.append((instruction, re.sub(r"\s+", " ", argument)))
    return found


def environment(service: dict, secrets: Path) -> dict[str, str]:
    """What a process of the service sees of its settings, with this folder in the place of /run/secrets."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("CODEFORGE_")}
    settings = {name: value.replace("/run/secrets", str(secrets)) for name, value in service["environment"].items()}
    return clean | settings | {"CODEFORGE_SECRETS_DIR": str(secrets)}


def hand_out(service: dict, made: Path, into: Path) -> Path:
    """Lay the service's secrets out as the engine does, from what make-secrets wrote into ``made``."""
    into.mkdir()
    for secret in service.get("secrets", ()):
        source, target = (secret, secret) if isinstance(secret, str) else (secret["source"], secret["target"])
        if not target.startswith("/"):
            (into / target).write_bytes((made / source).read_bytes())
    return into
