"""Secrets at rest: unreadable without the key file, and told when it is the wrong one."""

import stat

import pytest

from codeforge.errors import Unavailable
from codeforge.vault import Vault, redact


def test_what_is_locked_comes_out_again_and_is_unreadable_in_between(tmp_path):
    vault = Vault(tmp_path / "secret.key")
    box = vault.lock("sk-0123456789")
    assert b"0123456789" not in box
    assert Vault(tmp_path / "secret.key").unlock(box) == "sk-0123456789"
    assert stat.S_IMODE((tmp_path / "secret.key").stat().st_mode) == 0o600


def test_another_key_file_is_told_from_the_right_one(tmp_path):
    box = Vault(tmp_path / "a").lock("sk-0123456789")
    with pytest.raises(Unavailable, match="is not the one that this secret was locked with"):
        Vault(tmp_path / "b").unlock(box)
    (tmp_path / "c").write_text("nonsense")
    with pytest.raises(Unavailable, match="restore it from a backup"):
        Vault(tmp_path / "c").unlock(box)


def test_redaction_leaves_short_words_alone():
    assert redact("key sk-0123456789 of abc", ["sk-0123456789", "abc"]) == "key ••• of abc"
