"""CodeForge as the agent's client: answers what the agent asks of it, and takes in what it tells."""

from __future__ import annotations

from typing import Any

from codeforge import AgentJob, Choice
from codeforge_agents_acp.files import Files, NotHere
from codeforge_agents_acp.updates import Update, Updates, command, title

_ALLOWS = ("allow_once", "allow_always")
_ORDER = (*_ALLOWS, "reject_once", "reject_always")
"""The kinds of choices: what is granted or refused once comes before what holds for ever."""


class Client:
    """Of one job. While it is ``quiet`` it takes no updates: a session that is loaded tells its history once more."""

    def __init__(self, job: AgentJob, files: Files, updates: Updates) -> None:
        self._job, self._files, self._updates = job, files, updates
        self.quiet = False

    async def __call__(self, method: str, params: Any, is_notification: bool) -> Any:
        """Handle a request or a notification. Raises the protocol's `RequestError`."""
        from acp.exceptions import RequestError

        given: dict[str, Any] = params if isinstance(params, dict) else {}
        try:
            match method:
                case "session/update":
                    update = given.get("update")
                    if isinstance(update, dict) and not self.quiet:
                        self._updates.take(update)
                    return None
                case "session/request_permission":
                    return {"outcome": await self._may(given)}
                case "fs/read_text_file":
                    line, limit = given.get("line"), given.get("limit")
                    return {"content": self._files.read(str(given["path"]), line, limit)}
                case "fs/write_text_file":
                    self._updates.edited(self._files.write(str(given["path"]), str(given["content"])))
                    return {}
        except NotHere as error:
            raise RequestError.invalid_params({"message": str(error)}) from None
        except FileNotFoundError:
            raise RequestError.resource_not_found(str(given.get("path"))) from None
        except (OSError, KeyError, TypeError, ValueError, AttributeError) as error:
            raise RequestError.invalid_params({"message": f"{method}: {error}"}) from None
        if is_notification:
            return None
        raise RequestError.method_not_found(method)

    async def _may(self, given: Update) -> dict[str, str]:
        """Have the project's setting, or a person, choose one of the options."""
        tool = self._updates.known(given["toolCall"])
        options = [one for one in given["options"] if one.get("kind") in _ORDER]
        options.sort(key=lambda one: _ORDER.index(one["kind"]))
        choices = [Choice(str(o["optionId"]), str(o["name"]), allows=o["kind"] in _ALLOWS) for o in options]
        self._updates.flush()
        chosen = await self._job.ask(self._files.shown(question(tool)), choices)
        return {"outcome": "cancelled"} if chosen is None else {"outcome": "selected", "optionId": chosen}


def question(tool: Update) -> str:
    """What the agent asks leave for, in words: the tool, and exactly what it is to do."""
    told, kind = title(tool), str(tool.get("kind") or "other")
    places = [str(place.get("path")) for place in tool.get("locations") or () if isinstance(place, dict)]
    exact = [command(tool)] if kind == "execute" else places
    said = [] if kind == "other" else [kind.replace("_", " ").capitalize()]
    return ": ".join([*said, told, *filter(None, [", ".join(one for one in exact if one not in told)])])
