"""Whatever is sent: no 5xx, no status and no shape that the OpenAPI document does not know."""

import asyncio
import json
import os
import sys
from pathlib import Path

import pytest

CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"


@pytest.mark.slow
@pytest.mark.timeout(400)
async def test_nothing_that_a_fuzzer_sends_breaks_the_api_or_surprises_its_readers(
    site, forge, who, token, reviewed, tmp_path
):
    [mine] = await forge.accounts.tokens(who)
    nightly = await forge.schedules.add(who, reviewed.project_id, "update", name="nightly", cron="0 3 * * *")
    real = {"projects": reviewed.project_id, "tasks": reviewed.task_id, "runs": reviewed.id, "tokens": mine["id"]}
    real["schedules"] = nightly.id
    real["workers"] = (await forge.workers.add(who, "build-1"))[0].id
    hooks = {"SCHEMATHESIS_HOOKS": "fuzzing", "PYTHONPATH": str(Path(__file__).parent), "REAL_IDS": json.dumps(real)}
    fuzzer = await asyncio.create_subprocess_exec(
        str(Path(sys.executable).with_name("schemathesis")),
        "run",
        f"{site.url}/api/v1/openapi.json",
        f"--header=Authorization: Bearer {token}",
        f"--checks={CHECKS}",
        "--request-timeout=30",
        "--max-examples=6",
        "--seed=1",
        "--generation-deterministic",
        "--generation-with-security-parameters=false",
        "--no-shrink",
        "--phases=coverage,fuzzing",
        "--continue-on-failure",
        "--suppress-health-check=all",
        "--warnings=off",
        "--no-color",
        cwd=tmp_path,
        env=os.environ | hooks,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await fuzzer.communicate()
    assert fuzzer.returncode == 0, said.decode()
    assert len(await forge.runs.list(who)) > 1, "the fuzzer never got behind the 404s"
