#!/bin/sh
# Ensures that Debian packages are installed: as root it installs missing ones, otherwise it prints the command.
#
#   packages.sh [--check] PACKAGE...      --check installs nothing and prints the command, root or not
set -eu

install=$([ "$(id -u)" -ne 0 ] || echo yes)
if [ "${1:-}" = --check ]; then
    install=
    shift
fi
missing=
for package in "$@"; do
    status=$(dpkg-query -W -f='${db:Status-Status} ' "$package" 2>/dev/null || true)
    case " $status" in *" installed "*) ;; *) missing="$missing $package" ;; esac
done
[ -n "$missing" ] || exit 0

# Never remove an installed package: systemd, which the tests run, would replace another init's libraries.
options="-y --no-install-recommends --no-remove"
if [ "$install" ]; then
    echo "Installing$missing" >&2
    apt-get update -qq
    # shellcheck disable=SC2086
    DEBIAN_FRONTEND=noninteractive apt-get install -qq $options $missing >/dev/null
else
    echo "Packages are missing. Install them as root with:" >&2
    echo "    apt-get update && apt-get install $options$missing" >&2
    exit 1
fi
