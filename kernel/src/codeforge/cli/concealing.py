"""Blanks secrets where other processes of this user could read them: in this process's own environment block.

Agents run as the same user, so they can open ``/proc/<server>/environ``. What Python has read of the
environment at its start stays as it is; commands that inherit the environment find the blanks.
"""

import ctypes
import os
import re

_NAME = re.compile(rb"KEY|TOKEN|SECRET|PASSW|CREDENTIAL")
_ADDRESS = re.compile(rb"://[^/@]*:[^/@]*@")


def conceal_environment() -> None:
    """Overwrite every variable whose name or form is that of a secret."""
    getenv = ctypes.CDLL(None).getenv
    getenv.restype = ctypes.c_void_p
    for name, value in os.environb.items():
        if (_NAME.search(name.upper()) or _ADDRESS.search(value)) and (place := getenv(name)):
            ctypes.memset(place, ord("x"), len(value))
