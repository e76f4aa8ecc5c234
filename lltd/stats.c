/* SPDX-License-Identifier: ISC */
#include "lltd/stats.h"

static const struct {
	const char *key;
	const char *text;
} names[STAT_COUNT] = {
	[STAT_SND_FRAMES] = { "snd_frames", "Snd frames" },
	[STAT_RCV_FRAMES] = { "rcv_frames", "Rcv frames" },
	[STAT_SND_DATA] = { "snd_data", "Snd data packets" },
	[STAT_RCV_DATA] = { "rcv_data", "Rcv data packets" },
	[STAT_SND_RESENT] = { "snd_retransmit", "Snd retransmit data" },
	[STAT_SND_FAST] = { "snd_overtaken", "Snd retransmit, overtaken" },
	[STAT_SND_TIMEOUTS] = { "snd_timeouts", "Snd retransmit, timed out" },
	[STAT_SND_ACKS] = { "snd_acks", "Snd independent ACKs" },
	[STAT_RCV_ACKS] = { "rcv_acks", "Rcv ACKs" },
	[STAT_SND_HEARTBEATS] = { "snd_heartbeats", "Snd heartbeats" },
	[STAT_RCV_HEARTBEATS] = { "rcv_heartbeats", "Rcv heartbeats" },
	[STAT_SND_HELLOS] = { "snd_connects", "Snd connect packets" },
	[STAT_RCV_HELLOS] = { "rcv_connects", "Rcv connect packets" },
	[STAT_SND_DGRAMS] = { "snd_datagrams", "Snd datagrams" },
	[STAT_RCV_DGRAMS] = { "rcv_datagrams", "Rcv datagrams" },
	[STAT_SND_MSGS] = { "snd_messages", "Snd messages" },
	[STAT_RCV_MSGS] = { "rcv_messages", "Rcv messages" },
	[STAT_RCV_DUPLICATES] = { "rcv_duplicates", "Rcv duplicates" },
	[STAT_RCV_OUT_OF_WINDOW] = { "rcv_out_of_window", "Rcv out of window" },
	[STAT_SESSIONS] = { "sessions", "Sessions opened" },
	[STAT_TIMER_LATE] = { "timer_late", "Own timer late" },
	[STAT_DROP_TRUNCATED] = { "truncated", "Rcv truncated" },
	[STAT_DROP_MALFORMED] = { "malformed", "Rcv malformed packet" },
	[STAT_DROP_VERSION] = { "version", "Rcv other version" },
	[STAT_DROP_CLUSTER] = { "other_cluster", "Rcv other cluster" },
	[STAT_DROP_DESTINATION] = { "bad_destination", "Rcv bad dest address" },
	[STAT_DROP_SOURCE] = { "bad_source", "Rcv bad source address" },
	[STAT_DROP_CROSSED] = { "crossed_link", "Rcv from another link" },
	[STAT_DROP_UNKNOWN_NODE] = { "unknown_node", "Rcv unconfigured" },
	[STAT_DROP_DUPLICATE_NODE] = { "duplicate_node", "Rcv duplicate node" },
	[STAT_DROP_OWN_ECHO] = { "own_echo", "Rcv own echo" },
	[STAT_DROP_AUTH] = { "authentication", "Rcv not authentic" },
	[STAT_DROP_REPLAY] = { "replay", "Rcv replayed" },
	[STAT_DROP_NO_SESSION] = { "no_session", "Rcv not connected" },
	[STAT_DROP_LINK_DOWN] = { "link_down", "Rcv on a link that is down" },
	[STAT_DROP_STARTING] = { "starting", "Rcv during the start check" },
	[STAT_DROP_BAD_FRAGMENT] = { "bad_fragment", "Rcv bad fragment" },
	[STAT_DROP_BAD_ACK] = { "bad_ack", "Rcv bad ACK" },
	[STAT_DROP_NO_CLIENT] = { "no_client", "Rcv no client" },
	[STAT_DROP_RATE] = { "rate_limited", "Answers held back" },
	[STAT_DROP_NOT_OPEN] = { "snd_not_connected", "Snd not connected" },
	[STAT_DROP_NO_LINK] = { "snd_no_link", "Snd no links up" },
	[STAT_DROP_TOO_LONG] = { "snd_too_long", "Snd datagram too long" },
	[STAT_DROP_NO_MEMORY] = { "no_memory", "Snd no buffer" },
};

const char *
stat_key(enum stat s)
{
	return names[s].key;
}

const char *
stat_text(enum stat s)
{
	return names[s].text;
}
