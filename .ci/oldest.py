"""Print pip constraints that pin every direct dependency to the oldest version it declares.

    python .ci/oldest.py > oldest.txt && pip install -e '.[test]' -c oldest.txt

What the dependencies need themselves comes as new as pip finds it: that is what a user who asks
for an old NumPy today gets.
"""

import re
import tomllib
from pathlib import Path

project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())["project"]
wanted = [*project["dependencies"]]
for group in project["optional-dependencies"].values():
    wanted += group
for requirement in sorted(set(wanted), key=str.lower):
    if found := re.fullmatch(r"([\w-]+)>=([\w.]+)(,.*)?", requirement):
        print(f"{found[1]}=={found[2]}")
