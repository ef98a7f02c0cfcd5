"""What Aider changes, says and remembers."""

from codeforge import Kind
from conftest_placeholder import x
