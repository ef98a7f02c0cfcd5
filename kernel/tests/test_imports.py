"""Every module of the kernel imports alone, in a fresh interpreter, with warnings as errors."""

import pkgutil
import subprocess
import sys

import pytest

import codeforge

MODULES = [
    module.name
    for module in pkgutil.walk_packages(codeforge.__path__, "codeforge.")
    if "migrations" not in module.name and ".sample" not in module.name and not module.name.endswith("__main__")
]


@pytest.mark.slow
@pytest.mark.parametrize("name", MODULES)
def test_the_module_imports_alone(name):
    subprocess.run([sys.executable, "-W", "error", "-c", f"import {name}"], check=True)


def test_every_public_name_is_there():
    missing = [name for name in codeforge.__all__ if getattr(codeforge, name, None) is None]
    assert missing == []
