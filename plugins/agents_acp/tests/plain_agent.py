"""An agent that does as its prompt says, a JSON list of [verb, value], and speaks the protocol without any library.

So it can also do what no library lets an agent do.
"""

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

SESSIONS = Path(os.environ["STATE"]) / "sessions"
asked = 0


def tell(**message):
    sys.stdout.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
    sys.stdout.flush()


def update(session, what, **more):
    tell(method="session/update", params={"sessionId": session, "update": {"sessionUpdate": what, **more}})


def say(session, text, kind="agent_message_chunk"):
    update(session, kind, content={"type": "text", "text": text})


def ask(method, **params):
    """A request to the client; gives its result, or its error."""
    global asked
    asked += 1
    tell(id=f"agent-{asked}", method=method, params=params)
    while True:
        message = heard()
        if message.get("id") == f"agent-{asked}":
            return message.get("result") if "result" in message else message["error"]


def heard():
    line = sys.stdin.readline()
    if not line:
        sys.exit(0)
    return json.loads(line)


def call_model(**more):
    """Status and words of one model call."""
    body = json.dumps({"model": os.environ["MODEL"], "messages": [{"role": "user", "content": "hello"}], **more})
    head = {"Authorization": f"Bearer {os.environ['KEY']}", "Content-Type": "application/json"}
    request = urllib.request.Request(os.environ["GATEWAY"] + "/chat/completions", body.encode(), head)
    try:
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)["choices"][0]["message"]["content"]
    except urllib.error.HTTPError as error:
        return f"HTTP {error.code}"
    except OSError as error:
        return f"no answer: {error}"


def do(session, verb, value):
    """One deed; gives the turn's stop reason when it is over."""
    match verb:
        case "say":
            say(session, value)
        case "think":
            say(session, value, "agent_thought_chunk")
        case "tool":
            update(session, "tool_call", **value)
        case "progress":
            update(session, "tool_call_update", **value)
        case "update":
            update(session, value.pop("update"), **value)
        case "ask":
            say(session, f"answer: {json.dumps(ask('session/request_permission', sessionId=session, **value))}\n")
        case "read":
            say(session, f"read: {json.dumps(ask('fs/read_text_file', sessionId=session, **value))}\n")
        case "write":
            say(session, f"wrote: {json.dumps(ask('fs/write_text_file', sessionId=session, **value))}\n")
        case "call":
            say(session, f"other: {json.dumps(ask(value, sessionId=session))}\n")
        case "model":
            for _ in range(value):
                say(session, f"model: {call_model()}\n")
        case "model with":
            say(session, f"model: {call_model(**value)}\n")
        case "env":
            say(session, json.dumps(dict(os.environ)) + "\n")
        case "raw":
            sys.stdout.write(value)
            sys.stdout.flush()
        case "complain":
            sys.stderr.write(value)
            sys.stderr.flush()
        case "leave behind":
            subprocess.Popen(["sleep", "300"], start_new_session=True)
        case "sleep":
            time.sleep(value)
        case "exit":
            sys.exit(value)
        case "end":
            return value
    return None


def turn(message):
    session, text = message["params"]["sessionId"], message["params"]["prompt"][0]["text"]
    with (SESSIONS / session).open("a") as file:
        file.write(text + "\n")
    try:
        deeds = json.loads(text)
    except ValueError:
        deeds = [["say", f"heard {text}"]]
    for verb, value in deeds:
        if verb == "error":
            return tell(id=message["id"], error=value)
        if reason := do(session, verb, value):
            return tell(id=message["id"], result={"stopReason": reason})
    tell(id=message["id"], result={"stopReason": "end_turn"})
    if "--slow-words" in sys.argv:
        time.sleep(0.05)
        say(session, "One more thing.")
    return None


def main():
    SESSIONS.mkdir(parents=True, exist_ok=True)
    forgets = "--forgets" in sys.argv
    ways = {"authMethods": ["odd", {"id": "known", "name": "Known"}]} if "--ways" in sys.argv else {}
    while True:
        message = heard()
        match message.get("method"):
            case "initialize":
                if "--deaf" in sys.argv:
                    time.sleep(300)
                version = 99 if "--new" in sys.argv else 1
                tell(
                    id=message["id"],
                    result={"protocolVersion": version, "agentCapabilities": {"loadSession": not forgets}, **ways},
                )
            case "session/new":
                if "--signed-out" in sys.argv:
                    tell(id=message["id"], error={"code": -32000, "message": "Authentication required"})
                    continue
                name = f"s{len(list(SESSIONS.iterdir())) + 1}"
                (SESSIONS / name).touch()
                tell(id=message["id"], result={"sessionId": name})
            case "authenticate":
                print(f"signed in by {message['params']['methodId']}", file=sys.stderr, flush=True)
                tell(id=message["id"], result={})
            case "session/load":
                session = message["params"]["sessionId"]
                if not (SESSIONS / session).exists():
                    tell(id=message["id"], error={"code": -32002, "message": "no such session"})
                    continue
                say(session, "this was said before\n")
                tell(id=message["id"], result=None)
            case "session/prompt":
                turn(message)
            case "session/cancel":
                pass


main()
