"""Try everything, then do what the run may do."""

import json
import subprocess

from hostile import data, doors, keys, leftovers, network, processes, rights, sockets, user, writing
from hostile.tools import FACTS, GATEWAY, KEY, ask

for topic in (keys, data, user, network, sockets, doors, writing, processes, leftovers, rights):
    for attempt in list(vars(topic).values()):
        if callable(attempt) and getattr(attempt, "__module__", "") == topic.__name__:
            got = attempt()
            print(json.dumps({"attempt": attempt.__name__, "got": got if got is None else str(got)}), flush=True)
body = json.dumps({"model": FACTS["model"], "messages": [{"role": "user", "content": "Hello?"}]}).encode()
answer = ask(f"{GATEWAY}/chat/completions", "POST", KEY, body, **{"Content-Type": "application/json"})
print(json.dumps({"attempt": "the gateway with my own key", "got": answer}), flush=True)
with open("done.txt", "w") as file:
    file.write("The workspace can be written to.\n")
subprocess.run(["git", "add", "done.txt"], check=True)
subprocess.run(["git", "-c", "user.name=a", "-c", "user.email=a@b.c", "commit", "-qm", "mine"], check=True)
