"""CodeForge's doors: the one that is open leads to the gateway, for the run's own key."""

import json

from hostile.tools import FACTS, GATEWAY, HERE, KEY, OTHER, ask, raw


def the_rest_api_without_a_key():
    return ask(f"{HERE}/api/v1/projects") or ask(f"{HERE}/api/v1/health")


def the_rest_api_with_my_key():
    return ask(f"{HERE}/api/v1/runs", key=KEY)


def the_rest_api_with_another_runs_key():
    return ask(f"{HERE}/api/v1/runs", key=OTHER)


def the_worker_api_with_another_runs_key():
    told = json.dumps({"generation": 1}).encode()
    kind = {"Content-Type": "application/json"}
    run = FACTS["other_run"]
    return ask(f"{HERE}/api/worker/v1/claim", "POST", OTHER, b"{}", **kind) or ask(
        f"{HERE}/api/worker/v1/runs/{run}/renew", "POST", OTHER, told, **kind
    )


def the_gateway_with_another_runs_key():
    return ask(f"{GATEWAY}/models", key=OTHER) or ask(f"{GATEWAY}/models", **{"x-api-key": OTHER})


def the_gateway_with_both_keys():
    return raw(
        f"GET /llm/v1/models HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {KEY}\r\nx-api-key: {OTHER}\r\n"
        "Connection: close\r\n\r\n"
    )


def the_api_by_a_path_through_the_gateway():
    paths = ("/llm/../api/v1/runs", "/llm/%2e%2e/api/v1/runs", "/llm/v1/..%2f..%2fapi/v1/runs", "//api/v1/runs")
    heads = f"HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {KEY}\r\nConnection: close\r\n\r\n"
    return next((said for path in paths if (said := raw(f"GET {path} {heads}"))), None)


def the_api_by_a_whole_address():
    host = f"127.0.0.1:{FACTS['port']}"
    return raw(f"GET http://{host}/api/v1/health HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n") or raw(
        f"CONNECT {host} HTTP/1.1\r\nHost: {host}\r\n\r\n"
    )


def the_api_by_a_second_request_in_the_first():
    inner = "GET /api/v1/health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    said = raw(
        f"POST /llm/v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {KEY}\r\nContent-Length: 4\r\n"
        f"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n{inner}"
    )
    return said if said and "200" in said.split("\r\n")[0] else None


def the_pages():
    return ask(f"{HERE}/signin") or ask(f"{HERE}/")
