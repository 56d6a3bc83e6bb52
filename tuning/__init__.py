"""What PostgreSQL's settings should be for large loads, and why."""
