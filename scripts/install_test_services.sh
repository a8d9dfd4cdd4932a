#!/bin/sh
# Some tests use Chromium with its driver, the programs of PostgreSQL, and unar and bsdtar, which unpack RAR.
# Without them, these tests are skipped.
# This script installs the missing ones with apt if it needs no password. Otherwise it prints how, and exits with 1.
set -eu
missing=""
if ! command -v chromedriver >/dev/null || ! { command -v chromium || command -v google-chrome; } >/dev/null; then
    missing="chromium chromium-driver fonts-liberation"
fi
if [ -z "$(ls "${POSTGRESQL_PROGRAMS:=/usr/lib/postgresql}"/*/bin/initdb 2>/dev/null)" ] && ! command -v initdb >/dev/null; then
    missing="${missing:+$missing }postgresql"
fi
# HMDB51 is RAR within RAR.
if ! command -v unar >/dev/null; then
    missing="${missing:+$missing }unar"
fi
if ! command -v bsdtar >/dev/null; then
    missing="${missing:+$missing }libarchive-tools"
fi
if [ -z "$missing" ]; then
    exit 0
fi
if ! command -v apt-get >/dev/null; then
    echo "To run all tests, install Chromium, its chromedriver, PostgreSQL, unar and bsdtar with your package manager." >&2
    exit 1
fi
if [ "$(id -u)" = 0 ]; then
    sudo=""
elif sudo -n true 2>/dev/null; then
    sudo="sudo"
else
    echo "To run all tests:  sudo apt-get install $missing" >&2
    exit 1
fi
echo "Installing with apt-get, for tests: $missing"
# The tests start their own database server, so Debian's package must not create a permanent one.
settings="${POSTGRESQL_SETTINGS:-/etc/postgresql-common}/createcluster.d"
no_cluster="$settings/humotion-tests.conf"
trap '$sudo rm -f "$no_cluster"' EXIT
$sudo mkdir -p "$settings"
echo "create_main_cluster = false" | $sudo tee "$no_cluster" >/dev/null
$sudo apt-get update -qq
failed=0
# One by one, so that a package that this distribution lacks does not block the others.
for package in $missing; do
    $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$package" >/dev/null || failed=1
done
exit $failed
