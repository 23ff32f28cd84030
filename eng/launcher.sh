# shellcheck shell=bash
# What the launcher's scripts share: where things lie, and how they speak. Sourced, never run.
# Everything the launcher says goes to stderr, so that stdout stays the command's own.

eng=$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")
root=$(dirname -- "$eng")
# shellcheck disable=SC2034 # used by the scripts that source this file
{
  state="$root/.fusemix"
  artifacts="$root/artifacts"
  cli="$artifacts/bin/FuseMix.Cli/release/fusemix-cli.dll"
  lock_file="$state/lock"
}

# An SDK that was installed without root is found without the user's profile.
if ! command -v dotnet >/dev/null; then
  for folder in "${DOTNET_ROOT:-}" "${HOME:-}/.dotnet"; do
    [[ -n $folder && -x $folder/dotnet ]] && PATH="$folder:$PATH" && break
  done
fi

# The launcher reads what dotnet prints, and wants no build server to outlive it.
export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1 DOTNET_CLI_UI_LANGUAGE=en MSBUILDDISABLENODEREUSE=1

if [[ -t 2 ]]; then clear_line=$'\r\e[K'; else clear_line=''; fi

# Where that cannot be written, it is not said: no work ends over it.
say() { printf '%sfusemix: %s\n' "$clear_line" "$1" >&2 || true; }

# die SENTENCE WAY-OUT: every end of the launcher has both, and an entry in docs/troubleshooting.md.
die() {
  say "$1"
  printf '  → %s\n' "$2" >&2
  exit 1
}

# prepare_state: the folder of the lock and the logs, which whoever builds has to write to
prepare_state() {
  { mkdir -p "$state/logs" && : >>"$lock_file"; } 2>/dev/null && return
  die "This user ($(id -un)) cannot write to $state, where what is built is locked and logged." \
    "Use a clone of your own, or get the right to write to this one, which belongs to $(stat -c %U -- "$root")."
}

now_us() { printf '%s' "${EPOCHREALTIME//[^0-9]/}"; }

# seconds_since MICROSECONDS: like 12.3
seconds_since() {
  local tenths=$((($(now_us) - $1) / 100000))
  printf '%d.%d' $((tenths / 10)) $((tenths % 10))
}

# phase LABEL COMMAND…: runs it and leaves one line with the time it took.
phase() {
  local label=$1 started
  shift
  started=$(now_us)
  if [[ -n $clear_line ]]; then printf 'fusemix: %s …' "$label" >&2 || true; fi
  "$@" || return
  say "$label: $(seconds_since "$started") s"
}
