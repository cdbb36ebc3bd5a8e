# netdisk completions for bash: asks netdisk itself, see client/complete.ts.
# Works without the bash-completion package.

_netdisk() {
  local kind='' line
  COMPREPLY=()
  while IFS= read -r line; do
    if [[ -z $kind ]]; then kind=$line; else COMPREPLY+=("$line"); fi
  done < <(command netdisk complete bash "${COMP_LINE:0:COMP_POINT}" "$2" 2>/dev/null)
  # Where there is no compopt (bash 3.2) a blank follows folders, and no local path is offered.
  if [[ $kind == local ]]; then compopt -o default 2>/dev/null; fi
  if [[ ${COMPREPLY[0]-} == *[/:] ]]; then compopt -o nospace 2>/dev/null; fi
}

complete -F _netdisk netdisk
