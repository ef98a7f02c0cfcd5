"""The chaos suite: a fleet under kills, freezes, cuts and lies, and the proof that it kept every promise."""
