# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# shellcheck shell=bash
# Completion of lbctl in bash. The words are lbctl's own: it is asked what may follow.

_lbctl() {
	local line=${COMP_LINE:0:COMP_POINT} word rest colons
	local -a words

	# Not COMP_WORDS, which are broken at the colons of addresses.
	read -ra words <<<"$line"
	[[ $line != *[[:space:]] ]] || words+=("")
	word=${words[-1]}
	colons=
	[[ $COMP_WORDBREAKS != *:* || $word != *:* ]] || colons=${word%"${word##*:}"}
	COMPREPLY=()
	while IFS=$'\t' read -r rest _; do
		if [[ $rest == :files ]]; then
			compopt -o filenames 2>/dev/null
			mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -f -- "$word")
		elif [[ -n $rest ]]; then
			COMPREPLY+=("${rest#"$colons"}")
		fi
	done < <("${words[0]}" complete "${words[@]:1}" 2>/dev/null)
}

complete -F _lbctl lbctl
