"""Puts prepared files in the place of others, all or none; what was there before is moved aside, not deleted."""

from __future__ import annotations

from pathlib import Path


class Swap:
    """Pairs of a prepared path and its place; ``aside`` is a new folder for what is in such places already."""

    def __init__(self, aside: Path) -> None:
        self.aside = aside
        self._wanted: list[tuple[Path | None, Path]] = []
        self._moved: list[tuple[Path, Path]] = []

    def put(self, prepared: Path, place: Path) -> None:
        """Have ``prepared`` in ``place`` after `do`."""
        self._wanted.append((prepared, place))

    def clear(self, place: Path) -> None:
        """Have nothing in ``place`` after `do`."""
        self._wanted.append((None, place))

    @property
    def taken(self) -> list[Path]:
        """The places where something is already."""
        return [place for _, place in self._wanted if place.is_file() or (place.is_dir() and any(place.iterdir()))]

    def do(self) -> None:
        """Move everything; after an error nothing has moved. Raises `OSError`."""
        try:
            for prepared, place in self._wanted:
                if place.exists():
                    self.aside.mkdir(exist_ok=True, mode=0o700)
                    self._move(place, self.aside / place.name)
                if prepared:
                    self._move(prepared, place)
        except BaseException:
            self.undo()
            raise

    def _move(self, path: Path, to: Path) -> None:
        path.rename(to)
        self._moved.append((path, to))

    def undo(self) -> None:
        """Move everything back."""
        while self._moved:
            path, to = self._moved.pop()
            to.rename(path)
        if self.aside.is_dir() and not any(self.aside.iterdir()):
            self.aside.rmdir()
