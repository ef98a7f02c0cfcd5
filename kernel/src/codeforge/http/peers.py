"""Who is at the other end: the browser itself, also when proxies that we trust stand between it and us."""

from __future__ import annotations

from ipaddress import IPv6Address, ip_address

from aiohttp import web

from codeforge.http.context import FORGE
from codeforge.settings import Network


def is_https(request: web.Request) -> bool:
    """Whether the browser speaks TLS, to us or to a trusted proxy."""
    if request.secure:
        return True
    return _trusted(request.remote or "", request) and request.headers.get("X-Forwarded-Proto") == "https"


def peer(request: web.Request) -> str:
    """The address that a request comes from.

    Each proxy adds whom it heard to the end of X-Forwarded-For. So the list is read from its end, for as long as the
    address before it is a trusted proxy's: what stands further left may be made up.
    """
    address = request.remote or ""
    told = ",".join(request.headers.getall("X-Forwarded-For", ())).split(",")
    for name in reversed([name.strip() for name in told]):
        if not _trusted(address, request) or not _is_address(name):
            break
        address = name
    return address


def _trusted(address: str, request: web.Request) -> bool:
    try:
        found = ip_address(address)
    except ValueError:
        return False
    if isinstance(found, IPv6Address) and found.ipv4_mapped:
        found = found.ipv4_mapped
    networks: tuple[Network, ...] = request.app[FORGE].settings.trusted_proxies
    return any(found in network for network in networks)


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True
