"""The import path of the programs here: ``python tests/stress/faults.py`` runs from any folder."""

import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path[1:1] = [str(ROOT / "tests"), str(ROOT / "tests" / "helpers"), str(ROOT)]
