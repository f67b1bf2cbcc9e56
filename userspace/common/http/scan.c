/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#include "http/scan.h"

#define VISIBLE (HTTP_C_VALUE | HTTP_C_TARGET | HTTP_C_ETAG)
#define TCHAR	(VISIBLE | HTTP_C_TOKEN)
#define ALPHA	(TCHAR | HTTP_C_NAME)
#define HEX	(ALPHA | HTTP_C_HEX)
#define DIGIT	(HEX | HTTP_C_DIGIT)

const uint8_t http_class[256] = {
	['\t'] = HTTP_C_VALUE,
	[' '] = HTTP_C_VALUE,
	['!'] = TCHAR,
	['"'] = VISIBLE & ~HTTP_C_ETAG,
	['#'] = TCHAR & ~HTTP_C_TARGET,
	['$' ... '\''] = TCHAR,
	['(' ... ')'] = VISIBLE,
	['*' ... '+'] = TCHAR,
	[','] = VISIBLE,
	['-' ... '.'] = ALPHA,
	['/'] = VISIBLE,
	['0' ... '9'] = DIGIT,
	[':' ... '@'] = VISIBLE,
	['A' ... 'F'] = HEX,
	['G' ... 'Z'] = ALPHA,
	['[' ... ']'] = VISIBLE,
	['^'] = TCHAR,
	['_'] = ALPHA,
	['`'] = TCHAR,
	['a' ... 'f'] = HEX,
	['g' ... 'z'] = ALPHA,
	['{'] = VISIBLE,
	['|'] = TCHAR,
	['}'] = VISIBLE,
	['~'] = TCHAR,
	[0x80 ... 0xff] = HTTP_C_VALUE | HTTP_C_ETAG,
};
