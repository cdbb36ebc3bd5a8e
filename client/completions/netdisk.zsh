#compdef netdisk
# netdisk completions for zsh: asks netdisk itself, see client/complete.ts.

_netdisk() {
  local line value kind
  local -a lines candidates
  lines=("${(@f)$(command netdisk complete zsh "${(@Q)words[2,CURRENT-1]}" "${(Q)PREFIX}" 2>/dev/null)}")
  kind=$lines[1]
  shift lines
  [[ $PREFIX == --*=* ]] && compset -P 1 '--*='
  case $kind in
    local)
      _files
      ;;
    remote)
      candidates=("${(@M)lines:#*[/:]}")
      (( $#candidates )) && compadd -S '' -a candidates
      candidates=("${(@)lines:#*[/:]}")
      (( $#candidates )) && compadd -a candidates
      ;;
    words)
      for line in $lines; do
        value=${line%%$'\t'*}
        candidates+=("${value//:/\\:}${${line#$value}/#$'\t'/:}")
      done
      _describe netdisk candidates
      ;;
  esac
}

# As a file in $fpath it is the function's body, else it is to be told of.
if [[ $funcstack[1] == _netdisk ]]; then
  _netdisk "$@"
else
  compdef _netdisk netdisk
fi
