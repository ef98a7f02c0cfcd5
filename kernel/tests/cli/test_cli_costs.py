"""What ``codeforge costs`` tells of a server's calls, and ``codeforge models try`` of one."""

import sqlite3
import time

COLUMNS = (
    "id, tenant_id, provider, model, status, streamed, replayed, prompt_tokens, completion_tokens, cached_tokens, "
    "cost_micro, counted, milliseconds, error, created_at"
)


def test_a_model_that_nobody_serves_is_tried_in_vain_and_says_why(codeforge):
    with codeforge.up():
        [model, *_] = codeforge("models", "list", "--json").json
        told = codeforge("models", "try", model["name"], "hello", code=1).out
        assert told.startswith(f"{model['name']} did not answer: The gateway answered with HTTP 404")
        assert codeforge("models", "try", model["name"], "--json", code=1).json["ok"] is False
        assert "There is no model none" in codeforge("models", "try", "none", code=1).err


def test_costs_are_told_by_day_by_model_and_as_a_table_for_spreadsheets(codeforge):
    with codeforge.up():
        assert "No model call was made in that time." in codeforge("costs", "--by", "model").err
        with sqlite3.connect(codeforge.data / "codeforge.db") as database:
            [(tenant,)] = database.execute("SELECT id FROM tenant")
            for number, model, cost in ((1, "p/\x1b[31mm", 2_500_000), (2, "p/n", None), (3, "p/n", 100)):
                call = (str(number), tenant, "p", model, 200, 0, 0, 1000, 20, 5, cost, "reported", 9, "", time.time())
                database.execute(f"INSERT INTO call ({COLUMNS}) VALUES ({', '.join('?' * 15)})", call)
        told = codeforge("costs", "--by", "model").out
        assert "$2.50" in told
        assert "$0.0001" in told
        assert "in all" in told
        assert "\x1b" not in told
        [day] = codeforge("costs", "--json").json["items"]
        assert (day["calls"], day["cost_micro"], day["unpriced"]) == (3, 2_500_100, 1)
        lines = codeforge("costs", "--by", "provider", "--csv").out.splitlines()
        assert lines[1] == "p,p,3,3000,60,15,2.500100,1"
        assert "is after" in codeforge("costs", "--since", "2026-02-02", "--until", "2026-02-01", code=1).err
        assert "There is no project x" in codeforge("costs", "--project", "x", code=1).err
