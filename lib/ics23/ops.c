#include "ics23/ops.h"

#include "base/text.h"

/* One operator of a chain. */
struct operator
{
    enum ics23_spec    spec;
    struct span        key;
    struct ics23_proof proof;
};

/* ---- key paths ---- */

static bool hex_part(struct span *out, struct span text, struct arena *a)
{
    uint8_t *p = arena_alloc(a, text.n / 2 + 1);

    if (!p || text.n % 2 || !hex_decode(p, text.n / 2, text))
        return false;
    *out = SPAN(p, text.n / 2);
    return true;
}

/* %XX as in URLs; every other byte stands for itself. */
static bool escaped_part(struct span *out, struct span text, struct arena *a)
{
    uint8_t *p = arena_alloc(a, text.n + 1);
    size_t   n = 0;

    if (!p)
        return false;
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] != '%') {
            p[n++] = text.p[i];
            continue;
        }
        if (text.n - i < 3 || !hex_decode(p + n, 1, SPAN(text.p + i + 1, 2)))
            return false;
        n++;
        i += 2;
    }
    *out = SPAN(p, n);
    return true;
}

static bool split_path(struct span parts[OPS_MAX], size_t *count,
                       struct span path, struct arena *a)
{
    *count = 0;
    if (path.n == 0 || path.p[0] != '/')
        return false;
    for (size_t i = 1; i <= path.n;) {
        const uint8_t *from   = path.p + i;
        const uint8_t *slash  = memchr(from, '/', path.n - i);
        size_t         n      = slash ? (size_t)(slash - from) : path.n - i;
        bool           is_hex = n >= 2 && from[0] == 'x' && from[1] == ':';

        if (*count == OPS_MAX ||
            !(is_hex ? hex_part(&parts[*count], SPAN(from + 2, n - 2), a)
                     : escaped_part(&parts[*count], SPAN(from, n), a)))
            return false;
        (*count)++;
        i += n + 1;
    }
    return true;
}

void ops_keypath(struct buf *out, struct span store, struct span key)
{
    buf_byte(out, '/');
    buf_add(out, store);
    buf_str(out, "/x:");
    buf_hex_upper(out, key);
}

/* ---- the chain ---- */

static bool operator_decode(struct operator* o, const struct abci_proof_op *op,
                            struct arena *a)
{
    if (span_eq(op->type, span_str("ics23:iavl")))
        o->spec = ICS23_IAVL;
    else if (span_eq(op->type, span_str("ics23:simple")))
        o->spec = ICS23_SIMPLE;
    else
        return false;
    o->key = op->key;
    return pb_decode(&ics23_proof_desc, &o->proof, a, op->data) == ACCEPT;
}

/* One operator: *value (NULL: absence) is replaced by its root. */
static bool operator_run(const struct operator* o, const struct span **value,
                         struct hash *root, struct span *root_span,
                         struct arena *a)
{
    struct hash got;
    bool        is_proved;

    if (!ics23_root(&got, &o->proof))
        return false;
    is_proved =
        *value ? ics23_member(o->spec, hash_span(&got), &o->proof, o->key,
                              **value, a)
               : ics23_absent(o->spec, hash_span(&got), &o->proof, o->key, a);
    *root      = got;
    *root_span = hash_span(root);
    *value     = root_span;
    return is_proved;
}

static const char *run(const struct abci_proof_ops *ops, struct span app_hash,
                       struct span keypath, const struct span *value,
                       struct arena *a)
{
    struct      operator o[OPS_MAX];
    struct span parts[OPS_MAX], root_span = { 0 };
    struct hash root;
    size_t      left;

    if (ops->ops.n == 0 || ops->ops.n > OPS_MAX)
        return "no proof operator, or too many";
    for (size_t i = 0; i < ops->ops.n; i++)
        if (!operator_decode(&o[i], &ops->ops.v[i], a))
            return "a proof operator is malformed or of an unknown type";
    if (!split_path(parts, &left, keypath, a))
        return "the key path is malformed";
    for (size_t i = 0; i < ops->ops.n; i++) {
        if (o[i].key.n) {
            if (left == 0)
                return "the key path has too few parts";
            if (!span_eq(parts[--left], o[i].key))
                return "an operator proves another key";
        }
        if (!operator_run(&o[i], &value, &root, &root_span, a))
            return "an operator does not prove its key";
    }
    if (!span_eq(app_hash, root_span))
        return "the proof leads to another app hash";
    return left ? "the key path has too many parts" : NULL;
}

bool ops_member(const struct abci_proof_ops *ops, struct span app_hash,
                struct span keypath, struct span value, struct arena *a,
                const char **why)
{
    *why = run(ops, app_hash, keypath, &value, a);
    return !*why;
}

bool ops_absent(const struct abci_proof_ops *ops, struct span app_hash,
                struct span keypath, struct arena *a, const char **why)
{
    *why = run(ops, app_hash, keypath, NULL, a);
    return !*why;
}
