"""Whatever is sent: no 5xx, no status and no shape that the OpenAPI document does not know."""

import asyncio
import json
import os
import sys
from pathlib import Path

CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"


async def test_nothing_that_a_fuzzer_sends_breaks_the_api_or_surprises_its_readers(site, token, reviewed, tmp_path):
    real = {"projects": reviewed.project_id, "tasks": reviewed.task_id, "runs": reviewed.id}
    fuzzer = await asyncio.create_subprocess_exec(
        str(Path(sys.executable).with_name("schemathesis")),
        "run",
        f"{site.url}/api/v1/openapi.json",
        f"--header=Authorization: Bearer {token}",
        f"--checks={CHECKS}",
        "--max-examples=12",
        "--seed=1",
        "--no-shrink",
        "--continue-on-failure",
        "--suppress-health-check=all",
        "--warnings=off",
        "--no-color",
        cwd=tmp_path,
        env={
            **os.environ,
            "SCHEMATHESIS_HOOKS": "fuzzing",
            "PYTHONPATH": str(Path(__file__).parent),
            "REAL_IDS": json.dumps(real),
        },
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await fuzzer.communicate()
    assert fuzzer.returncode == 0, said.decode()
    print(said.decode())
