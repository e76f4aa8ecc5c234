/* SPDX-License-Identifier: ISC */
/* The counters, in the order of enum dp_counter of datapath.h (checked there). */
#ifndef CLUA_ALIASD_BPF_NAMES_H
#define CLUA_ALIASD_BPF_NAMES_H

#define DP_COUNTER_LIST(X)                                                                         \
	X(ARP_ANSWERED, "arp_answered")                                                            \
	X(ARP_DROPPED, "arp_dropped")                                                              \
	X(NEW_LOCAL, "new_local")                                                                  \
	X(NEW_FORWARDED, "new_forwarded")                                                          \
	X(FLOW_LOCAL, "flow_local")                                                                \
	X(FLOW_FORWARDED, "flow_forwarded")                                                        \
	X(HALFOPEN_HIT, "halfopen_hit")                                                            \
	X(UDP_LOCAL, "udp_local")                                                                  \
	X(UDP_FORWARDED, "udp_forwarded")                                                          \
	X(FROM_MEMBER, "from_member")                                                              \
	X(STRAY, "stray")                                                                          \
	X(STRAY_LOST, "stray_lost")                                                                \
	X(NO_TARGET, "no_target")                                                                  \
	X(NO_PATH, "no_path")                                                                      \
	X(FALLBACK, "fallback")                                                                    \
	X(MALFORMED, "malformed")                                                                  \
	X(FRAGMENT, "fragment")                                                                    \
	X(REFUSED, "refused")                                                                      \
	X(NEW_RECEIVED, "new_received")                                                            \
	X(UDP_RECEIVED, "udp_received")                                                            \
	X(FRAGMENT_FORWARDED, "fragment_forwarded")                                                \
	X(FRAGMENT_RECEIVED, "fragment_received")                                                  \
	X(HALFOPEN_FORWARDED, "halfopen_forwarded")                                                \
	X(FRAGMENT_HELD, "fragment_held")                                                          \
	X(FRAGMENT_LOST, "fragment_lost")                                                          \
	X(ICMP_ERROR, "icmp_error")                                                                \
	X(OWN, "own")                                                                              \
	X(TOO_BIG, "too_big")                                                                      \
	X(TOO_BIG_SPLIT, "too_big_split")                                                          \
	X(TOO_BIG_LOST, "too_big_lost")                                                            \
	X(TUNNEL_STRANGER, "tunnel_stranger")

#endif
