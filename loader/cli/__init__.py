"""The commands: parse, call one function, print. Nothing below this folder prints or exits."""
