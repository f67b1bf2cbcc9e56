// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
//
// llhttp.js VERDICTS COUNT SEED FILE...: what our HTTP parser accepts, Node's strict
// llhttp accepts too, and understands the same. The messages: the files, what is put
// together of good and bad parts, and mutations of both. Prints "ok - ..." and
// "not ok - ..." lines, and notes where ours refuses what llhttp accepts.
'use strict';

const { spawnSync } = require('child_process');
const fs = require('fs');
const path = require('path');

const { HTTPParser, methods, allMethods } = process.binding('http_parser');
const methodNames = allMethods || methods;

// --- messages --------------------------------------------------------------------------

// mulberry32: the same messages in every run with one seed.
function randomFrom(seed) {
	let state = seed >>> 0;

	return (below) => {
		state = (state + 0x6d2b79f5) >>> 0;
		let mixed = Math.imul(state ^ (state >>> 15), state | 1);
		mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
		return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
	};
}

const requestLines = [
	'GET / HTTP/1.1', 'GET /a/b?c=d&e HTTP/1.1', 'POST /x HTTP/1.1', 'POST /x HTTP/1.1',
	'PUT /x%20y HTTP/1.1', 'HEAD / HTTP/1.0', 'POST / HTTP/1.0', 'DELETE /x HTTP/1.1',
	'OPTIONS * HTTP/1.1', 'PATCH /a;b=c HTTP/1.1', 'GET http://a/b?c HTTP/1.1',
	'GET http://a HTTP/1.1', 'CONNECT a:443 HTTP/1.1', 'TRACE / HTTP/1.1',
	'PROPFIND / HTTP/1.1', 'FOO / HTTP/1.1', '\r\nGET / HTTP/1.1', '\r\n\r\nGET / HTTP/1.1',
	'GET  / HTTP/1.1', 'GET / HTTP/1.1 ', 'GET / HTTP/1.2', 'GET / HTTP/2.0', 'GET /',
	'get / HTTP/1.1', 'GET /a#b HTTP/1.1', 'GET /\x80 HTTP/1.1', 'GET /"<>\\^`{|} HTTP/1.1',
];
const statusLines = [
	'HTTP/1.1 200 OK', 'HTTP/1.1 200 OK', 'HTTP/1.0 200 OK', 'HTTP/1.1 200 ',
	'HTTP/1.1 200', 'HTTP/1.1 404 Not Found', 'HTTP/1.1 304 Not Modified',
	'HTTP/1.1 204 No Content', 'HTTP/1.1 100 Continue', 'HTTP/1.1 101 Switching Protocols',
	'HTTP/1.1 999 x', 'HTTP/1.1 206 Partial \xe4', 'HTTP/1.1  200 OK', 'HTTP/1.1 20 OK',
	'HTTP/2.0 200 OK',
];
const fields = [
	'Content-Length: 5', 'Content-Length: 5', 'Content-Length: 0', 'Content-Length: 5 ',
	'Content-Length: +5', 'Content-Length: 5, 5', 'Content-Length: 0x5', 'Content-Length:',
	'Content-Length: 99999999999999999999', 'Content-Length : 5', 'Content-Length: 05',
	'Transfer-Encoding: chunked', 'Transfer-Encoding: chunked',
	'Transfer-Encoding: Chunked', 'Transfer-Encoding: gzip, chunked',
	'Transfer-Encoding: chunked, gzip', 'Transfer-Encoding: xchunked',
	'Transfer-Encoding: identity', 'Transfer-Encoding:\tchunked',
	'Transfer-Encoding: \x0bchunked', 'Transfer-Encoding : chunked',
	'Transfer_Encoding: chunked', 'Connection: close', 'Connection: keep-alive',
	'Connection: Keep-Alive, X-Mine', 'Connection: close, keep-alive',
	'Connection: upgrade', 'Connection: , ,close', 'Upgrade: websocket', 'Upgrade: h2c',
	'Expect: 100-continue', 'Expect: x', 'X-Mine: 1', 'Host: b', 'X: \t padded \t ', 'X:',
	'X: \xe4\xff', 'X: a\x01b', 'X: a\x7fb', 'X: a\0b', 'X', ': x', 'X Y: z',
	'X: y\r\n folded', ' X: y', 'X: y\nZ: y', 'X: y\rZ: y', "!#$%&'*+-.^_`|~: y",
	'Cookie: a=b; c=d', 'Accept: */*', 'Trailer: X', 'TE: trailers',
	'Proxy-Connection: close',
];
const bodies = [
	'', '', 'hello', 'hello', 'helloGET / HTTP/1.1\r\n\r\n', '0\r\n\r\n',
	'5\r\nhello\r\n0\r\n\r\n', '5\r\nhello\r\n0\r\n\r\n',
	'00005\r\nhello\r\n0\r\nX: y\r\nEmpty:\r\n\r\n', 'a\r\n0123456789\r\n0\r\n\r\n',
	'5;a=b;c="d\\"e;"\r\nhello\r\n0;x\r\n\r\n', '5 \r\nhello\r\n0\r\n\r\n',
	'5; a\r\nhello\r\n0\r\n\r\n', '5\nhello\n0\n\n', '0x5\r\nhello\r\n0\r\n\r\n',
	'+5\r\nhello\r\n0\r\n\r\n', '5\r\nhelloX\r\n0\r\n\r\n', 'ffffffffffffffff\r\nhello',
	'5\r\nhello\r\n0\r\nContent-Length: 5\r\n\r\n', '5;\nx\r\nhello\r\n0\r\n\r\n',
	'5\r\nhello\r\n0\r\nX : y\r\n\r\n', '5\r\nhello\r\n0\r\n y\r\n\r\n',
	'5\r\nhello0\r\n\r\n',
];
const oddBytes = [
	0, 1, 8, 9, 10, 11, 12, 13, 13, 10, 32, 32, 33, 34, 35, 44, 45, 48, 49, 53, 58, 59, 61,
	64, 65, 95, 97, 127, 128, 160, 255,
];

function pick(random, list) {
	return list[random(list.length)];
}

function compose(random) {
	const kind = pick(random, ['Q', 'Q', 'R', 'H']);
	let text = pick(random, kind === 'Q' ? requestLines : statusLines) + '\r\n';

	if (kind === 'Q' && random(20) !== 0)
		text += `Host: ${text.startsWith('CONNECT') ? 'a:443' : 'a'}\r\n`;
	for (let count = random(4); count > 0; count--)
		text += pick(random, fields) + '\r\n';
	return { kind, bytes: Buffer.from(text + '\r\n' + pick(random, bodies), 'latin1') };
}

function mutate(random, message) {
	let bytes = Buffer.from(message.bytes);

	for (let count = 1 + random(2); count > 0; count--) {
		const at = random(bytes.length + 1);
		const odd = Buffer.from([pick(random, oddBytes)]);
		const keep = at + random(2);

		switch (random(3)) {
		case 0: // replaced or put in
			bytes = Buffer.concat([bytes.subarray(0, at), odd, bytes.subarray(keep)]);
			break;
		case 1: // taken out
			bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1)]);
			break;
		default: { // something from elsewhere
			const from = random(bytes.length + 1);
			const piece = bytes.subarray(from, from + random(8));

			bytes = Buffer.concat([bytes.subarray(0, at), piece, bytes.subarray(at)]);
		}
		}
	}
	return { kind: message.kind, bytes };
}

function readSeeds(files) {
	return files.map((file) => ({
		kind: path.basename(path.dirname(file)) === 'http_request' ? 'Q' : 'R',
		bytes: fs.readFileSync(file),
	}));
}

function allMessages(files, count, seed) {
	const random = randomFrom(seed);
	const messages = readSeeds(files);
	const seeds = messages.length;

	while (messages.length < count) {
		const message = random(4) === 0 ? messages[random(seeds)] : compose(random);

		messages.push(random(2) === 0 ? message : mutate(random, message));
	}
	return messages;
}

// --- the two parsers -------------------------------------------------------------------

function ours(program, messages) {
	const input = Buffer.concat(messages.flatMap(({ kind, bytes }) => {
		const head = Buffer.alloc(5);

		head.write(kind, 0, 'latin1');
		head.writeUInt32BE(bytes.length, 1);
		return [head, bytes];
	}));
	const run = spawnSync(program, { input, maxBuffer: 1 << 30 });

	if (run.error || run.status !== 0)
		throw run.error || new Error(`${program}: ${run.stderr}`);
	return run.stdout.toString('latin1').trimEnd().split('\n')
		.map((line) => JSON.parse(line));
}

// What llhttp makes of bytes; `end`: then the connection ends.
function theirs(kind, bytes, end) {
	const parser = new HTTPParser();
	const seen = { head: false, complete: false, content: [], headers: [] };

	parser.initialize(kind === 'Q' ? HTTPParser.REQUEST : HTTPParser.RESPONSE, {}, 65536,
		HTTPParser.kLenientNone || 0);
	parser[HTTPParser.kOnHeaders | 0] = (headers) => {
		if (!seen.head)
			seen.headers.push(...headers);
	};
	parser[HTTPParser.kOnHeadersComplete | 0] =
		(major, minor, headers, method, url, status, reason, upgrade, keepAlive) => {
			seen.headers.push(...(headers || []));
			Object.assign(seen, { head: true, major, minor, url, status, reason });
			seen.keepAlive = keepAlive;
			seen.method = methodNames[method];
			// Its caller has to know that no content follows; old versions ask for 304 too.
			return kind === 'H' || status === 304 ? 1 : 0;
		};
	parser[HTTPParser.kOnBody | 0] = (chunk, from, length) => {
		seen.content.push(Buffer.from(from === undefined ? chunk :
			chunk.subarray(from, from + length)));
	};
	parser[HTTPParser.kOnMessageComplete | 0] = () => {
		seen.complete = true;
	};
	const result = parser.execute(Buffer.from(bytes));
	const ended = end && !(result instanceof Error) ? parser.finish() : undefined;

	seen.error = [result, ended].find((outcome) => outcome instanceof Error);
	parser.close();
	seen.content = Buffer.concat(seen.content).toString('latin1');
	return seen;
}

// --- comparison ------------------------------------------------------------------------

function text(hex) {
	return Buffer.from(hex, 'hex').toString('latin1');
}

function headDifference(verdict, seen, kind) {
	const headers = verdict.headers.flatMap(({ name, value }) => [text(name), text(value)]);

	if (seen.minor !== verdict.minor || seen.major !== 1)
		return 'version';
	if (kind === 'Q' && (seen.method !== text(verdict.method) ||
			seen.url !== text(verdict.target)))
		return 'method or target';
	if (kind !== 'Q' && (seen.status !== verdict.status ||
			seen.reason !== text(verdict.reason)))
		return 'status or reason';
	if (JSON.stringify(seen.headers) !== JSON.stringify(headers))
		return 'headers';
	if (keepAliveCounts(verdict, kind) && seen.keepAlive !== verdict.keep_alive)
		return 'keep-alive';
	return '';
}

// llhttp judges before it is told that the request was HEAD; it reads Proxy-Connection, which
// RFC 9112, C.2.2, tells to ignore; in HTTP/1.0 it lets keep-alive win over close (9.3).
function keepAliveCounts(verdict, kind) {
	const named = (name) => verdict.headers.filter((header) =>
		text(header.name).toLowerCase() === name).map(({ value }) => text(value));

	return kind !== 'H' && named('proxy-connection').length === 0 &&
		(verdict.minor === 1 || !/\bclose\b/i.test(named('connection')));
}

// What llhttp does not take although RFC 9112 and ours do.
function knownGap({ kind, bytes }, verdict) {
	if (kind === 'Q' && !methodNames.includes(text(verdict.method)))
		return 'a method that it does not list';
	if (/\n(content-length|transfer-encoding):[ \t]*\w+ *\t/i.test(bytes.toString('latin1')))
		return 'a tab behind the value of Content-Length or Transfer-Encoding';
	return '';
}

function difference(message, verdict) {
	const used = message.bytes.subarray(0, verdict.complete ? verdict.used : undefined);
	const untilClose = verdict.framing === 'close';
	const seen = theirs(message.kind, used, untilClose);

	if (seen.error)
		return `llhttp says ${seen.error.code || seen.error.message}`;
	if (!seen.head)
		return 'llhttp waits for more of the head';
	if (headDifference(verdict, seen, message.kind))
		return headDifference(verdict, seen, message.kind);
	if (seen.content !== text(verdict.content))
		return 'content';
	if (seen.complete !== (verdict.complete || untilClose))
		return 'end of the message';
	if (verdict.complete && theirs(message.kind, used.subarray(0, -1), false).complete)
		return 'end of the message: llhttp ends it earlier';
	return '';
}

function accepts(message) {
	const seen = theirs(message.kind, message.bytes, false);

	return seen.head && !seen.error;
}

function add(counts, key) {
	counts.set(key, (counts.get(key) || 0) + 1);
}

function main([program, count, seed, ...files]) {
	const messages = allMessages(files, Number(count), Number(seed));
	const verdicts = ours(program, messages);
	const differences = [];
	const stricter = new Map(), gaps = new Map();
	let accepted = 0, agreed = 0;

	messages.forEach((message, i) => {
		const verdict = verdicts[i];

		if (verdict.refusal !== 'none') {
			if (accepts(message))
				add(stricter, verdict.refusal);
			else
				agreed++;
		} else if (verdict.head && knownGap(message, verdict)) {
			add(gaps, knownGap(message, verdict));
		} else if (verdict.head) {
			const found = difference(message, verdict);

			accepted++;
			if (found)
				differences.push(`${found}: ${message.kind} ` +
					JSON.stringify(message.bytes.toString('latin1')));
		}
	});
	console.log(`# node ${process.version}, llhttp ${process.versions.llhttp}, seed ${seed}: ` +
		`${messages.length} messages, ours accepts ${accepted}, both refuse ${agreed}`);
	for (const [refusal, times] of [...stricter].sort((a, b) => b[1] - a[1]))
		console.log(`# ours is stricter: ${refusal} (${times})`);
	for (const [gap, times] of gaps)
		console.log(`# llhttp does not know: ${gap} (${times})`);
	differences.slice(0, 20).forEach((line) => console.log(`# ${line}`));
	const verdict = (holds, claim) => console.log(`${holds ? 'ok' : 'not ok'} - ${claim}`);
	verdict(accepted > messages.length / 10, 'enough messages are accepted to compare');
	verdict(agreed > messages.length / 10, 'enough messages are refused by both');
	verdict(differences.length === 0,
		`llhttp agrees on what ours accepts (${differences.length} differences)`);
	process.exitCode = differences.length ? 1 : 0;
}

main(process.argv.slice(2));
