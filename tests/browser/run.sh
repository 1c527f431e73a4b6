#!/bin/sh
# The console in a real browser. Takes the server from SALDO_BIN and Chromium from CHROMIUM (else from
# the path); SALDO_SCREENSHOTS names a folder for pictures of every page. Builds nothing.
set -eu
cd "$(dirname "$0")"
: "${SALDO_BIN:?name the server to test: SALDO_BIN=…/saldo}"
case $SALDO_BIN in /*) ;; *) SALDO_BIN=$OLDPWD/$SALDO_BIN ;; esac
export SALDO_BIN
if [ -n "${SALDO_SCREENSHOTS:-}" ]; then
    case $SALDO_SCREENSHOTS in /*) ;; *) SALDO_SCREENSHOTS=$OLDPWD/$SALDO_SCREENSHOTS ;; esac
    export SALDO_SCREENSHOTS
fi
CHROMIUM=${CHROMIUM:-$(command -v chromium || command -v chromium-browser || true)}
if [ -z "$CHROMIUM" ]; then
    echo "no Chromium: apt-get install chromium, or name one in CHROMIUM" >&2
    exit 1
fi
export CHROMIUM PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD=1
# Installed once for a lock file; what is there is used as it is.
if ! cmp -s package-lock.json node_modules/.lock-installed; then
    npm ci --no-audit --no-fund --loglevel=error
    cp package-lock.json node_modules/.lock-installed
fi
exec npx --no-install playwright test "$@"
