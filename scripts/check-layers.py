#!/usr/bin/env python3
"""Holds the crates to their direction, by what `cargo metadata` says, and the façades to their own rooms.

    domain <- {store, clouds, ssh} <- control <- {swarm, api} <- arcus

Called by `make check`. It fails when a crate depends on one that it may not see, and when a façade of `api` names
another façade.
"""

import json
import pathlib
import re
import subprocess
import sys

MAY_USE = {
    "domain": set(),
    "store": {"domain"},
    "clouds": {"domain"},
    "ssh": {"domain"},
    "control": {"domain", "store", "clouds", "ssh"},
    "swarm": {"domain", "control"},
    "api": {"domain", "control"},
    # The binary wires everything together.
    "arcus": {"domain", "store", "clouds", "ssh", "control", "swarm", "api"},
    "testkit": {"domain"},
}
# What only some crates may use from outside: SQL stays in the store (the simulated cloud's own file is its truth).
ONLY = {"sqlx": {"store", "clouds", "testkit"}, "axum": {"api", "swarm", "arcus", "testkit"}, "russh": {"ssh"}}
FACADES = ["cloudero", "cloudhero", "cloud66", "console"]


def main() -> int:
    metadata = json.loads(
        subprocess.run(
            ["cargo", "metadata", "--format-version=1", "--no-deps"], check=True, capture_output=True
        ).stdout
    )
    wrong = []
    ours = {package["name"] for package in metadata["packages"]}
    for package in metadata["packages"]:
        name = package["name"]
        if name not in MAY_USE:
            wrong.append(f"{name}: a new crate; say in scripts/check-layers.py what it may use")
            continue
        for dependency in package["dependencies"]:
            used = dependency["name"]
            test = dependency["kind"] == "dev"
            if used in ours and used not in MAY_USE[name] and not (test and used == "testkit"):
                wrong.append(f"{name} may not use {used}")
            if used in ONLY and name not in ONLY[used] and not test:
                wrong.append(f"{name} may not use {used}: that is for {', '.join(sorted(ONLY[used]))}")
    api = pathlib.Path("crates/api/src")
    for facade in FACADES:
        for path in (api / facade).rglob("*.rs"):
            for other in FACADES:
                if other != facade and re.search(rf"\b(crate|super)::{other}\b", path.read_text()):
                    wrong.append(f"{path} reaches into the façade {other}")
    print("\n".join(wrong) or f"layers: {len(ours)} crates keep their direction")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
