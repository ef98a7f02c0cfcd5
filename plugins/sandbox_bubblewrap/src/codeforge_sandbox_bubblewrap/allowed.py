"""Which hosts a project lets its runs reach, and by which addresses."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

from codeforge import Forbidden, Unavailable

PORTS = frozenset({80, 443})
"""Of names that stand without a port."""
Address = IPv4Address | IPv6Address
NAT64 = IPv6Network("64:ff9b::/96")


class Allowed:
    """The hosts of a project, in the words of `codeforge.sandboxes.hosts`."""

    def __init__(self, hosts: Iterable[str]) -> None:
        self._names: set[tuple[str, int]] = set()
        self._addresses: set[tuple[Address, int]] = set()
        for host in hosts:
            name, ports = _split(host)
            for port in ports:
                if (address := _address(name)) is None:
                    self._names.add((name, port))
                else:
                    self._addresses.add((address, port))

    async def addresses(self, host: str, port: int) -> list[str]:
        """The addresses of ``host`` that may be connected to on ``port``. Raises `Forbidden` and `Unavailable`.

        A name may lead to what everybody can reach, and to private addresses only where these are listed themselves.
        """
        host = host.lower().rstrip(".")
        if (address := _address(host)) is not None:
            found: list[Address] = [address]
            known = False
        elif known := self._knows(host, port):
            found = await _resolved(host, port)
        else:
            raise Forbidden(f"{host}:{port} is none of the hosts that this project's runs may reach.")
        allowed = [one for one in found if (one, port) in self._addresses or (known and _public(one))]
        if not allowed:
            private = f"{host}:{port} leads to a private address, which must be listed with its port."
            raise Forbidden(
                private if known else f"{host}:{port} is none of the hosts that this project's runs may reach."
            )
        return [str(one) for one in allowed]

    def _knows(self, host: str, port: int) -> bool:
        labels = host.split(".")
        above = (f".{'.'.join(labels[start:])}" for start in range(1, len(labels)))
        return any((name, port) in self._names for name in (host, *above))


def _split(host: str) -> tuple[str, frozenset[int]]:
    name, colon, port = host.rpartition(":")
    return (name, frozenset({int(port)})) if colon and port.isdecimal() else (host, PORTS)


def _address(host: str) -> Address | None:
    try:
        return ip_address(host.removeprefix("[").removesuffix("]"))
    except ValueError:
        return None


def _public(address: Address) -> bool:
    """Whether it is everybody's; an IPv4 address in the dress of IPv6 is what it is underneath."""
    if isinstance(address, IPv6Address):
        nat64 = IPv4Address(int(address) & 0xFFFFFFFF) if address in NAT64 else None
        inner = address.ipv4_mapped or address.sixtofour or nat64
        if inner is not None:
            return _public(inner)
    return address.is_global and not address.is_multicast


async def _resolved(host: str, port: int) -> list[Address]:
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError:
        raise Unavailable(f"{host} is not known to this machine's name service.") from None
    return [ip_address(str(place[0]).partition("%")[0]) for *_, place in found]
