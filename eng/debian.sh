# shellcheck shell=bash disable=SC2154 # $state comes with launcher.sh
# Installs Debian packages that no NuGet package can stand in for. Sourced after launcher.sh, never run.

# has_library SONAME
has_library() { [[ $(PATH="$PATH:/usr/sbin:/sbin" ldconfig -p 2>/dev/null) == *"$1 "* ]]; }

# has_program NAME PACKAGE: on the PATH, or where Debian puts each version of a server's own
has_program() { command -v "$1" >/dev/null || compgen -G "/usr/lib/$2/*/bin/$1" >/dev/null; }

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

# without WHAT CONSEQUENCE REASON: says once that something cannot be had; './fusemix clean' forgets it.
without() {
  touch "$artifacts/without-$1"
  say "$2: $1 could not be installed: $3. To try again: ./fusemix clean"
}

# for_once PACKAGE CONSEQUENCE COMMAND…: installs the package where the command does not succeed; where that fails, says what follows, once.
for_once() {
  local package=$1 consequence=$2 log="$state/logs/apt-$1.log" reason
  shift 2
  if [[ -f $artifacts/without-$package ]] || "$@"; then return; fi
  mkdir -p "$state/logs" "$artifacts"
  if ! command -v apt-get >/dev/null; then
    without "$package" "$consequence" "this system has no apt-get"
    return
  fi
  if phase "Installing the Debian package $package" apt_install "$package" >"$log" && "$@"; then return; fi
  reason=$(grep -hE '^(E|sudo):' "$log" | tail -n 1 || true)
  without "$package" "$consequence" "${reason:-"see .fusemix/logs/apt-$package.log"}"
}
