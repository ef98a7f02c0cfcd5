"""Hosts of a worker's own: network namespaces whose one cable can be pulled. Needs root."""

from __future__ import annotations

import os
import random
import subprocess
from contextlib import suppress


def possible() -> bool:
    """Whether namespaces can be made here."""
    return os.getuid() == 0 and not subprocess.run(["ip", "netns"], capture_output=True, check=False).returncode


def _ip(*words: str) -> str:
    return subprocess.run(["ip", *words], check=True, capture_output=True, text=True).stdout


class Network:
    """``with Network(3) as network:`` makes three hosts; all reach ``network.address``, where the servers listen."""

    def __init__(self, hosts: int) -> None:
        self._hosts = hosts

    def __enter__(self) -> Network:
        taken = _ip("-o", "addr")
        self._net = next(n for n in random.sample(range(1, 250), 100) if f"10.213.{n}." not in taken)
        self.address = f"10.213.{self._net}.1"
        try:
            for number in range(self._hosts):
                self._make(number)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for number in range(self._hosts):
            with suppress(subprocess.CalledProcessError):
                _ip("link", "del", self._outer(number))
            with suppress(subprocess.CalledProcessError):
                _ip("netns", "del", self._name(number))

    def _name(self, number: int) -> str:
        return f"codeforge-{self._net}-{number}"

    def _outer(self, number: int) -> str:
        return f"cf{self._net}o{number}"

    def _inner(self, number: int) -> str:
        return f"cf{self._net}i{number}"

    def _make(self, number: int) -> None:
        name, outer, inner = self._name(number), self._outer(number), self._inner(number)
        _ip("netns", "add", name)
        _ip("link", "add", outer, "type", "veth", "peer", "name", inner)
        _ip("link", "set", inner, "netns", name)
        _ip("addr", "add", f"10.213.{self._net}.{4 * number + 1}/30", "dev", outer)
        _ip("link", "set", outer, "up")
        _ip("-n", name, "addr", "add", f"10.213.{self._net}.{4 * number + 2}/30", "dev", inner)
        _ip("-n", name, "link", "set", "lo", "up")
        self.mend(number)

    def under(self, number: int) -> list[str]:
        """The words before a command that is to run on that host."""
        return ["nsenter", f"--net=/run/netns/{self._name(number)}"]

    def cut(self, number: int) -> None:
        """Pull the cable: what is sent gets lost, and nobody is told."""
        _ip("-n", self._name(number), "link", "set", self._inner(number), "down")

    def mend(self, number: int) -> None:
        """Put the cable back."""
        name, inner = self._name(number), self._inner(number)
        _ip("-n", name, "link", "set", inner, "up")
        if number:  # the first host's cable leads to the servers' address by itself
            gateway = f"10.213.{self._net}.{4 * number + 1}"
            _ip("-n", name, "route", "replace", f"{self.address}/32", "via", gateway, "dev", inner)
