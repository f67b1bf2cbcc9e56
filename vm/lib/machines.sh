# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# shellcheck shell=bash disable=SC2034
# vm/lab --vms: half of the lab in four virtual machines, each with a kernel of its own, so that
# two balancers share nothing but packets. In each, vm/lab raises its nodes; the network of the
# balancers goes on from machine to machine over UDP sockets. Its switch is in the first, where
# the user and the router are; the balancers have a virtio-net device each, and no switch.
#
# A machine takes commands by files in a directory that it shares with this one (machine_serve).

VMS=/run/sluice-vms
MACHINES=(front lb1 lb2 back)
declare -A NODES_OF=(
	[front]="user resolver dns fw1"
	[lb1]=lb1
	[lb2]=lb2
	[back]="tls1 tls2 fw2 web1"
)
declare -A MEMORY=([front]=768M [lb1]=512M [lb2]=512M [back]=768M)
FIRST_PORT=17900 # of loopback's: two for each machine behind the first
BOOT_S=300
UP_S=600

machines_usage() {
	cat <<-EOF
		usage: vm/lab --vms up [KERNEL]               raise it: ${MACHINES[*]}
		       vm/lab --vms down                      power all off, and leave nothing
		       vm/lab --vms status                    what runs
		       vm/lab --vms exec NODE COMMAND...      run a command on a node
		       vm/lab --vms power MACHINE off|on      pull the plug, or start it again
	EOF
}

# --- one machine --------------------------------------------------------------------

machine_pid() {
	process_alive "$VMS/$1/pid" 2>/dev/null
}

# links MACHINE: vm/run's options. The first machine has a wire to each other one.
links() {
	local n=1 other
	for other in "${MACHINES[@]:1}"; do
		if [[ $1 == "${MACHINES[0]}" ]]; then
			printf '%s\n' --link $((FIRST_PORT + 2 * n)):$((FIRST_PORT + 2 * n + 1))
		elif [[ $1 == "$other" ]]; then
			printf '%s\n' --link $((FIRST_PORT + 2 * n + 1)):$((FIRST_PORT + 2 * n))
		fi
		n=$((n + 1))
	done
}

machine_start() {
	local machine=$1 dir=$VMS/$1 options start
	rm -rf "$dir" && mkdir -p "$dir" && cp -a "$VMS/secrets" "$dir/" || return
	mapfile -t options < <(links "$machine")
	{
		close_inherited
		exec setsid "$ROOT/vm/run" --kernel "$(<"$VMS/kernel")" --timeout 86400 --cpus 1 \
			--mem "${MEMORY[$machine]}" --share "$dir" "${options[@]}" -- \
			bash "$ROOT/vm/lib/serve.sh" "$dir"
	} </dev/null >"$dir/log" 2>&1 &
	start=$(process_start_time $!) || start=0
	printf '%s %s\n' $! "$start" >"$dir/pid"
}

# on_machine MACHINE COMMAND...: there, in this directory; exits as it does, or with 255 if the
# machine is not there or goes meanwhile.
on_machine() {
	local dir=$VMS/$1 id code
	id=$dir/$BASHPID-$RANDOM
	shift
	printf '%q ' "$@" >"$id.new"
	mv "$id.new" "$id.command" || return 255
	until [[ -e $id.code ]]; do
		machine_pid "${dir##*/}" >/dev/null || return 255
		sleep 0.1
	done
	cat "$id.out"
	cat "$id.err" >&2
	code=$(<"$id.code")
	rm -f "$id".*
	return "$code"
}

machine_booted() {
	[[ -e $VMS/$1/serving ]]
}

# What the machine's vm/lab is to raise.
machine_raise() {
	local machine=$1 other joins=() elsewhere=() n=0
	for other in "${MACHINES[@]}"; do
		[[ $other == "$machine" ]] || elsewhere+=(--with "${NODES_OF[$other]// /,}")
	done
	if [[ $machine == "${MACHINES[0]}" ]]; then
		for other in "${MACHINES[@]:1}"; do
			joins+=(--join "edge=eth$((n++))")
		done
	else
		joins=(--join edge=eth0)
	fi
	# shellcheck disable=SC2086 # nodes are words
	on_machine "$machine" "$ROOT/vm/lab" up --slow --secrets "$VMS/$machine/secrets" \
		"${joins[@]}" "${elsewhere[@]}" ${NODES_OF[$machine]} \
		>"$VMS/$machine/up.log" 2>&1 ||
		die "$machine: $(tail -n 3 "$VMS/$machine/up.log" "$VMS/$machine/log")"
	note "$machine: $(tail -n 1 "$VMS/$machine/up.log")"
}

# --- all of them --------------------------------------------------------------------

machines_secrets() (
	RUN=$VMS/secrets STATE=$VMS/secrets/lab PKI=$VMS/secrets/pki
	mkdir -p "$STATE"
	pki_create >"$VMS/pki.log"
)

machines_up() {
	local machine
	need_root "vm/lab --vms up"
	[[ ! -e $VMS ]] || die "$VMS is there: run vm/lab --vms down first"
	(umask 077 && mkdir -p "$VMS") || exit 2
	trap 'machines_down; exit 130' INT TERM HUP
	printf '%s\n' "${1:-6.12}" >"$VMS/kernel"
	"$ROOT/vm/kernels" "$(<"$VMS/kernel")" >/dev/null || exit
	machines_secrets || die "cannot make the certificates: see $VMS/pki.log"
	for machine in "${MACHINES[@]}"; do
		machine_start "$machine" || die "cannot start $machine"
	done
	for machine in "${MACHINES[@]}"; do
		wait_for $BOOT_S "$machine: the machine" machine_booted "$machine"
	done
	if ! for_all machine_raise "${MACHINES[@]}"; then
		note "logs are in $VMS; vm/lab --vms down removes everything"
		exit 2
	fi
}

machines_down() {
	local machine pid
	need_root "vm/lab --vms down"
	for machine in "${MACHINES[@]}"; do
		! pid=$(machine_pid "$machine") || kill "$pid"
	done
	for machine in "${MACHINES[@]}"; do
		while machine_pid "$machine" >/dev/null; do
			sleep 0.1
		done
	done
	rm -rf "$VMS"
}

machines_status() {
	local machine code=0
	[[ -d $VMS ]] || die "down"
	for machine in "${MACHINES[@]}"; do
		if machine_pid "$machine" >/dev/null; then
			on_machine "$machine" "$ROOT/vm/lab" status || code=2
		else
			printf '%-9s is off\n' "$machine"
			code=2
		fi
	done
	return $code
}

machines_exec() {
	local machine node=${1-}
	(($# >= 2)) || usage_error "exec: a node and a command are expected"
	for machine in "${MACHINES[@]}"; do
		[[ " ${NODES_OF[$machine]} " != *" $node "* ]] || break
	done
	[[ " ${NODES_OF[$machine]} " == *" $node "* ]] ||
		usage_error "exec: no machine has a node \"$node\": ${NODES_OF[*]}"
	on_machine "$machine" "$ROOT/vm/lab" exec "$@"
}

# power MACHINE off|on: off is what it says, without a word to anybody.
machines_power() {
	local pid
	[[ -d $VMS && " ${MACHINES[*]} " == *" ${1-} "* ]] ||
		usage_error "power: a machine is expected: ${MACHINES[*]}"
	case ${2-} in
	off)
		pid=$(machine_pid "$1") || die "$1 is off"
		kill -KILL "$pid"
		;;
	on)
		! machine_pid "$1" >/dev/null || die "$1 is on"
		machine_start "$1" && wait_for $BOOT_S "$1: the machine" machine_booted "$1"
		machine_raise "$1"
		;;
	*) usage_error "power: on or off is expected" ;;
	esac
}

machines() {
	PATIENCE=1
	case ${1-} in
	up | down | status | exec | power) "machines_$1" "${@:2}" ;;
	*) machines_usage ;;
	esac
}
