/* JSON texts.
 *
 * Property: printed again in either layout a text is still one, and the two
 * layouts come to the same. */
#include "fuzz.h"

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

void fuzz_one(struct span in)
{
    struct buf flat, indented, again;

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
