/* SPDX-License-Identifier: ISC */
#include "lltd/keyfile.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/conf.h"

#define KEY_FILE_MAX 256

bool
keyfile_parse(const uint8_t *buf, size_t len, uint8_t key[CRYPTO_KEY_LEN])
{
	const char *text = (const char *)buf;
	size_t n = len, got;

	if (len == CRYPTO_KEY_LEN) {
		memcpy(key, buf, CRYPTO_KEY_LEN);
		return true;
	}
	while (n > 0 && strchr(" \t\r\n", text[n - 1]) != NULL && text[n - 1] != '\0')
		n--;
	if (n == 2 * CRYPTO_KEY_LEN)
		return sodium_hex2bin(key, CRYPTO_KEY_LEN, text, n, NULL, &got, NULL) == 0 &&
		    got == CRYPTO_KEY_LEN;
	return sodium_base642bin(key, CRYPTO_KEY_LEN, text, n, NULL, &got, NULL,
		   sodium_base64_VARIANT_ORIGINAL) == 0 && got == CRYPTO_KEY_LEN;
}

static bool
check_file(int fd, const char *path, struct conf_errors *errs)
{
	struct stat st;

	if (fstat(fd, &st) == -1 || !S_ISREG(st.st_mode)) {
		conf_error(errs, path, 0, NULL, "is not a regular file");
		return false;
	}
	if ((st.st_mode & 077) != 0) {
		conf_error(errs, path, 0, NULL, "others than its owner can use it (mode %03o), expected 600",
		    (unsigned)st.st_mode & 0777);
		return false;
	}
	return true;
}

bool
keyfile_load(const char *path, uint8_t key[CRYPTO_KEY_LEN], struct conf_errors *errs)
{
	uint8_t buf[KEY_FILE_MAX];
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	bool ok = false;
	ssize_t n;

	if (fd == -1) {
		conf_error(errs, path, 0, NULL, "cannot open it: %s", strerror(errno));
		return false;
	}
	if (check_file(fd, path, errs)) {
		n = read(fd, buf, sizeof(buf));
		ok = n > 0 && keyfile_parse(buf, (size_t)n, key);
		if (!ok)
			conf_error(errs, path, 0, NULL,
			    "is no key, expected 32 bytes, or 64 hexadecimal digits, or 44 characters of base64");
	}
	sodium_memzero(buf, sizeof(buf));
	close(fd);
	return ok;
}
