"""Hosts, names and ports."""

import contextlib
import socket

from hostile.tools import FACTS, connect


def another_host():
    places = (("1.1.1.1", 443), ("8.8.8.8", 53), *((host, FACTS["port"]) for host in FACTS["addresses"]))
    return next((done for place in places if (done := connect(socket.AF_INET, place))), None)


def another_host_over_ipv6():
    return connect(socket.AF_INET6, ("2606:4700:4700::1111", 443)) or connect(socket.AF_INET6, ("::1", FACTS["port"]))


def names_of_hosts():
    with contextlib.suppress(OSError):
        return repr(socket.getaddrinfo("packages.example.org", 443))
    return None


def a_name_server_directly():
    for server in (*FACTS["nameservers"], "8.8.8.8"):
        with contextlib.suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as end:
            end.settimeout(1)
            end.sendto(b"\0\1\1\0\0\1\0\0\0\0\0\0\4pypi\3org\0\0\1\0\1", (server, 53))
            return repr(end.recv(512))
    return None


def the_servers_port_on_loopback():
    return connect(socket.AF_INET, ("127.0.0.1", FACTS["port"]))


def another_interface():
    names = [name for _, name in socket.if_nameindex()]
    return names if names != ["lo"] else None
