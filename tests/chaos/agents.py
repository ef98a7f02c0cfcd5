"""The scripted agent: it writes a line a moment, and tells a folder outside the system what it has written."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

SCRIPT = """
import os, signal, sys, time

witness, lines, pause, manner = sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), sys.argv[4]
run, generation = os.path.basename(os.environ["CODEFORGE_RUN_FOLDER"]).split("-")
outside = os.open(f"{witness}/{run}-{generation}", os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600)

def note(word):
    os.write(outside, f"{time.monotonic():.6f} {word}\\n".encode())

note("begin")
if manner == "stubborn":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
if manner == "brood" and not os.fork():
    os.setsid()
    while True:
        note("tick")
        time.sleep(pause)
work = os.open("work.txt", os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600)
for number in range(1, lines + 1):
    line = f"{run}-{generation}-{number}\\n".encode()
    if os.write(work, line) != len(line):
        sys.exit("the disk is full")
    note(f"wrote {number}")
    print(f"line {generation} {number}", flush=True)
    time.sleep(pause)
note("end")
os._exit(0)
"""
MANNERS = ("plain", "stubborn", "brood")
"""An agent that ends when it is told to, one that must be killed, one that leaves a child in a session of its own."""


def write_agent(folder: Path) -> Path:
    """The agent as a file, for `prompt`."""
    file = folder / "agent.py"
    file.write_text(SCRIPT)
    return file


def prompt(agent: Path, witness: Path, *, lines: int, pause: float, manner: str = "plain") -> str:
    """What the shell agent is told: ``lines`` lines, ``pause`` seconds between two."""
    words = [sys.executable, "-I", "-S", str(agent), str(witness), str(lines), str(pause), manner]
    return "exec " + shlex.join(words)
