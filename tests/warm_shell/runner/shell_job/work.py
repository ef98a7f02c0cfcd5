"""The job is a shell script, or a Python program: `python3 FILE WORDS...` or `python3 -B -m MODULE WORDS...`.

The program runs in this very process.
"""

import os
import runpy
import subprocess
import sys
from pathlib import Path


def work(job, report):
    os.environ |= {"KEY": job.key, "GATEWAY": job.gateway, "STATE": job.state}
    script = job.prompt.rpartition("\nNow:\n")[2]  # what CodeForge tells of the turns before is no script
    words = script.split()
    if words[0] != "python3":
        code = subprocess.run(["sh", "-c", script], check=False).returncode
        report.end(*(("error", f"exit code {code}") if code else ("done",)))
        return
    sys.stdout = sys.stderr
    sys.path.insert(0, str(Path.cwd()))
    module = sys.dont_write_bytecode = words[1:3] == ["-B", "-m"]
    sys.argv = words[3:] if module else words[1:]
    (runpy.run_module if module else runpy.run_path)(sys.argv[0], run_name="__main__")
    report.end("done")
