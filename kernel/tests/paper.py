"""A forge on paper, for tests of what never touches files: repositories that are only written down, and one model."""

from codeforge import Llm, Model, RepoInfo, Scm, builtin
from codeforge.forge import Offers
from codeforge.testing import ShellAgent

MODEL = Model(name="m", provider="p")


class PaperScm(Scm):
    name = "paper"

    def handles(self, url):
        return True

    async def inspect(self, url):
        return RepoInfo(url=url, branch="main", branches=("main",), head="0" * 40)

    prepare = reopen = changes = diff = deliver = forget = None


class OneModel(Llm):
    name = "one"

    def __init__(self, model):
        self._model = model

    async def models(self, tenant_id):
        return [self._model]


def offers(model=MODEL):
    """What plugins would bring."""
    return Offers(
        agents={"shell": ShellAgent()},
        scms={"paper": PaperScm()},
        llms={"one": OneModel(model)},
        choose_scm=lambda url: "paper",
        choose_agent=builtin.choose_agent,
        choose_model=builtin.choose_model,
        rank_run=lambda task, project: builtin.rank_run(task),
    )
