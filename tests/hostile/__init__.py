"""What a hostile agent tries from inside its sandbox, each attempt a function with its name. Nothing may work.

Run as ``python3 -B -m hostile FACTS``: base64 of JSON, all that it was told about the world outside. It prints a line
of JSON for each attempt: its name, and what it got hold of (null: nothing). An attempt that works does no harm: it
opens and does not write, asks and does not kill, and what may not be undone is done by a child.
"""
