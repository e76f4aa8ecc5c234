/* SPDX-License-Identifier: ISC */
#include "gabd/gabd.h"

int
main(int argc, char **argv)
{
	return clud_run(&gabd_ops, argc, argv);
}
