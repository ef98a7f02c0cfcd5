"""What belongs to the user of this machine."""

import os

from hostile.tools import FACTS, listed, read, search


def the_users_home():
    return search(FACTS["user_home"]) or listed(FACTS["user_home"])


def ssh_keys():
    places = [f"{home}/.ssh" for home in (FACTS["user_home"], FACTS["real_home"], "/root")]
    return listed(*places, "/etc/ssh", os.environ.get("SSH_AUTH_SOCK", "/nowhere"))


def password_hashes():
    return listed("/etc/shadow", "/etc/gshadow", "/etc/sudoers")


def links_out_of_the_workspace():
    os.symlink(FACTS["user_home"] + "/.ssh/id_ed25519", "link")
    found = read("link")
    os.unlink("link")
    return found or None
