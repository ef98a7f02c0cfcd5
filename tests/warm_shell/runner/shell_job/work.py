"""The job is a shell script, or a Python program: `python3 FILE WORDS...`, which runs in this very process."""

import os
import subprocess
import sys
from pathlib import Path


def work(job, report):
    os.environ |= {"KEY": job.key, "GATEWAY": job.gateway, "STATE": job.state}
    words = job.prompt.split()
    if words[0] != "python3":
        code = subprocess.run(["sh", "-c", job.prompt], check=False).returncode
        report.end(*(("error", f"exit code {code}") if code else ("done",)))
        return
    sys.argv, sys.stdout = words[1:], sys.stderr
    program = compile(Path(words[1]).read_text(), words[1], "exec")
    exec(program, {"__name__": "__main__"})
    report.end("done")
