#!/bin/bash
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# timeout: 120
#
# Files as clients of the web server see them: types, validators, conditions,
# ranges, compressed forms, changes; and what is no file of the site.
set -uo pipefail
# shellcheck source=tests/lib/web_net.sh
source tests/lib/web_net.sh

# shellcheck disable=SC2317 # called by name
is_same() {
	get "$1" | cmp - "$site$1"
}

# answers PATH STATUS: in clear words, and without a byte of the secret.
answers() {
	local seen
	seen=$(get "$1" -w '%{http_code}')
	is "$1 is answered with $2" "${seen: -3}" "$2"
	unlike "$1 gives nothing away" "$seen" 'secret'
}

make_site() {
	echo "secret" >"$net_dir/secret"
	mkdir -p "$site/sub/deeper" "$site/.git" "$site/.well-known"
	echo '<p>home' >"$site/index.html"
	echo '<p>sub' >"$site/sub/index.html"
	head -c 3000 /dev/urandom >"$site/small.bin"
	head -c 200000 /dev/urandom >"$site/large.bin"
	: >"$site/empty.txt"
	seq 1 200 >"$site/style.css"
	gzip -k "$site/style.css"
	echo "as if it were brotli" >"$site/style.css.br"
	for name in page.html data.json shop.js logo.svg photo.JPG font.woff2 README; do
		echo "$name" >"$site/$name"
	done
	echo "secret" | tee "$site/.env" "$site/.git/config" "$site/sub/.hidden" >/dev/null
	echo "proof" >"$site/.well-known/proof"
	echo "with blank" >"$site/a file.txt"
	ln -s small.bin "$site/inside"
	ln -s "$net_dir/secret" "$site/outside"
	ln -s ../../secret "$site/sub/outside"
	ln -s /proc/self/environ "$site/magic"
	mkfifo "$site/fifo"
	echo "secret" >"$site/unreadable.txt"
	chmod -R a+rX "$net_dir"
	chmod 600 "$site/unreadable.txt"
}

make_site
web_config <<<""
web_start

# --- content --------------------------------------------------------------------

for path in /small.bin /large.bin /empty.txt /style.css; do
	check "$path comes as it is" is_same "$path"
done
is "a directory shows its index" "$(get /sub/)" "<p>sub"
is "a directory without the slash leads to it" \
	"$(head_of '/sub?a=b' | field Location)" "/sub/?a=b"
is "and to this host alone" "$(head_of '//sub' | field Location)" "/sub/"
is "a directory without an index is not listed" "$(status /sub/deeper/)" 404
is "percent encoding is decoded" "$(get '/a%20file.txt')" "with blank"
check "a link inside of the site is followed" cmp "$site/small.bin" <(get /inside)
is "/.well-known is served" "$(get /.well-known/proof)" proof

while read -r path type; do
	is "the type of $path" "$(head_of "$path" | field Content-Type)" "$type"
done <<-'TYPES'
	/page.html text/html; charset=utf-8
	/style.css text/css; charset=utf-8
	/shop.js text/javascript; charset=utf-8
	/data.json application/json
	/logo.svg image/svg+xml
	/photo.JPG image/jpeg
	/font.woff2 font/woff2
	/README application/octet-stream
TYPES

is "HEAD has the length and no body" \
	"$(printf 'HEAD /large.bin HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n' | raw |
		tr -d '\r' | sed -n '/^Content-Length/p; /^$/,$p')" "Content-Length: 200000"
is "POST is not allowed" "$(status /page.html -d x)" 405
is "and it is said what is" "$(head_of /page.html -X DELETE | field Allow)" "GET, HEAD, OPTIONS"
is "OPTIONS tells" "$(head_of /page.html -X OPTIONS | field Allow)" "GET, HEAD, OPTIONS"
is "OPTIONS * tells" "$(printf 'OPTIONS * HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n' |
	raw | field Allow)" "GET, HEAD, OPTIONS"

# --- conditions -----------------------------------------------------------------

head=$(head_of /page.html)
etag=$(field ETag <<<"$head") modified=$(field Last-Modified <<<"$head")
like "the entity tag is strong" "$etag" '^"[0-9a-f-]+"$'
is "Last-Modified is the file's" "$modified" \
	"$(date -u -r "$site/page.html" '+%a, %d %b %Y %H:%M:%S GMT')"
before=$(date -u -d "$modified - 1 hour" '+%a, %d %b %Y %H:%M:%S GMT')

while IFS='|' read -r expected first second; do
	is "$first${second:+, $second: $expected}" \
		"$(status /page.html -H "$first" ${second:+-H "$second"})" "$expected"
done <<-CONDITIONS
	304|If-None-Match: $etag
	304|If-None-Match: W/$etag
	304|If-None-Match: "x", $etag
	304|If-None-Match: *
	200|If-None-Match: "x"
	304|If-Modified-Since: $modified
	200|If-Modified-Since: $before
	200|If-Modified-Since: yesterday
	200|If-None-Match: "x"|If-Modified-Since: $modified
	304|If-None-Match: $etag|If-Modified-Since: $before
	200|If-Match: $etag
	200|If-Match: *
	412|If-Match: "x"
	412|If-Match: W/$etag
	200|If-Unmodified-Since: $modified
	412|If-Unmodified-Since: $before
	200|If-Match: $etag|If-Unmodified-Since: $before
	304|If-Match: $etag|If-None-Match: $etag
	412|If-Match: "x"|If-None-Match: $etag
CONDITIONS
is "304 has the validators and no length" \
	"$(head_of /page.html -H "If-None-Match: $etag" | grep -c '^ETag\|^Last-Mod\|^Content')" 2

# --- ranges ---------------------------------------------------------------------

check "single and several ranges are those bytes of the file" \
	python3 tests/e2e/tools/ranges.py "http://$at/large.bin" "$site/large.bin"
check "the same of a file in memory" \
	python3 tests/e2e/tools/ranges.py "http://$at/small.bin" "$site/small.bin"
is "If-Range with the entity tag gives the range" \
	"$(status /page.html -H 'Range: bytes=0-1' -H "If-Range: $etag")" 206
is "If-Range with another gives all" \
	"$(status /page.html -H 'Range: bytes=0-1' -H 'If-Range: "x"')" 200
is "If-Range with the date gives the range" \
	"$(status /page.html -H 'Range: bytes=0-1' -H "If-Range: $modified")" 206
is "If-Range with an earlier date gives all" \
	"$(status /page.html -H 'Range: bytes=0-1' -H "If-Range: $before")" 200
is "a range behind the end cannot be satisfied" \
	"$(head_of /page.html -H 'Range: bytes=999-' | field Content-Range)" "bytes */10"
is "nor can one of an empty file" "$(status /empty.txt -H 'Range: bytes=0-')" 416
is "too many ranges are answered with all" \
	"$(status /large.bin -H "Range: bytes=$(seq -s, 0 2 60 | sed 's/[0-9]*/&-&/g')")" 200

# --- compressed forms -----------------------------------------------------------

encoding() {
	head_of /style.css -H "Accept-Encoding: $1" | field Content-Encoding
}

is "brotli is preferred" "$(encoding 'gzip, deflate, br')" br
is "gzip is for who takes that alone" "$(encoding gzip)" gzip
is "weights are heeded" "$(encoding 'br;q=0.5, gzip;q=0.8')" gzip
is "a weight of 0 is a refusal" "$(encoding 'br;q=0, gzip;q=0')" ""
is "* takes anything" "$(encoding '*')" br
is "nothing is said to who says nothing" "$(encoding '')" ""
check "the compressed bytes are those of the file" \
	cmp "$site/style.css.gz" <(get /style.css -H 'Accept-Encoding: gzip')
check "and decompress to the original" \
	cmp "$site/style.css" <(get /style.css --compressed -H 'Accept-Encoding: gzip')
is "each form has its own entity tag" "$(for accept in gzip br ''; do
	head_of /style.css -H "Accept-Encoding: $accept" | field ETag
done | sort -u | wc -l)" 3
is "all say that they vary" "$(for accept in gzip br ''; do
	head_of /style.css -H "Accept-Encoding: $accept" | field Vary
done | sort | uniq -c | xargs)" "3 Accept-Encoding"
is "the type is that of the original" \
	"$(head_of /style.css -H 'Accept-Encoding: gzip' | field Content-Type)" \
	"text/css; charset=utf-8"

# --- what is no file of the site -------------------------------------------------

answers /nothing 404
answers /page.html/more 404
answers /.env 404
answers /.git/config 404
answers /sub/.hidden 404
answers /sub/%2ehidden 404
answers /outside 404
answers /sub/outside 404
answers /magic 404
answers /fifo 404
answers /unreadable.txt 404
answers /../secret 400
answers /%2e%2e/secret 400
answers /sub/../../secret 400
answers /sub/..%2f..%2fsecret 400
answers /sub%2findex.html 400
answers '/..\secret' 400
answers /%5c..%5csecret 400
answers /page.html%00.txt 400
answers /%zz 400
answers /%c0%ae%c0%ae/secret 404
answers /sub/../.env 404
is "dot segments inside of the site are resolved" "$(get /sub/../page.html)" page.html
is "an absolute target is understood" \
	"$(printf 'GET http://a/page.html HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n' | raw |
		tail -n 1)" page.html
is "but leads no further" \
	"$(printf 'GET http://a/../secret HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n' | raw |
		head -n 1 | tr -d '\r')" "HTTP/1.1 400 Bad Request"
long=$(printf 'x%.0s' $(seq 5000))
is "a name that is too long is told apart" "$(status "/$long")" 414

# --- changes --------------------------------------------------------------------

# Each worker looks at a file again after a second.
settle() {
	sleep 1.1
}

echo "another page" >"$site/page.html"
settle
is "a file that was written to is seen" "$(get /page.html)" "another page"
is "under another entity tag" "$(status /page.html -H "If-None-Match: $etag")" 200
echo "a new page" >"$site/new" && mv "$site/new" "$site/page.html"
settle
is "a file that was put in its place is seen" "$(get /page.html)" "a new page"
get /later.html >/dev/null
echo "here now" >"$site/later.html"
settle
is "a file that was missing is seen" "$(get /later.html)" "here now"
rm "$site/later.html"
echo "changed" >"$site/style.css"
settle
is "a file that was removed is missed" "$(status /later.html)" 404
is "a compressed form that is older than its file is left alone" "$(encoding gzip)" ""
mv "$site" "$site.old" && mkdir "$site" && echo "new site" >"$site/page.html"
chmod 755 "$site"
settle
is "a directory that was put in the site's place is used" "$(get /page.html)" "new site"
rm -rf "$site" && mv "$site.old" "$site"
settle
check "and back" is_same /large.bin

exec 7< <(curl -sS --limit-rate 100k --max-time 20 "http://$at/large.bin" | sha256sum)
sleep 0.3
expected=$(sha256sum <"$site/large.bin")
rm "$site/large.bin"
is "a file that is removed meanwhile is sent to its end" "$(cat <&7)" "$expected"

check "metrics are clean" promtool check metrics < <(curl -s "http://$metrics_at/metrics")
like "files were found open" "$(metric sluice_web_file_hits_total)" '^[1-9]'
