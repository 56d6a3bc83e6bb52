"""What PostgreSQL's settings should be for large loads, and changing them without leftovers."""
