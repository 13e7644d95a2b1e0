"""Lets a process in the emulator start others in it: the kernel cannot run the program of another machine."""

import os
import sys

sys.executable = os.environ["RIG_PYTHON"]
