"""What a back end is made of whose agent is a Python program: an environment of its own, and a runner inside it."""

from codeforge.runners.backend import RunnerAgent
from codeforge.runners.environment import Environment, Recipe

__all__ = ["Environment", "Recipe", "RunnerAgent"]
