"""`--help` is quick because it imports next to nothing."""

import subprocess
import sys

HEAVY = ("ai_edge_litert", "av", "numpy", "paho", "PIL", "pydantic", "rich", "tflite_runtime", "yaml")


def test_help_imports_nothing_heavy():
    program = (
        "import sys\n"
        "from edgeclassify.cli import run_command\n"
        "code = run_command(['--help'])\n"
        f"loaded = sorted(sys.modules.keys() & {set(HEAVY)!r})\n"
        "sys.exit(code or (f'loaded: {loaded}' if loaded else 0))"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (result.returncode, result.stderr) == (0, "")
    assert "Commands:" in result.stdout
