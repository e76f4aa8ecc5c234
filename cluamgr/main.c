/* SPDX-License-Identifier: ISC */
#include "cluamgr/cluamgr.h"

int
main(int argc, char **argv)
{
	return cluamgr_run(argc, argv);
}
