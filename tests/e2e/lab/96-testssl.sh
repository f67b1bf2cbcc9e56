#!/bin/bash
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# timeout: 300
# What testssl.sh finds at the VIP: nothing above LOW. What it says of the authority, which is the
# lab's own, known to nobody else and without a revocation list, is no finding about the proxy.
source "$(dirname -- "$0")/../lib.sh"

command -v testssl >/dev/null || {
	echo "# skip: testssl.sh is not installed"
	exit 0
}

ours_alone='^(cert_trust|cert_chain_of_trust|cert_crlDistributionPoints|cert_ocspURL|
	cert_revocation|cert_notAfter|cert_expirationStatus|cert_extlifeSpan|DNS_CAArecord|
	overall_grade|grade_cap.*)$'

on user testssl --quiet --color 0 --ip one --warnings off --sneaky --phone-out \
	--add-ca "$PKI/ca.pem" --protocols --std --fs --server-preference --server-defaults \
	--headers --vulnerable --jsonfile "$scratch/found.json" "https://$SITE/" \
	>"$scratch/testssl.log" 2>&1 </dev/null
found=$(jq -r --arg ours "${ours_alone//[$'\n\t ']/}" '.[]
	| select(.severity | IN("MEDIUM", "HIGH", "CRITICAL", "FATAL"))
	| select(.id | test($ours) | not) | "\(.severity) \(.id): \(.finding)"' \
	"$scratch/found.json")
compare "things that testssl.sh looked at" "$(jq length "$scratch/found.json")" '>' 80
is "findings above LOW" "$found" ""
offered=$(jq -r '[.[] | select(.id | test("^(SSLv|TLS1)"))
	| select(.finding | test("^offered")) | .id] | sort | join(" ")' "$scratch/found.json")
is "TLS 1.2 and TLS 1.3, nothing older" "$offered" "TLS1_2 TLS1_3"
