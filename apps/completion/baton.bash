# SPDX-License-Identifier: MIT
# bash completion for baton's programs. What they know is asked of them: --help has a line
# "  -p, --producers P   ..." for each option, with its values as in "ordered|completion".

# Options of --help, one "--option [VALUE]" a line.
_baton_options() {
	"$1" --help 2>/dev/null |
		sed -n 's/^  \(-., \|    \)\(--[a-z-]*\( [^ ]*\)\{0,1\}\)\( .*\)\{0,1\}$/\2/p'
}

_baton() {
	local word=$2 before=$3 option value
	COMPREPLY=()
	while read -r option value; do
		[[ $option == "$before" && -n $value ]] || continue
		case $value in
		FILE) compopt -o filenames 2>/dev/null
			mapfile -t COMPREPLY < <(compgen -f -- "$word") ;;
		*'|'*) mapfile -t COMPREPLY < <(compgen -W "${value//|/ }" -- "$word") ;;
		esac
		return
	done < <(_baton_options "$1")
	if [[ $word == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$(_baton_options "$1" | cut -d' ' -f1)" -- "$word")
	elif [[ $1 == *pitfalls ]]; then
		mapfile -t COMPREPLY < <(compgen -W 'E1 E2 E3 E4 E5 E6 E7 E8 E9 all' -- "$word")
	fi
}

complete -F _baton baton-train-mean baton-feed-bench baton-pitfalls
