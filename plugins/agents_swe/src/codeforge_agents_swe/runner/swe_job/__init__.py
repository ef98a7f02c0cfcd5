"""What runs inside mini-swe-agent's environment: the standard library and mini-swe-agent, nothing of CodeForge."""
