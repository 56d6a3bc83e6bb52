"""Tests through the real commands, against a real PostgreSQL and a real HTTP server."""
