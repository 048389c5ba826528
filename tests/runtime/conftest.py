import pathlib
import sys

# The test modules share support.py and op_case.py of this folder, and the exporter is imported from tools.
sys.path[:0] = [str(pathlib.Path(__file__).parent)]
