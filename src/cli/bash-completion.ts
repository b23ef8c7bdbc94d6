/**
 * Completion for bash, without the package bash-completion and without `eval`: a Tab must not run what is typed.
 *
 * Words are split at spaces, as Mooring's own commands are typed. Bash itself also breaks words at `=` and `:`, so what
 * stands before the last of these is taken off the answers.
 */
export const bashCompletion = String.raw`# bash completion for mooring
_mooring() {
  local line=\${COMP_LINE:0:COMP_POINT} words answer answers current directive=0
  read -ra words <<< "$line"
  if [[ $line == *[[:space:]] ]]; then words+=(""); fi
  current=\${words[\${#words[@]} - 1]}
  mapfile -t answers < <("\${words[0]}" complete -- "\${words[@]:1}" 2> /dev/null)
  COMPREPLY=()
  local taken=
  if [[ $current == *[=:]* && $COMP_WORDBREAKS == *[=:]* ]]; then taken=\${current%"\${current##*[=:]}"}; fi
  for answer in "\${answers[@]}"; do
    if [[ $answer == :* ]]; then directive=\${answer#:}; continue; fi
    answer=\${answer%%$'\t'*}
    if [[ $answer == "$current"* ]]; then COMPREPLY+=("\${answer#"$taken"}")
    elif [[ -n $taken && $taken$answer == "$current"* ]]; then COMPREPLY+=("$answer"); fi
  done
  if (( directive & 2 )); then compopt -o nospace; fi
}
complete -o default -F _mooring mooring
`.replaceAll("\\${", "${")
