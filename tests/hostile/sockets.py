"""Kinds of sockets that lead past a network without ways out."""

import contextlib
import ctypes
import socket

from hostile.tools import FACTS, connect, libc, listed


def a_raw_socket():
    for family, kind in ((socket.AF_INET, socket.SOCK_RAW), (socket.AF_PACKET, socket.SOCK_RAW)):
        with contextlib.suppress(OSError), socket.socket(family, kind, 1):
            return str(family)
    return None


def the_virtual_machines_host():
    with contextlib.suppress(OSError), socket.socket(40, socket.SOCK_STREAM):
        return "AF_VSOCK"
    return None


def a_socket_by_io_uring():
    return "io_uring" if libc.syscall(425, 8, ctypes.create_string_buffer(120)) >= 0 else None


def an_abstract_socket_outside():
    return connect(socket.AF_UNIX, f"\0{FACTS['abstract']}")


def a_socket_file_outside():
    return connect(socket.AF_UNIX, FACTS["socket"])


def the_docker_socket():
    paths = ("/var/run/docker.sock", "/run/docker.sock", "/run/containerd/containerd.sock", "/run/podman/podman.sock")
    return listed(*paths, "/run/dbus", "/run/systemd", "/run/user")


def the_proxy_without_any_allowed_host():
    return connect(socket.AF_INET, ("127.0.0.1", 8702))
