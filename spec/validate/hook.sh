#!/bin/sh
# The entry of .pre-commit-hooks.yaml: checks the specs that it is given, by a
# program that is built once. It needs Go.
set -eu
# git sets these for its hooks; Go would take them for this repository's.
unset GIT_DIR GIT_INDEX_FILE GIT_WORK_TREE
root=$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd)
go build -C "$root" -o "$root/bin/validate" ./spec/validate
exec "$root/bin/validate" "$@"
