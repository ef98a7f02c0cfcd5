"""What runs inside the Python of a user's SWE-agent: nothing of CodeForge but the side that runs beside agents."""
