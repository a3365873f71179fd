#!/bin/sh
# Installs the system packages that pip cannot bring, where it may (Debian and Ubuntu, as root or with sudo that
# asks no password); otherwise says the line to type. Usage: system_packages.sh run|test
set -u
run="libgl1 libegl1 libxkbcommon0 libglib2.0-0 libfontconfig1 libdbus-1-3 libxcb-cursor0 libxkbcommon-x11-0 libxcb-icccm4 libxcb-keysyms1 libxcb-shape0 libportaudio2 fonts-noto-cjk"
test="xvfb xauth xdotool pulseaudio pulseaudio-utils libasound2-plugins espeak-ng"
[ "$(uname -s)" = Linux ] || exit 0
packages=$run
[ "${1:-run}" = test ] && packages="$run $test"

missing=""
if command -v dpkg-query >/dev/null 2>&1; then
  for package in $packages; do
    # The t64 names are those of newer Debian and Ubuntu.
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q "install ok installed" && continue
    dpkg-query -W -f '${Status}' "${package}t64" 2>/dev/null | grep -q "install ok installed" && continue
    missing="$missing $package"
  done
else
  echo "Not a Debian or Ubuntu system: please install the equivalents of: $packages" >&2
  exit 0
fi
[ -z "$missing" ] && exit 0

sudo=""
if [ "$(id -u)" != 0 ]; then
  if command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then
    sudo="sudo -n"
  else
    echo "Please install what is missing, then try again:" >&2
    echo "    sudo apt-get install$missing" >&2
    [ "${1:-run}" = test ] && exit 1
    exit 0
  fi
fi
echo "Installing:$missing"
$sudo apt-get update -qq || true
# shellcheck disable=SC2086
DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -qq --no-install-recommends $missing >/dev/null || {
  echo "apt could not install:$missing" >&2
  [ "${1:-run}" = test ] && exit 1
  exit 0
}
