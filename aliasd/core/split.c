/* SPDX-License-Identifier: ISC */
#include "aliasd/core/split.h"

#include <netinet/in.h>
#include <string.h>

#include "aliasd/core/cksum.h"
#include "common/wire.h"

#define ETH_LEN 14
#define IP_LEN 20
#define IP_LEN_MAX 60
#define UDP_LEN 8
#define ICMP_LEN 8
#define DONT_FRAGMENT 0x4000
#define MORE 0x2000
#define OFFSET 0x1fff
#define LIMIT_MIN 68 /* what every link takes (RFC 791) */

struct packet {
	uint8_t *ip;
	size_t ihl, total;
};

struct job {
	uint8_t ether[ETH_LEN];
	uint16_t limit;
	void (*send)(const uint8_t *, size_t, void *);
	void *arg;
	size_t pieces;
};

static uint16_t
get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

/* The length of the IP header, or 0. */
static size_t
header_len(const uint8_t *frame, size_t len)
{
	size_t ihl;

	if (len < ETH_LEN + IP_LEN || frame[12] != 0x08 || frame[13] != 0x00 ||
	    frame[ETH_LEN] >> 4 != 4)
		return 0;
	ihl = (size_t)(frame[ETH_LEN] & 0x0f) * 4;
	return ihl >= IP_LEN && len >= ETH_LEN + ihl ? ihl : 0;
}

bool
split_allowed(const uint8_t *frame, size_t len)
{
	return header_len(frame, len) != 0 && !(get16(frame + ETH_LEN + 6) & DONT_FRAGMENT);
}

/* Not to what is no host, not about the later fragments of a datagram, not about errors. */
static bool
may_be_answered(const uint8_t *ip, size_t ihl)
{
	uint8_t type = ip[ihl], net = ip[12];

	if (net == 0 || net == 127 || net >= 224 || (get16(ip + 6) & OFFSET) != 0)
		return false;
	return ip[9] != IPPROTO_ICMP || type == 8 || type == 13; /* echo and timestamp requests */
}

static void
put_ip(uint8_t *ip, const uint8_t *about, size_t total)
{
	static const uint8_t start[] = { 0x45, 0xc0, 0, 0, 0, 0, 0, 0, 64, IPPROTO_ICMP, 0, 0 };

	memcpy(ip, start, sizeof(start));
	memcpy(ip + 12, about + 16, 4);
	memcpy(ip + 16, about + 12, 4);
	wire_put_u16(ip + 2, (uint16_t)total);
	cksum_ip(ip, IP_LEN);
}

size_t
split_notice(uint8_t out[SPLIT_NOTICE_MAX], const uint8_t *frame, size_t len, uint16_t limit)
{
	size_t ihl = header_len(frame, len), quoted = ihl + 8;
	const uint8_t *ip = frame + ETH_LEN;
	uint8_t *icmp = out + ETH_LEN + IP_LEN;

	if (ihl == 0 || len < ETH_LEN + quoted || !may_be_answered(ip, ihl))
		return 0;
	memcpy(out, frame + 6, 6);
	memcpy(out + 6, frame, 6);
	memcpy(out + 12, frame + 12, 2);
	put_ip(out + ETH_LEN, ip, IP_LEN + ICMP_LEN + quoted);
	memset(icmp, 0, ICMP_LEN);
	icmp[0] = 3;
	icmp[1] = 4;
	wire_put_u16(icmp + 6, limit);
	memcpy(icmp + ICMP_LEN, ip, quoted);
	wire_put_u16(icmp + 2, cksum_fold(cksum_add(0, icmp, ICMP_LEN + quoted)));
	return ETH_LEN + IP_LEN + ICMP_LEN + quoted;
}

/* There is room for the Ethernet header before p->ip. */
static void
emit(struct job *job, const struct packet *p)
{
	wire_put_u16(p->ip + 2, (uint16_t)p->total);
	cksum_ip(p->ip, p->ihl);
	memcpy(p->ip - ETH_LEN, job->ether, ETH_LEN);
	job->send(p->ip - ETH_LEN, ETH_LEN + p->total, job->arg);
	job->pieces++;
}

/* Only some options go into the later fragments too: in place of the others, no operation. */
static void
blank_options(uint8_t *ip, size_t ihl)
{
	size_t i = IP_LEN, n;

	for (; i < ihl && ip[i] != 0; i += n) {
		n = ip[i] == 1 || i + 1 == ihl ? 1 : ip[i + 1];
		if (n == 0 || i + n > ihl)
			return;
		if (!(ip[i] & 0x80))
			memset(ip + i, 1, n);
	}
}

/* Each piece is put together where its payload is; what its header overwrites has been sent. */
static void
send_fragments(struct job *job, const struct packet *whole)
{
	size_t payload = whole->total - whole->ihl, step = (job->limit - whole->ihl) & ~(size_t)7, at, n;
	uint16_t field = get16(whole->ip + 6);
	uint8_t header[IP_LEN_MAX];
	struct packet p;

	if (whole->total <= job->limit) {
		emit(job, whole);
		return;
	}
	memcpy(header, whole->ip, whole->ihl);
	for (at = 0; at < payload; at += n) {
		n = payload - at < step ? payload - at : step;
		p = (struct packet){ .ip = whole->ip + at, .ihl = whole->ihl, .total = whole->ihl + n };
		memcpy(p.ip, header, p.ihl);
		wire_put_u16(p.ip + 6, (uint16_t)((field + at / 8) | (at + n < payload ? MORE : 0)));
		emit(job, &p);
		blank_options(header, p.ihl);
	}
}

/* Where it is in the header of that protocol; 0: nowhere. */
static size_t
checksum_place(const struct packet *p)
{
	size_t len = p->total - p->ihl;

	if (p->ip[9] == IPPROTO_TCP && len >= 20)
		return p->ihl + 16;
	return p->ip[9] == IPPROTO_UDP && len >= UDP_LEN ? p->ihl + 6 : 0;
}

/*
 * One that was left to a device holds the sum of the pseudo header alone. Any other is the sender's word,
 * right or wrong.
 */
static void
complete_checksum(const struct packet *p, bool anew)
{
	size_t place = checksum_place(p), len = p->total - p->ihl;
	uint32_t pseudo = cksum_pseudo(p->ip, len);
	uint16_t sum;

	if (place == 0 || (!anew && (get16(p->ip + place) ^ cksum_fold(pseudo)) != 0xffff))
		return;
	wire_put_u16(p->ip + place, 0);
	sum = cksum_fold(cksum_add(pseudo, p->ip + p->ihl, len));
	wire_put_u16(p->ip + place, sum == 0 && p->ip[9] == IPPROTO_UDP ? 0xffff : sum);
}

/* An aggregate of datagrams: its header stands for that of each. */
static void
send_segments(struct job *job, const struct packet *all, uint16_t segment)
{
	size_t headers = all->ihl + UDP_LEN, payload = all->total - headers, at, n;
	uint8_t header[IP_LEN_MAX + UDP_LEN];
	struct packet p;

	memcpy(header, all->ip, headers);
	for (at = 0; at < payload; at += n) {
		n = payload - at < segment ? payload - at : segment;
		p = (struct packet){ .ip = all->ip + at, .ihl = all->ihl, .total = headers + n };
		memcpy(p.ip, header, headers);
		wire_put_u16(p.ip + p.ihl + 4, (uint16_t)(UDP_LEN + n));
		complete_checksum(&p, true);
		send_fragments(job, &p);
		wire_put_u16(header + 4, (uint16_t)(get16(header + 4) + 1));
	}
}

size_t
split_frame(uint8_t *frame, size_t len, uint16_t limit, uint16_t segment,
    void (*send)(const uint8_t *frame, size_t len, void *arg), void *arg)
{
	struct packet p = { .ip = frame + ETH_LEN, .ihl = header_len(frame, len) };
	struct job job = { .limit = limit < LIMIT_MIN ? LIMIT_MIN : limit, .send = send, .arg = arg };

	if (p.ihl == 0)
		return 0;
	p.total = get16(p.ip + 2);
	if (p.total < p.ihl || p.total > len - ETH_LEN)
		return 0;
	memcpy(job.ether, frame, ETH_LEN);
	if (segment != 0 && p.ip[9] == IPPROTO_UDP && p.total > p.ihl + UDP_LEN) {
		send_segments(&job, &p, segment);
		return job.pieces;
	}
	if (!(get16(p.ip + 6) & (MORE | OFFSET)))
		complete_checksum(&p, segment != 0);
	send_fragments(&job, &p);
	return job.pieces;
}
