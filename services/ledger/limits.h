/* limits - of the ledger: what others can make it hold or compute. */
#ifndef WARREN_LEDGER_LIMITS_H
#define WARREN_LEDGER_LIMITS_H

enum {
    TX_BYTES_MAX         = 256 << 10,
    TX_MESSAGES_MAX      = 256,
    MEMO_BYTES_MAX       = 256,
    SIGNERS_MAX          = 32,
    VALUE_BYTES_MAX      = 64 << 10,
    VALUE_DEPTH_MAX      = 16,
    KEY_BYTES_MAX        = 256,
    COLLECTION_BYTES_MAX = 64,
    ORG_BYTES_MAX        = 64,
    WRITERS_MAX          = 1000,
    ACCOUNTS_MAX         = 1 << 20, /* in a genesis */
    COLLECTIONS_MAX      = 10000,   /* in a genesis */
    PAGE_ITEMS           = 100,
    PAGE_ITEMS_MAX       = 1000,
    PAGE_BYTES_MAX       = 4 << 20,
};

#endif
