/* SPDX-License-Identifier: ISC */
#include "aliasd/aliasd.h"
#include "common/daemon.h"

int
main(int argc, char **argv)
{
	return clud_run(&aliasd_ops, argc, argv);
}
