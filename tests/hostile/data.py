"""CodeForge's own data, and that of other runs."""

import os
import socket

from hostile.tools import FACTS, connect, listed, search


def the_database_file():
    return listed(*(FACTS["data_dir"] + f"/{name}" for name in ("codeforge.db", "codeforge.sqlite3", *FACTS["data"])))


def the_databases_address():
    return next((name for name in os.environ if "DATABASE" in name), None)


def the_databases_port():
    return connect(socket.AF_INET, ("127.0.0.1", 5432)) or connect(socket.AF_INET, ("127.0.0.1", 5672))


def files_of_another_run():
    return listed(FACTS["other_workspace"], FACTS["other_workspace"] + "/secret.txt") or search(
        os.path.dirname(os.path.dirname(os.getcwd()))
    )


def the_list_of_runs():
    names = os.listdir(os.path.dirname(os.path.dirname(os.getcwd())))
    return names if len(names) > 1 else None


def my_own_runs_private_files():
    own = os.path.dirname(os.getcwd())
    return [name for name in os.listdir(own) if name not in ("workspace", "home", "state")] or None
