"""`python -m edgeclassify` is the same as `edgeclassify`."""

from edgeclassify.cli import main

if __name__ == "__main__":
    main()
