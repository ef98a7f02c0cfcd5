"""A Celery task that says when it began, by a datagram; for a worker in a process of its own."""

from __future__ import annotations

import os
import socket
import struct
import time

from celery import Celery

MOMENT = struct.Struct("d")
app = Celery("bare", broker=os.environ.get("BENCH_BROKER", ""))
app.conf.update(
    task_ignore_result=True,
    broker_transport_options={"confirm_publish": True},
    broker_connection_retry_on_startup=True,
)
_socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)


@app.task(name="nothing")  # type: ignore[untyped-decorator]
def nothing(port: int) -> None:
    """Tell ``port`` the moment (perf_counter, which all processes share)."""
    _socket.sendto(MOMENT.pack(time.perf_counter()), ("127.0.0.1", port))
