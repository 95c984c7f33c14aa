/* JSON texts.
 *
 * Properties: printed again in either layout a text is still one, and the two
 * layouts come to the same; evidence in it is read or refused with a reason,
 * and when it is well formed read again from what is printed of it. */
#include "fuzz.h"

#include "model/evidence.h"
#include "rpcjson/evidence.h"
#include "rpcjson/types.h"
#include "json/read.h"
#include "json/write.h"

static struct buf reprint(struct span text, uint8_t indent)
{
    struct json_writer w;
    struct buf         out;

    buf_init(&out, 1 << 26);
    jw_init(&w, &out, indent);
    jw_reprint(&w, text);
    return out;
}

static bool parses(struct span text)
{
    struct json_doc d;
    bool ok = json_doc_parse(&d, text, JSON_KEYS_LAST_WINS) == ACCEPT;

    json_member_text(&d, "app_state");
    json_doc_fini(&d);
    return ok;
}

static void check_evidence(struct span in)
{
    struct evidence    e, again;
    struct json_writer w;
    struct buf         out, error;
    char               text[512];

    buf_use(&error, text, sizeof text);
    if (!rj_evidence_read(&e, in, &fuzz_arena, &error)) {
        must(error.len > 0);
        return;
    }
    if (evidence_validate(&e, &fuzz_arena) != ACCEPT)
        return;
    buf_init(&out, 1 << 26);
    jw_init(&w, &out, 0);
    rj_evidence(&w, &e);
    must(rj_evidence_read(&again, buf_span(&out), &fuzz_arena, &error));
    must(again.which == e.which);
    buf_fini(&out);
}

void fuzz_one(struct span in)
{
    struct buf flat, indented, again;

    check_evidence(in);
    if (!parses(in))
        return;
    flat     = reprint(in, 0);
    indented = reprint(in, 2);
    again    = reprint(buf_span(&indented), 0);
    must(!flat.is_full && parses(buf_span(&flat)));
    must(parses(buf_span(&indented)));
    must(span_eq(buf_span(&flat), buf_span(&again)));
    buf_fini(&flat);
    buf_fini(&indented);
    buf_fini(&again);
}
