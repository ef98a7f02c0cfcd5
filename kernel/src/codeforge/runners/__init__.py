"""What a back end is made of whose agent is a Python program: a Python of its own, and a runner inside it."""

from codeforge.runners.backend import DrivenAgent, RunnerAgent
from codeforge.runners.environment import Environment, Recipe, one_installer
from codeforge.runners.shell import BoundedShell, bounded_shell

__all__ = ["BoundedShell", "DrivenAgent", "Environment", "Recipe", "RunnerAgent", "bounded_shell", "one_installer"]
