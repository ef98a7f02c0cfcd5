"""A change that fails the check goes back to its agent, as often as the project says."""

import pytest

from codeforge import AgentBackend, Settings, ended, hookimpl
from codeforge.testing import StandIns, git, new_repository, running

CHECK = (
    "echo junk > junk.txt; echo spoilt > a.txt.bak; sed -i s/a/z/ a.txt; echo looked at $(cat n.txt); grep -q 3 n.txt"
)


class Counter(AgentBackend):
    """Counts in n.txt as often as it is asked, up to ``most``; keeps what it was told."""

    name = "counter"

    def __init__(self, most=9):
        self.most, self.told = most, []

    async def run(self, job):
        self.told.append((job.prompt, job.follow_up))
        n = min(len(self.told), self.most)
        (job.workspace / "n.txt").write_text(f"{n}\n")
        yield ended()

    @hookimpl
    def register_agents(self):
        return [self]


async def worked(tmp_path, counter, rounds):
    """The run of a project with so many rounds, and the files of its change."""
    repository = new_repository(tmp_path / "repository")
    settings = Settings(data_dir=tmp_path / "data", port=0)
    async with running(settings, extra={"stand_ins": StandIns(), "counter": counter}) as (_, api):
        given = {"url": str(repository), "agent": "counter", "model": "none", "check": CHECK}
        project = await api.post("/projects", {**given, "limits": {"rounds": rounds}})
        run = await api.until(await api.start(project, "Count."))
        if run["state"] == "review":
            await api.post(f"/runs/{run['id']}/review", {"verdict": "accept"})
        events = (await api.get(f"/runs/{run['id']}/events?limit=1000"))["items"]
    return run, [event["data"]["exit"] for event in events if event["kind"] == "checked"], repository


async def test_a_change_that_fails_the_check_goes_back_with_the_output(tmp_path):
    counter = Counter()
    run, exits, repository = await worked(tmp_path, counter, 5)
    assert (run["state"], exits, run["check"]["exit"]) == ("review", [1, 1, 0], 0)
    assert counter.told[0] == ("Count.", False)
    assert [follow_up for _, follow_up in counter.told] == [False, True, True]
    for n, (prompt, _) in enumerate(counter.told[1:], 1):
        now = prompt.rpartition("Now:\n")[2]
        assert now.startswith(f"Your change fails this check: {CHECK}\nIt ended with exit code 1.")
        assert prompt.endswith(f"looked at {n}")
    assert git(repository, "ls-tree", "--name-only", "HEAD").split() == ["a.txt", "n.txt"]
    assert (git(repository, "show", "HEAD:a.txt"), git(repository, "show", "HEAD:n.txt")) == ("a", "3")


@pytest.mark.parametrize(("rounds", "most", "checks"), [(0, 9, 1), (1, 9, 2), (5, 2, 3)])
async def test_it_fails_when_the_rounds_are_over_or_nothing_has_changed(tmp_path, rounds, most, checks):
    run, exits, _ = await worked(tmp_path, Counter(most), rounds)
    assert (run["state"], run["reason"], len(exits)) == ("failed", "check_failed", checks)
