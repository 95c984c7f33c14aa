/* Calls that ask the same at once, on a bus that is played here. */
#include "test.h"

#include "api/call.h"
#include "api/share.h"

enum { CALLS = 6, SENT_MAX = 16 };

static struct {
    const struct bus_client *to;
    char                     text[128];
    bus_reply_fn            *fn;
    void                    *ctx;
    struct request_id        id;
} sent[SENT_MAX];
static size_t sent_count;

static struct shares *shares;
static struct call    calls[CALLS];
static char           heard[256]; /* call and answer, in order */
static bool           asks_again;

/* The bus, and whose request a call is. */
void bus_request(struct bus_client *c, enum bus_lane lane, struct span body,
                 uint32_t deadline_ms, bus_reply_fn *fn, void *ctx,
                 uint64_t tag)
{
    UNUSED(lane);
    UNUSED(deadline_ms);
    UNUSED(tag);
    must(sent_count < SENT_MAX && body.n < sizeof sent[0].text);
    sent[sent_count].to  = c;
    sent[sent_count].fn  = fn;
    sent[sent_count].ctx = ctx;
    sent[sent_count].id  = *log_request_now();
    memcpy(sent[sent_count].text, body.p, body.n);
    sent[sent_count++].text[body.n] = '\0';
}

struct request_id call_request_id(const struct call *c)
{
    struct request_id id;

    snprintf(id.text, sizeof id.text, "call%d", (int)(c - calls));
    return id;
}

static struct bus_client *service(uintptr_t n)
{
    return (struct bus_client *)n;
}

static void ask(size_t i, const char *text);

static void on_answer(void *ctx, uint64_t tag, enum err status,
                      const char *text, struct span body)
{
    size_t i = (size_t)((struct call *)ctx - calls);
    size_t n = strlen(heard);

    UNUSED(tag);
    UNUSED(text);
    snprintf(heard + n, sizeof heard - n, "%zu:%.*s%s ", i, (int)body.n,
             (const char *)body.p, status ? err_name(status) : "");
    CHECK_STR(log_request_now()->text, call_request_id(ctx).text);
    if (asks_again) {
        asks_again = false;
        ask(i, "height?");
    }
}

static void ask_of(uintptr_t to, size_t i, const char *text)
{
    share_ask(shares, service(to), span_str(text), on_answer, &calls[i]);
}

static void ask(size_t i, const char *text)
{
    ask_of(1, i, text);
}

static void answer(size_t i, enum err status, const char *text)
{
    struct request_id before = log_request(sent[i].id);

    sent[i].fn(sent[i].ctx, 0, status, NULL, span_str(text));
    log_request(before);
}

static void setup(void)
{
    shares     = shares_new();
    sent_count = 0;
    heard[0]   = '\0';
    asks_again = false;
}

TEST(who_comes_while_a_question_is_under_way_shares_the_next)
{
    setup();
    ask(0, "height?");
    ask(1, "height?");
    ask(2, "height?");
    CHECK_EQ(sent_count, 1);
    answer(0, OK, "7");
    CHECK_STR(heard, "0:7 ", "the others came after it was asked");
    CHECK_EQ(sent_count, 2);
    answer(1, OK, "8");
    CHECK_STR(heard, "0:7 1:8 2:8 ");
    ask(3, "height?");
    CHECK_EQ(sent_count, 3, "nothing is remembered");
    answer(2, OK, "9");
    CHECK_STR(heard, "0:7 1:8 2:8 3:9 ");
    shares_free(shares);
}

TEST(another_question_or_another_service_is_asked_by_itself)
{
    setup();
    ask(0, "height?");
    ask(1, "peers?");
    ask_of(2, 2, "height?");
    CHECK_EQ(sent_count, 3);
    answer(2, OK, "c");
    answer(1, OK, "b");
    answer(0, OK, "a");
    CHECK_STR(heard, "2:c 1:b 0:a ");
    shares_free(shares);
}

TEST(a_long_question_is_not_shared)
{
    static const char long_one[] =
        "a question of more than sixty-four bytes, which no two clients will "
        "ask at once";

    setup();
    ask(0, long_one);
    ask(1, long_one);
    CHECK_EQ(sent_count, 2);
    answer(1, OK, "b");
    answer(0, OK, "a");
    CHECK_STR(heard, "1:b 0:a ");
    shares_free(shares);
}

TEST(one_that_asks_again_from_its_answer_waits_for_the_next)
{
    setup();
    ask(0, "height?");
    ask(1, "height?");
    asks_again = true;
    answer(0, OK, "7");
    CHECK_EQ(sent_count, 2, "it joins the one of the second call");
    answer(1, OK, "8");
    CHECK_STR(heard, "0:7 1:8 ");
    answer(2, OK, "9");
    CHECK_STR(heard, "0:7 1:8 0:9 ");
    shares_free(shares);
}

TEST(a_failure_is_of_those_that_were_asked_for)
{
    setup();
    ask(0, "height?");
    ask(1, "height?");
    answer(0, ERR_BUSY, "");
    CHECK_STR(heard, "0:busy ");
    ask(2, "height?");
    answer(1, ERR_TIMEOUT, "");
    CHECK_STR(heard, "0:busy 1:timeout ");
    answer(2, OK, "9");
    CHECK_STR(heard, "0:busy 1:timeout 2:9 ", "it had just come");
    shares_free(shares);
}
