"""Print what skal needs, each at the lowest version that pyproject.toml allows."""

import re
import tomllib
from pathlib import Path

project = tomllib.loads(Path("pyproject.toml").read_text())["project"]
for need in project["dependencies"] + project["optional-dependencies"]["experiment"]:
    name, lowest = re.fullmatch(r"([\w.-]+)>=([\d.]+)", need).groups()
    print(f"{name}=={lowest}")
