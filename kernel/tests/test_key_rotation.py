"""A new key for stored secrets: whenever it is killed, everything opens still; other servers go on meanwhile."""

import asyncio
import base64
import json
import stat
import sys
import tarfile

import pytest
from click.testing import CliRunner

from codeforge import Settings
from codeforge.backup import Watch, make
from codeforge.boot import open_forge
from codeforge.cli.commands.keys import command
from codeforge.errors import Unavailable
from codeforge.forge import Forge, Offers
from codeforge.store import Store
from codeforge.vault import Vault

SECRETS = {"one": "sk-one-0123456789", "two": "sk-two-0123456789"}
KILLED = """
import asyncio, os, sys
from codeforge.boot import open_forge
from codeforge.settings import Settings
from codeforge.store.engine import Engine
from pathlib import Path

steps, most = 0, int(sys.argv[2])

def counted(owner, name):
    real = getattr(owner, name)
    def step(*args, **options):
        global steps
        for when in ("before", "after"):
            steps += 1
            if steps == most:
                os._exit(9)
            found = real(*args, **options) if when == "before" else found
        return found
    setattr(owner, name, step)

async def main():
    async with open_forge(Settings(data_dir=sys.argv[1])) as (forge, _):
        engine = forge.store._engine
        counted(os, "fsync"), counted(Path, "replace"), counted(engine, "begin"), counted(engine, "commit")
        await forge.key_file.rotate()

asyncio.run(main())
"""


@pytest.fixture
def forges(tmp_path):
    """Servers of one database, each with the key file that it is given."""
    opened = []

    async def forge(key_file=None):
        settings = Settings(data_dir=tmp_path, key_file=key_file)
        opened.append(await Store.open(tmp_path))
        return Forge(settings, opened[-1], Offers())

    yield forge
    for store in opened:
        asyncio.run(store.close())


@pytest.fixture
async def forge(forges):
    forge = await forges()
    who = await forge.accounts.admin()
    for name, secret in SECRETS.items():
        await forge.providers.set(who, name, "openai", secret=secret)
    return forge


async def secrets(forge):
    return {one.name: one.secret for one in await forge.providers.list("default")}


async def test_all_secrets_are_locked_with_a_new_key_and_the_old_one_opens_nothing(forge, tmp_path):
    [old] = forge.vault.keys()
    done = await forge.key_file.rotate()
    assert (done.secrets, done.resumed) == (2, False)
    assert await secrets(forge) == SECRETS
    [new] = forge.vault.keys()
    assert new != old
    assert stat.S_IMODE((tmp_path / "secret.key").stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".secret")] == []
    (tmp_path / "secret.key").write_bytes(old)
    with pytest.raises(Unavailable, match="is not the one that this secret was locked with"):
        await secrets(type(forge)(forge.settings, forge.store, Offers()))


async def test_another_server_reads_and_writes_before_and_after_without_a_restart(forge, forges):
    other = await forges()
    assert await secrets(other) == SECRETS
    await forge.key_file.begin()
    await other.providers.set(await other.accounts.admin(), "three", "openai", secret="sk-three-0123456789")
    assert await secrets(forge) == {**SECRETS, "three": "sk-three-0123456789"}
    assert (await forge.key_file.rotate()).resumed
    await other.providers.set(await other.accounts.admin(), "four", "openai", secret="sk-four-0123456789")
    expected = {**SECRETS, "three": "sk-three-0123456789", "four": "sk-four-0123456789"}
    assert await secrets(other) == await secrets(forge) == expected


@pytest.mark.slow
async def test_killed_at_any_moment_everything_opens_and_the_next_call_finishes(forge, tmp_path):
    for most in range(1, 100):
        before = forge.vault.keys()
        process = await asyncio.create_subprocess_exec(sys.executable, "-c", KILLED, str(tmp_path), str(most))
        if (code := await process.wait()) == 0:
            break
        assert code == 9
        assert await secrets(Forge(forge.settings, forge.store, Offers())) == SECRETS
        await forge.key_file.rotate()
        assert len(forge.vault.keys()) == 1
        assert forge.vault.keys() != before
        assert await secrets(Forge(forge.settings, forge.store, Offers())) == SECRETS
    assert most > 12
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".secret")] == []


async def test_a_backup_that_is_made_meanwhile_holds_the_keys_of_its_secrets(forge, tmp_path):
    class Rotating(Watch):
        """Rotates when the state of the database has been fixed and the providers are not written yet."""

        def step(self, name):
            if name == "table provider":
                asyncio.run(_rotated(tmp_path))
            return super().step(name)

    archive = tmp_path / "backup.tar"
    await make(forge.settings, archive, Rotating())
    with tarfile.open(archive) as tar:
        (tmp_path / "old.key").write_bytes(tar.extractfile("secret.key").read())
        columns, *rows = map(json.loads, tar.extractfile("database/provider.jsonl").read().splitlines())
    boxes = [base64.b64decode(row[columns.index("secret")]) for row in rows]
    assert {Vault(tmp_path / "old.key").unlock(box) for box in boxes} == set(SECRETS.values())
    assert not any(forge.vault.opens(box) for box in boxes)


async def _rotated(folder):
    async with open_forge(Settings(data_dir=folder)) as (forge, _):
        await forge.key_file.rotate()


async def test_a_server_with_a_copy_of_the_old_file_is_told_of_and_loses_nothing(forge, forges, tmp_path):
    copy = tmp_path / "copy.key"
    copy.write_bytes((tmp_path / "secret.key").read_bytes())
    copy.chmod(0o600)
    other = await forges(copy)
    await forge.key_file.begin()
    await other.providers.set(await other.accounts.admin(), "three", "openai", secret="sk-three-0123456789")
    await forge.key_file.rotate()
    assert (await secrets(forge))["three"] == "sk-three-0123456789"
    told = await other.key_file.health()
    assert (told.ok, told.detail) == (False, "3 of 3 stored secrets are locked with another key")
    copy.write_bytes((tmp_path / "secret.key").read_bytes())
    assert (await other.key_file.health()).ok


async def test_the_state_of_the_file_is_told(forges, tmp_path):
    forge = await forges()
    assert (await forge.key_file.health()).detail == "made when the first secret is stored"
    await forge.providers.set(await forge.accounts.admin(), "one", "openai", secret="sk-one-0123456789")
    file, key = tmp_path / "secret.key", Vault(tmp_path / "secret.key").keys()[0]
    assert (await forge.key_file.health()).detail == "opens all stored secrets (1)"
    file.chmod(0o644)
    assert (await forge.key_file.health()).fix == f"chmod 600 {file}"
    file.chmod(0o600)
    await forge.key_file.begin()
    told = await forge.key_file.health()
    assert (told.ok, told.detail) == (False, "a new key is in use, and the one before is kept still")
    assert "codeforge keys rotate" in told.fix
    file.write_text("nonsense")
    assert "cannot be used" in (await forge.key_file.health()).detail
    file.unlink()
    assert (await forge.key_file.health()).detail == f"{file} is missing"
    file.write_bytes(key)


def test_the_command_rotates_and_says_what_it_did(tmp_path):
    asyncio.run(_stored(tmp_path))
    begun = CliRunner().invoke(command, ["rotate", "--begin", "--data-dir", str(tmp_path)])
    assert "A new key is in use" in begun.output
    assert len(Vault(tmp_path / "secret.key").keys()) == 2
    done = CliRunner().invoke(command, ["rotate", "--json", "--data-dir", str(tmp_path)])
    assert json.loads(done.stdout) == {"key_file": str(tmp_path / "secret.key"), "secrets": 1, "resumed": True}
    assert len(Vault(tmp_path / "secret.key").keys()) == 1


async def _stored(folder):
    store = await Store.open(folder)
    forge = Forge(Settings(data_dir=folder), store, Offers())
    await forge.providers.set(await forge.accounts.admin(), "one", "openai", secret="sk-one-0123456789")
    await store.close()
