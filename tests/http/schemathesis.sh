#!/bin/sh
# Generated requests against the OpenAPI document of a running server: no server error, no answer that
# the document does not name.
#
#   tests/http/schemathesis.sh http://127.0.0.1:5080 CASES
#
# Left out: a stream that never ends, the request that stops the server, and the check that a
# well-formed request is done: whether it is rests on what the accounts hold.
set -eu
url=$1
cases=$2
operations=15
tools=$(mktemp -d)
trap 'rm -rf "$tools"' EXIT
python3 -m venv "$tools/venv"
"$tools/venv/bin/pip" install --quiet 'schemathesis==4.32.5'
cd "$tools"
venv/bin/schemathesis run "$url/api/v1/openapi.json" \
    --checks all --exclude-checks positive_data_acceptance \
    --exclude-path /api/v1/events --exclude-path /api/v1/shutdown \
    --max-examples $((cases / operations + 1)) --continue-on-failure --request-timeout 30 \
    --suppress-health-check all
