"""`python -m loader`, what every file in bin/ calls."""

from loader.cli.main import main

if __name__ == "__main__":
    main()
