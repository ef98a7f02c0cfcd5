"""What runs inside Aider's environment: the standard library and Aider only, nothing of CodeForge."""
