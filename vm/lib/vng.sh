# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# shellcheck shell=bash disable=SC2034,SC2154 # options: of vm/run
# The virtual machine of vm/run --vng: one that virtme-ng makes, as its users know it, with
# 9p for the host's files. It is told what to run, and reports, in a directory of ours.

boot_limit_s=180

prepare_vm() {
	local prefix
	prefix=$("$here/virtme") || fail "virtme-ng cannot be had"
	export PYTHONPATH=$prefix/usr/lib/python3/dist-packages
	export PATH=$prefix/usr/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
	vng_options=(--run "$vmlinuz" --force-9p --cpus "$cpus" --memory "$memory" --user root
		--rwdir "$work/guest=$work/guest" "--qemu-opts=-cpu max" --append no_timer_check)
	[ "$accel" != tcg ] || vng_options+=(--disable-kvm)
	# Without udev on the host, the guest's devices get their names from ours.
	[ -e /lib/systemd/systemd-udevd ] ||
		vng_options+=(--rodir "/usr/lib/systemd=$here/vng")
	mkdir "$work/guest"
	guest_script >"$work/guest/script"
	ln -sf guest/report "$work/report"
}

guest_script() {
	cat <<-EOT
		echo booted >'$work/guest/report'
		mountpoint -q /sys/fs/bpf || mount -t bpf bpf /sys/fs/bpf
		ip link set lo up
		cd '$(pwd -P)'
		$(<"$work/command")
		echo "exit \$?" >>'$work/guest/report'
	EOT
}

# vng wants a terminal. What it starts, QEMU at the end of it, is alone in a process namespace
# whose first process the kernel ends when vm/run has ended.
start_vm() {
	: >"$work/guest/report"
	exec setpriv --pdeathsig KILL unshare --fork --pid --kill-child=KILL --mount-proc \
		script -qec "stty -onlcr; vng $(printf '%q ' "${vng_options[@]}" -- \
			bash "$work/guest/script") 2>$(printf '%q' "$work/qemu.log")" \
		/dev/null </dev/null
}
