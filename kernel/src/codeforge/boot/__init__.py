"""The composition root: settings and plugins in, a running house or worker out."""

from codeforge.boot.folder import Taken, data_folder, only_one
from codeforge.boot.house import house, open_forge
from codeforge.boot.working import Lodging, lodge

__all__ = ["Lodging", "Taken", "data_folder", "house", "lodge", "only_one", "open_forge"]
