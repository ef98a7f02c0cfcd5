"""Routes: which model answers a call, and which one when that fails."""
