# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# shellcheck shell=bash disable=SC2034,SC2154 # options: of vm/run
# The virtual machine of vm/run: QEMU with a small initramfs of our own (vm/initramfs),
# which needs nothing of the host but static busybox, and boots in seconds.

boot_limit_s=120
modules=(virtio_pci 9p 9pnet_virtio overlay veth virtio_net)

prepare_vm() {
	make_initramfs
}

# Copies the modules that reach the host's files, in the order of their dependencies.
add_modules() {
	local to=$1/modules name file n=10

	mkdir "$to"
	for name in "${modules[@]}"; do
		modprobe -d "$tree" -S "$release" --show-depends "$name"
	done | awk '$1 == "insmod" && !seen[$2]++ { print $2 }' >"$work/insmod"
	while read -r file; do
		name=$n-$(basename "${file%.xz}")
		case $file in
		*.xz) xz -dc "$file" >"$to/$name" ;;
		*) cp "$file" "$to/$name" ;;
		esac
		echo "$name" >>"$to/order"
		n=$((n + 1))
	done <"$work/insmod"
}

make_initramfs() {
	local root=$work/root applet

	mkdir -p "$root"/{bin,proc,dev}
	cp "$(command -v busybox)" "$root/bin/busybox"
	for applet in sh mount umount insmod mkdir cp switch_root; do
		ln -s busybox "$root/bin/$applet"
	done
	cp "$here/initramfs/init" "$here/initramfs/guest" "$work/command" "$root/"
	pwd -P >"$root/directory"
	echo "$module_dir" >"$root/modules.path"
	echo "$share" >"$root/share"
	add_modules "$root"
	(cd "$root" && find . | busybox cpio -o -H newc 2>/dev/null) >"$work/initramfs"
}

# Locally administered: 02, the segment or 0, chance, and which interface of the guest it is.
any_mac() {
	printf '02:%02x:%02x:%02x:%02x:%02x\n' $(($1 >> 8)) $(($1 & 255)) \
		$((RANDOM & 255)) $((RANDOM & 255)) "$2"
}

# net_options N SEGMENT MAC: a multicast group on the loopback interface, which is a hub
# without a process of its own.
net_options() {
	local group=239.192.$(($2 >> 8)).$(($2 & 255)):7999

	printf '%s\n' -netdev "socket,id=net$1,mcast=$group,localaddr=127.0.0.1" \
		-device "virtio-net-pci,netdev=net$1,mac=$3"
}

# link_options N PORT:PORT MAC
link_options() {
	local ends="udp=127.0.0.1:${2#*:},localaddr=127.0.0.1:${2%:*}"

	printf '%s\n' -netdev "socket,id=net$1,$ends" -device "virtio-net-pci,netdev=net$1,mac=$3"
}

# tap_options N NAME MAC: two vectors for each pair of queues, and two more.
tap_options() {
	local netdev="tap,id=net$1,ifname=$2,script=no,downscript=no" device=''

	if [ "$queues" -gt 1 ]; then
		netdev+=,queues=$queues
		device=,mq=on,vectors=$((2 * queues + 2))
	fi
	printf '%s\n' -netdev "$netdev" -device "virtio-net-pci,netdev=net$1,mac=$3$device"
}

network_options() {
	local interface kind value name mac number n=0

	for interface in ${interfaces[@]+"${interfaces[@]}"}; do
		read -r kind value <<<"$interface"
		name=${value%%,*}
		mac=${value#"$name"}
		mac=${mac#,}
		number=0
		[ "$kind" != net ] || number=$name
		"${kind}_options" $n "$name" "${mac:-$(any_mac "$number" $n)}"
		n=$((n + 1))
	done
}

virtfs() {
	echo "local,path=$2,mount_tag=$1,security_model=none,multidevs=remap${3-}"
}

# On a busy machine an emulated timer is late, and the kernel would panic for it: no_timer_check.
# Becomes QEMU, which the kernel ends when vm/run has ended, also when that was killed.
start_vm() {
	local network shared=()

	mapfile -t network < <(network_options)
	[ -z "$share" ] || shared=(-virtfs "$(virtfs share "$share")")
	: >"$work/report"
	exec setpriv --pdeathsig KILL \
		qemu-system-x86_64 -machine q35 -accel "${accel/#tcg/tcg,thread=multi}" \
		-cpu max -smp "$cpus" -m "$memory" \
		-nodefaults -no-user-config -display none -no-reboot \
		-kernel "$vmlinuz" -initrd "$work/initramfs" \
		-append "console=ttyS0 quiet panic=-1 mitigations=off no_timer_check" \
		-virtfs "$(virtfs host / ,readonly=on)" ${shared[@]+"${shared[@]}"} \
		${network[@]+"${network[@]}"} \
		-serial "file:$work/console" -serial stdio -serial "file:$work/report" \
		</dev/null 2>"$work/qemu.log"
}
