#include "ledger/outcome.h"

#include "json/write.h"

#include <stdarg.h>
#include <stdio.h>

enum { TEXT_MAX = 1024 };

static const char never[] = "never", changed[] = "after a change",
                  later[] = "later";

static const struct {
    enum ledger_code code;
    const char      *name, *retry;
} codes[] = {
    { CODE_MALFORMED, "MALFORMED", never },
    { CODE_UNAUTHENTICATED, "UNAUTHENTICATED", never },
    { CODE_TOO_LARGE, "TOO_LARGE", never },
    { CODE_EXPIRED, "EXPIRED", never },
    { CODE_FORBIDDEN, "FORBIDDEN", changed },
    { CODE_VERSION_CONFLICT, "VERSION_CONFLICT", changed },
    { CODE_NOT_FOUND, "NOT_FOUND", changed },
    { CODE_EXISTS, "EXISTS", changed },
    { CODE_BUSY, "BUSY", later },
    { CODE_NOT_READY, "NOT_READY", later },
    { CODE_PRUNED, "PRUNED", never },
    { CODE_SEQUENCE, "SEQUENCE", changed },
};

const char *code_name(enum ledger_code code)
{
    for (size_t i = 0; i < COUNT(codes); i++)
        if (codes[i].code == code)
            return codes[i].name;
    return "OK";
}

static const char *retry_of(enum ledger_code code)
{
    for (size_t i = 0; i < COUNT(codes); i++)
        if (codes[i].code == code)
            return codes[i].retry;
    return never;
}

static struct span info_of(enum ledger_code code, struct outcome_detail detail,
                           struct arena *a)
{
    char              *mem = arena_alloc(a, TEXT_MAX);
    struct json_writer w;
    struct buf         b;

    if (!mem)
        return (struct span){ 0 };
    buf_use(&b, mem, TEXT_MAX);
    jw_init(&w, &b, 0);
    jw_object(&w);
    JW(&w, "error", cstr, code_name(code));
    JW(&w, "retry", cstr, retry_of(code));
    if (detail.name)
        JW(&w, detail.name, int_text, detail.value);
    jw_object_end(&w);
    return buf_span(&b);
}

bool refuse(struct outcome *out, struct arena *a, enum ledger_code code,
            struct outcome_detail detail, const char *fmt, ...)
{
    char   *text = arena_alloc(a, TEXT_MAX);
    va_list ap;
    int     n;

    *out = (struct outcome){ .code = code, .codespace = LEDGER_CODESPACE };
    if (!text)
        return false;
    n = snprintf(text, TEXT_MAX, "%s: ", code_name(code));
    va_start(ap, fmt);
    vsnprintf(text + n, TEXT_MAX - (size_t)n, fmt, ap);
    va_end(ap);
    out->log  = span_str(text);
    out->info = info_of(code, detail, a);
    return false;
}

static enum ledger_code meaning(enum cosmos_code code)
{
    switch (code) {
    case COSMOS_UNAUTHORIZED:
    case COSMOS_INVALID_PUBKEY:
    case COSMOS_UNKNOWN_ADDRESS:
    case COSMOS_NO_SIGNATURES: return CODE_UNAUTHENTICATED;
    case COSMOS_MEMO_TOO_LARGE:
    case COSMOS_TOO_MANY_SIGNERS:
    case COSMOS_TX_TOO_LARGE: return CODE_TOO_LARGE;
    case COSMOS_TIMEOUT_HEIGHT: return CODE_EXPIRED;
    case COSMOS_WRONG_SEQUENCE: return CODE_SEQUENCE;
    case COSMOS_OK:
    case COSMOS_TX_DECODE:
    case COSMOS_INVALID_ADDRESS:
    case COSMOS_INSUFFICIENT_FEE:
    case COSMOS_INVALID_REQUEST:
    case COSMOS_UNKNOWN_EXTENSION: break;
    }
    return CODE_MALFORMED;
}

bool refuse_envelope(struct outcome *out, struct arena *a,
                     const struct cosmos_fault *why)
{
    *out =
        (struct outcome){ .code      = (uint32_t)why->code,
                          .codespace = SDK_CODESPACE,
                          .log       = arena_copy(a, span_str(why->log)),
                          .info = info_of(meaning(why->code), NO_DETAIL, a) };
    if (!out->log.p)
        out->log.n = 0;
    return false;
}
