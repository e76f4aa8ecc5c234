/* SPDX-License-Identifier: ISC */
#include "lltd/lltd.h"

int
main(int argc, char **argv)
{
	return clud_run(&lltd_ops, argc, argv);
}
