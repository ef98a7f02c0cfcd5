"""The HTTP floor: REST, live events, signing in, and the plugins' routes behind the same door."""

from codeforge.http.app import make_app
from codeforge.http.context import ERROR_PAGE, FORGE, Failure, csrf, failure, public, who
from codeforge.http.listening import Site, listen

__all__ = ["ERROR_PAGE", "FORGE", "Failure", "Site", "csrf", "failure", "listen", "make_app", "public", "who"]
