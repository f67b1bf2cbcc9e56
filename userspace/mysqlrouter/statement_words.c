/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The lists are words in lower case, separated by blanks. They are put into a
 * hash table when the program starts: a word costs one look-up, whatever it is.
 */
#include "statement_words.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "compiler.h"

#define SLOTS	       2048 /* a power of two, more than twice the words */
#define WORD_MAX_BYTES 40

static const struct {
	uint16_t property;
	const char *words;
} lists[] = {
	{WORD_PURE,
	 "abs acos adddate addtime aes_decrypt aes_encrypt any_value ascii asin atan atan2 avg bin "
	 "bin_to_uuid bit_and bit_count bit_length bit_or bit_xor cast ceil ceiling char_length "
	 "character_length chr coalesce coercibility collation column_get column_json "
	 "column_list compress concat concat_ws conv convert convert_tz cos cot count crc32 "
	 "crc32c cume_dist curdate current_date current_time current_timestamp current_user "
	 "curtime database date date_add date_format date_sub datediff day dayname dayofmonth "
	 "dayofweek dayofyear degrees dense_rank elt exp export_set extract "
	 "extractvalue field find_in_set first_value floor format format_bytes format_pico_time "
	 "from_base64 from_days from_unixtime geomfromtext geometrycollection get_format greatest "
	 "group_concat grouping hex hour if ifnull inet6_aton inet6_ntoa inet_aton "
	 "inet_ntoa insert instr interval is_ipv4 is_ipv4_compat is_ipv4_mapped is_ipv6 is_uuid "
	 "isnull lag last_day last_value lcase lead least left length lengthb ln localtime "
	 "localtimestamp locate log log10 log2 lower lpad ltrim make_set makedate maketime match "
	 "max md5 median microsecond mid min minute mod month monthname natural_sort_key now "
	 "nth_value ntile nullif nvl nvl2 oct octet_length ord percent_rank percentile_cont "
	 "percentile_disc period_add period_diff pi point polygon linestring pow power quarter "
	 "quote radians rand random_bytes rank regexp_instr regexp_like regexp_replace "
	 "regexp_substr repeat replace reverse right round row_number rpad rtrim schema "
	 "sec_to_time "
	 "second session_user sformat sha sha1 sha2 sign sin sleep soundex space sqrt std stddev "
	 "stddev_pop stddev_samp str_to_date strcmp subdate substr substring substring_index "
	 "subtime sum sysdate system_user tan time time_format time_to_sec timediff timestamp "
	 "timestampadd timestampdiff to_base64 to_char to_days to_seconds trim truncate ucase "
	 "uncompress uncompressed_length unhex unix_timestamp updatexml upper user utc_date "
	 "utc_time utc_timestamp uuid uuid_to_bin validate_password_strength values var_pop "
	 "var_samp variance version week weekday weekofyear weight_string year yearweek "
	 "json_array json_array_append json_array_insert json_arrayagg json_compact json_contains "
	 "json_contains_path json_depth json_detailed json_equals json_exists json_extract "
	 "json_insert json_keys json_length json_loose json_merge json_merge_patch "
	 "json_merge_preserve json_normalize json_object json_object_filter_keys "
	 "json_object_to_array "
	 "json_objectagg json_overlaps json_pretty json_query json_quote json_remove json_replace "
	 "json_schema_valid json_schema_validation_report json_search json_set json_storage_free "
	 "json_storage_size json_table json_type json_unquote json_valid json_value "
	 "st_area st_asbinary st_asgeojson st_astext st_aswkb st_aswkt st_boundary st_buffer "
	 "st_centroid st_contains st_convexhull st_crosses st_difference st_dimension st_disjoint "
	 "st_distance st_distance_sphere st_endpoint st_envelope st_equals st_exteriorring "
	 "st_geohash st_geomcollfromtext st_geometryfromtext st_geometryn st_geometrytype "
	 "st_geomfromgeojson st_geomfromtext st_geomfromwkb st_interiorringn st_intersection "
	 "st_intersects st_isclosed st_isempty st_issimple st_isvalid st_latitude st_length "
	 "st_linefromtext st_longitude st_makeenvelope st_numgeometries st_numinteriorrings "
	 "st_numpoints st_overlaps st_point st_pointfromtext st_pointn st_polyfromtext st_polygon "
	 "st_relate st_simplify st_srid st_startpoint st_touches st_transform st_union st_within "
	 "st_x st_y"},
	{WORD_KEYWORD,
	 "against all and any as asc between bigint binary by case char character cube datetime "
	 "decimal desc distinct distinctrow div double else end escape except exists float force "
	 "from having ignore in index int integer intersect is join key lateral like limit nchar "
	 "not offset on or order over partition regexp rlike rollup row select signed some "
	 "sounds straight_join then union unsigned use using values varchar when where with "
	 "within xor"},
	{WORD_STOPS,
	 "analyze delete information_schema insert into lock nextval performance_schema procedure "
	 "replace setval sys update"},
	{WORD_SAME, "found_rows row_count"},
	{WORD_PINS, "get_lock service_get_read_locks service_get_write_locks"},
	{WORD_SETTABLE,
	 "autocommit big_tables character_set_client character_set_connection "
	 "character_set_results collation_connection cte_max_recursion_depth "
	 "default_storage_engine default_week_format div_precision_increment "
	 "eq_range_index_dive_limit foreign_key_checks group_concat_max_len "
	 "innodb_lock_wait_timeout interactive_timeout join_buffer_size lc_messages lc_time_names "
	 "lock_wait_timeout low_priority_updates max_error_count max_execution_time "
	 "max_heap_table_size max_join_size max_length_for_sort_data max_recursive_iterations "
	 "max_seeks_for_key max_sort_length max_statement_time net_buffer_length net_read_timeout "
	 "net_retry_count net_write_timeout old_mode optimizer_prune_level optimizer_search_depth "
	 "optimizer_switch profiling query_cache_type range_alloc_block_size read_buffer_size "
	 "read_rnd_buffer_size sort_buffer_size sql_auto_is_null sql_big_selects sql_big_result "
	 "sql_buffer_result sql_mode sql_notes sql_quote_show_create sql_safe_updates "
	 "sql_select_limit sql_warnings time_zone tmp_table_size transaction_isolation "
	 "transaction_read_only tx_isolation tx_read_only unique_checks wait_timeout"},
	{WORD_READABLE,
	 "auto_increment_increment auto_increment_offset back_log character_set_database "
	 "character_set_server character_set_system collation_database collation_server "
	 "have_profiling have_ssl hostname init_connect innodb_version license "
	 "lower_case_file_system lower_case_table_names max_allowed_packet max_connections "
	 "performance_schema port protocol_version query_cache_size report_host server_id "
	 "server_uuid skip_networking ssl_cipher storage_engine system_time_zone version "
	 "version_comment version_compile_machine version_compile_os version_ssl_library"},
	{WORD_READ_SHOW,
	 "charset collation collations columns create databases engines fields full index indexes "
	 "keys schemas table tables triggers"},
	{WORD_UNSAFE, "big5 cp932 gb18030 gbk sjis"},
};

struct slot {
	const char *word;
	uint8_t length;
	uint16_t properties;
};

static struct slot slots[SLOTS];

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

static size_t hash(const char *word, size_t length)
{
	uint32_t sum = 2166136261u; /* FNV-1a */

	for (size_t i = 0; i < length; i++)
		sum = (sum ^ (unsigned char)lower(word[i])) * 16777619u;
	return sum ^ sum >> 15;
}

static bool same(const char *word, const char *lower_word, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (lower(word[i]) != lower_word[i])
			return false;
	return true;
}

/* The word's slot, or the empty one where it belongs. */
static struct slot *find(const char *word, size_t length)
{
	for (size_t at = hash(word, length);; at++) {
		struct slot *slot = &slots[at & (SLOTS - 1)];

		if (!slot->word || (slot->length == length && same(word, slot->word, length)))
			return slot;
	}
}

static void add_words(const char *words, uint16_t property)
{
	for (size_t length; *words; words += length) {
		struct slot *slot;

		words += strspn(words, " ");
		length = strcspn(words, " ");
		slot = find(words, length);
		slot->word = words;
		slot->length = (uint8_t)length;
		slot->properties |= property;
	}
}

__attribute__((constructor)) static void fill_slots(void)
{
	for (size_t i = 0; i < ARRAY_LEN(lists); i++)
		add_words(lists[i].words, lists[i].property);
}

uint16_t word_properties(struct span word)
{
	if (word.length > WORD_MAX_BYTES)
		return 0;
	return find(word.bytes, word.length)->properties;
}
