/* outcome - why a transaction or query is refused, in a form to act upon.
 *
 * Shapes:  codespace "ledger", whose codes and names never change, with a
 *          log of "NAME: text"; or "sdk" with the Cosmos SDK's code and text
 *          for what is wrong with a transaction's envelope, since clients
 *          act on those.  info is JSON for both: {"error":NAME,"retry":...}
 *          and what the error names, such as "current" or "limit".
 * Memory:  texts in the arena; a full one leaves only the code. */
#ifndef WARREN_LEDGER_OUTCOME_H
#define WARREN_LEDGER_OUTCOME_H

#include "cosmos/tx.h"

#define LEDGER_CODESPACE "ledger"
#define SDK_CODESPACE    "sdk"

enum ledger_code {
    CODE_OK               = 0,
    CODE_MALFORMED        = 1,
    CODE_UNAUTHENTICATED  = 2,
    CODE_TOO_LARGE        = 3,
    CODE_EXPIRED          = 6,
    CODE_FORBIDDEN        = 7,
    CODE_VERSION_CONFLICT = 9,
    CODE_NOT_FOUND        = 10,
    CODE_EXISTS           = 11,
    CODE_BUSY             = 14,
    CODE_NOT_READY        = 15,
    CODE_PRUNED           = 17,
    CODE_SEQUENCE         = 18,
};

const char *code_name(enum ledger_code code);

/* A verdict; code 0 means that nothing is wrong. */
struct outcome {
    uint32_t    code;
    const char *codespace;
    struct span log, info;
};

/* What an error names besides its text. */
struct outcome_detail {
    const char *name; /* NULL: none */
    int64_t     value;
};

/* refuse - fill in *out and return false. */
bool refuse(struct outcome *out, struct arena *a, enum ledger_code code,
            struct outcome_detail detail, const char *fmt, ...)
    PRINTF_LIKE(5, 6);

/* refuse_envelope - the same for what lib/cosmos found. */
bool refuse_envelope(struct outcome *out, struct arena *a,
                     const struct cosmos_fault *why);

#define NO_DETAIL ((struct outcome_detail){ NULL, 0 })
#define DETAIL(name, value)                                                    \
    ((struct outcome_detail){ (name), (int64_t)(value) })

#endif
