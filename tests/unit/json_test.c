/* SPDX-License-Identifier: ISC */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "tests/unit/unit.h"

static struct json j;
static char *text;
static size_t size;

static void
begin(void)
{
	json_begin(&j, open_memstream(&text, &size));
}

static void
expect(const char *want)
{
	json_finish(&j);
	fclose(j.out);
	ck_assert_str_eq(text, want);
	free(text);
}

START_TEST(empty)
{
	begin();
	expect("{\n\t\"schema\": 1\n}\n");
}
END_TEST

START_TEST(nesting)
{
	begin();
	json_array(&j, "nodes");
	json_object(&j, NULL);
	json_uint(&j, "id", UINT64_MAX);
	json_int(&j, "d", INT64_MIN);
	json_object_end(&j);
	json_null(&j, NULL);
	json_array_end(&j);
	json_array(&j, "none");
	json_array_end(&j);
	json_object(&j, "o");
	json_object_end(&j);
	json_bool(&j, "t", true);
	expect("{\n\t\"schema\": 1,\n\t\"nodes\": [\n\t\t{\n\t\t\t\"id\": 18446744073709551615,\n"
	       "\t\t\t\"d\": -9223372036854775808\n\t\t},\n\t\tnull\n\t],\n\t\"none\": [],\n"
	       "\t\"o\": {},\n\t\"t\": true\n}\n");
}
END_TEST

START_TEST(escapes)
{
	begin();
	json_str(&j, "k\"\\", "a\n\t\x01\x7f");
	json_str(&j, "utf8", "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80");
	json_str(&j, "bad", "\xc3(\xff\xc0\x80\xed\xa0\x80\xe2\x82");
	expect("{\n\t\"schema\": 1,\n\t\"k\\\"\\\\\": \"a\\n\\t\\u0001\\u007f\",\n"
	       "\t\"utf8\": \"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\",\n"
	       "\t\"bad\": \"\xef\xbf\xbd(\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"
	       "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"\n}\n");
}
END_TEST

START_TEST(doubles)
{
	begin();
	json_double(&j, "half", 0.5);
	json_double(&j, "nan", (double)NAN);
	json_double(&j, "inf", -(double)INFINITY);
	expect("{\n\t\"schema\": 1,\n\t\"half\": 0.5,\n\t\"nan\": null,\n\t\"inf\": null\n}\n");
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = { empty, nesting, escapes, doubles, NULL };

	return unit_run("json", tests);
}
