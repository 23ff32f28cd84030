# shellcheck shell=bash disable=SC2154 # $state comes with launcher.sh
# Installs Debian packages. Sourced after launcher.sh, never run.

as_root() {
  if ((EUID == 0)); then
    "$@"
  elif ! command -v sudo >/dev/null; then
    echo "E: not root, and sudo is not installed" && return 1
  elif [[ -t 0 ]]; then
    sudo "$@"
  else
    sudo --non-interactive "$@"
  fi
}

apt_install() {
  local options=(-o DPkg::Lock::Timeout=120 -qq -y)
  # A fresh container has no package lists; a prepared machine should not have to load them again.
  as_root env DEBIAN_FRONTEND=noninteractive apt-get "${options[@]}" install --no-install-recommends "$1" </dev/null ||
    { as_root apt-get "${options[@]}" update </dev/null &&
      as_root env DEBIAN_FRONTEND=noninteractive apt-get "${options[@]}" install --no-install-recommends "$1" </dev/null; }
}

# install PACKAGE COMMAND…: the command says whether what it brings is there; fails with the reason in $reason
install() {
  local package=$1 log="$state/logs/apt-$1.log"
  shift
  mkdir -p "$state/logs"
  reason="this system has no apt-get"
  command -v apt-get >/dev/null || return
  if phase "Installing the Debian package $package" apt_install "$package" >"$log" && "$@"; then return; fi
  reason=$(grep -hE '^(E|sudo):' "$log" | tail -n 1 || true)
  reason=${reason:-"see .fusemix/logs/apt-$package.log"}
  return 1
}
