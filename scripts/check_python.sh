#!/bin/sh
# The interpreter must be 3.11 or later, and able to create a virtual environment with pip.
set -eu
python="$1"
if ! command -v "$python" >/dev/null; then
    echo "There is no $python. Install Python 3.11 or later, or name another: make PYTHON=/path/to/python3.12 ..." >&2
    exit 1
fi
if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
    echo "$python is $("$python" -V 2>&1). humotion needs 3.11 or later: make PYTHON=/path/to/python3.12 ..." >&2
    exit 1
fi
if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    echo "$python cannot create virtual environments (ensurepip is missing). On Debian and Ubuntu:" >&2
    echo "    sudo apt-get install python3-venv" >&2
    exit 1
fi
