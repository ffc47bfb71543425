#!/usr/bin/env bash
# The built wheel in a fresh environment: it installs, holds the SQL it needs, starts its PostgreSQL and verifies.
set -euo pipefail
cd "$(dirname "$0")/.."
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
PIP_CONSTRAINT=$PWD/constraints.txt .venv/bin/python -m build --wheel --no-isolation --outdir "$place/dist" . > "$place/build.log"
python3 -m venv "$place/fresh"
PIP_CONSTRAINT=$PWD/constraints.txt "$place/fresh/bin/pip" install --quiet --disable-pip-version-check "$place"/dist/*.whl
cd "$place"
fresh/bin/pet-graph token --role manager --data "$place/data" > /dev/null
fresh/bin/pet-graph export-schema | diff - "$OLDPWD/schema.graphql"
fresh/bin/pet-graph verify --data "$place/data"
