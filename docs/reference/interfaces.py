"""What offers implement, and the facts that they are given: classes with fields, signatures and docstrings."""

from __future__ import annotations

from types import ModuleType

from codeforge import agents, llm, model, queues, sandboxes, scm, ui
from reference import sources
from reference.tables import prose

INTERFACES: list[tuple[ModuleType, str]] = [
    (agents, "AgentBackend"),
    (scm, "Scm"),
    (scm, "Workspace"),
    (llm, "Llm"),
    (queues, "Queue"),
    (sandboxes, "Sandbox"),
    (sandboxes, "Confined"),
]
FACTS: list[tuple[ModuleType, str]] = [
    (agents, "AgentJob"),
    (sandboxes, "EmptySandbox"),
    (sandboxes, "Confinement"),
    (sandboxes, "Bounds"),
    (llm, "Model"),
    (model, "Limits"),
    (model, "Health"),
    (scm, "RepoInfo"),
    (scm, "Delivery"),
    (model, "Change"),
    (model, "FileChange"),
    (model, "Project"),
    (model, "Task"),
    (model, "Run"),
    (ui, "Panel"),
]


def every() -> str:
    """Each interface with its methods, then each fact with its fields."""
    parts = ["### What you implement", *(_interface(*place) for place in INTERFACES)]
    return "\n\n".join([*parts, "### What you are given", *(_fact(*place) for place in FACTS)])


def _interface(module: ModuleType, name: str) -> str:
    node = sources.class_of(module, name)
    methods = [_method(module, method) for method in sources.functions(node.body) if not method.name.startswith("_")]
    return "\n\n".join([_fact(module, name), *methods])


def _method(module: ModuleType, method: sources.Function) -> str:
    must = "Required. " if "abstractmethod" in sources.decorators(method) else ""
    return f"```python\n{sources.signature(module, method)}\n```\n\n{must}{prose(sources.docstring(method))}"


def _fact(module: ModuleType, name: str) -> str:
    node = sources.class_of(module, name)
    fields = "\n".join(line for line, _ in sources.fields(module, node))
    return f"#### {name}\n\n{prose(sources.docstring(node))}\n\n" + (f"```python\n{fields}\n```" if fields else "")
