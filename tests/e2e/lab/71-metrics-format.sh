#!/bin/bash
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# What every agent exposes is well-formed: promtool has nothing to say about it.
source "$(dirname -- "$0")/../lib.sh"

mapfile -t nodes < <(cluster '.nodes | to_entries[] | select(.value.agent.metrics).key')
compare "nodes with an agent" ${#nodes[@]} '>=' ${#DATA_PLANES[@]}
for node in "${nodes[@]}"; do
	metrics_of "$node" >"$scratch/metrics" || not_ok "$node: /metrics" "no answer"
	compare "$node: samples" "$(grep -c '^sluice_' "$scratch/metrics")" '>' 0
	is "$node: promtool check metrics" "$(promtool check metrics <"$scratch/metrics" 2>&1)" ""
done
