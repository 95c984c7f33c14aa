/* Property: the canonical form of any JSON is its own canonical form, and
 * the ledger takes it. */
#include "canonical.h"
#include "fuzz.h"
#include "ledger/value.h"

void fuzz_one(struct span in)
{
    struct buf  once, twice;
    char        why[200];
    const char *refused;
    size_t      at;

    buf_init(&once, 1 << 20);
    buf_init(&twice, 1 << 20);
    refused = canonical_json(&once, in, why);
    must(!refused || refused[0]);
    if (!refused && !once.is_full) {
        must(canonical_json(&twice, buf_span(&once), why) == NULL);
        must(span_eq(buf_span(&once), buf_span(&twice)));
        must(value_check(buf_span(&once), &at) == NULL);
    }
    buf_fini(&once);
    buf_fini(&twice);
}
