"""What runs inside the environment of OpenHands: the standard library and OpenHands only, nothing of CodeForge."""
