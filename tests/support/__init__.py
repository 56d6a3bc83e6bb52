"""What the tests stand on: a server, a database per test, an account, the commands."""
