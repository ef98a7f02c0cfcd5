"""One daemon thread as an executor: a broker that hangs can hold up neither the event loop nor the exit."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor, Future
from queue import SimpleQueue
from threading import Thread
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class OneThread(Executor):
    """Runs what it is given one after the other, always in the same thread, for connections that belong to one.

    Unlike `ThreadPoolExecutor`, whose threads the interpreter waits for at its end.
    """

    def __init__(self, name: str) -> None:
        self._todo: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        Thread(target=self._work, name=name, daemon=True).start()

    def submit(self, work: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Run ``work`` when all before it is done."""
        future: Future[T] = Future()

        def run() -> None:
            if future.set_running_or_notify_cancel():
                try:
                    future.set_result(work(*args, **kwargs))
                except BaseException as error:
                    future.set_exception(error)

        self._todo.put(run)
        return future

    def shutdown(self, wait: bool = False, *, cancel_futures: bool = False) -> None:
        """End the thread when all that was given is done; never waits for it."""
        self._todo.put(None)

    def _work(self) -> None:
        while run := self._todo.get():
            run()
            del run  # else it is kept, with all it refers to, until the next one comes
