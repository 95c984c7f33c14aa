/* err - the three kinds of failure.
 *
 * Our bug:          must(cond) aborts.
 * The environment:  enum err; fail() logs once where the facts are known and
 *                   returns its code, callers only pass it up.
 * Untrusted input:  enum reject; a value to count and score, never fatal. */
#ifndef WARREN_ERR_H
#define WARREN_ERR_H

#include "base/base.h"

/* Also the exit codes of every process: see docs for what each asks for. */
enum err {
    OK            = 0,
    ERR_FAILED    = 1,  /* something else went wrong */
    ERR_USAGE     = 2,  /* unknown flag, missing argument */
    ERR_CONFIG    = 3,  /* config.toml, environment or flag value */
    ERR_GENESIS   = 4,  /* genesis.json */
    ERR_KEY       = 5,  /* a key file: mode, halves, missing */
    ERR_SIGNSTATE = 6,  /* last-signed state: missing, stale, malformed */
    ERR_CHAIN     = 7,  /* a database or peer of another chain */
    ERR_CORRUPT   = 8,  /* damage in WAL, block or database */
    ERR_DISK      = 9,  /* no space, no permission, I/O error */
    ERR_NET       = 10, /* address in use, endpoint unreachable */
    ERR_APP       = 11, /* the application answered what it must not */
    ERR_BUSY      = 12, /* a bound was met: try again later */
    ERR_NOT_FOUND = 13,
    ERR_TIMEOUT   = 14,
    ERR_VERIFY    = 15, /* a proof or signature does not hold */
};

/* Verdicts on untrusted input. */
enum reject {
    ACCEPT = 0,
    REJECT_MALFORMED, /* not decodable */
    REJECT_RANGE,     /* a number outside its range */
    REJECT_LENGTH,    /* a byte string of the wrong length */
    REJECT_MISSING,   /* a member that must be there */
    REJECT_MISMATCH,  /* two members that must agree */
    REJECT_SIGNATURE,
    REJECT_LIMIT, /* a bound on size, count or depth */
};

/* fail - log at warn, once, and return code. */
NODISCARD enum err fail(enum err code, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* must_ok - end the process with the code where going on is unsafe. */
void must_ok(enum err code, const char *doing);

/* must_get - end the process when the system refuses what it cannot do without;
 * errno says why. */
void must_get(bool is_there, const char *what);

const char *err_name(enum err code);
const char *reject_name(enum reject r);

#endif
