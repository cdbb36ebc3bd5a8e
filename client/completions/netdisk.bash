# netdisk completions for bash: asks netdisk itself, see client/complete.ts.
# Works without the bash-completion package.

_netdisk() {
  local kind='' line
  COMPREPLY=()
  while IFS= read -r line; do
    if [[ -z $kind ]]; then kind=$line; else COMPREPLY+=("$line"); fi
  done < <(command netdisk complete bash "${COMP_LINE:0:COMP_POINT}" "$2" 2>/dev/null)
  # Without compopt (bash 3.2) names are not quoted, and a blank follows folders.
  case $kind in
    local) compopt -o default 2>/dev/null ;;
    remote) compopt -o filenames 2>/dev/null ;;
  esac
  if [[ ${COMPREPLY[0]-} == *[/:] ]]; then compopt -o nospace 2>/dev/null; fi
}

complete -F _netdisk netdisk
