/* SPDX-License-Identifier: ISC */
#include <arpa/inet.h>

#include "common/addr.h"
#include "tests/unit/unit.h"

START_TEST(text)
{
	const uint8_t mac[6] = { 0x02, 0, 0xab, 0xcd, 0xef, 0xff };
	const struct in_addr longest = { .s_addr = htonl(0xfffefdfc) };

	ck_assert_str_eq(addr_ip((struct in_addr){ 0 }).s, "0.0.0.0");
	ck_assert_str_eq(addr_ip(longest).s, "255.254.253.252");
	ck_assert_str_eq(addr_mac(mac).s, "02:00:ab:cd:ef:ff");
}
END_TEST

START_TEST(masks)
{
	ck_assert_uint_eq(ntohl(addr_mask(0).s_addr), 0);
	ck_assert_uint_eq(ntohl(addr_mask(1).s_addr), 0x80000000);
	ck_assert_uint_eq(ntohl(addr_mask(24).s_addr), 0xffffff00);
	ck_assert_uint_eq(ntohl(addr_mask(32).s_addr), 0xffffffff);
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = { text, masks, NULL };

	return unit_run("addr", tests);
}
