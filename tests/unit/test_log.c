/* Lines of the log: texts of strangers stay inside them. */
#include "test.h"

#include "base/err.h"
#include "base/log.h"
#include "base/repeat.h"

#include <jansson.h>
#include <unistd.h>

static char   got[16384];
static size_t got_n;

/* What is written between listen and heard: collected JSON on standard output.
 */
static int  stream, kept, ends[2];
static bool is_collected;

static void listen_to(enum log_format format)
{
    stream = format == LOG_JSON && is_collected ? STDOUT_FILENO : STDERR_FILENO;
    fflush(stdout);
    kept = dup(stream);
    must(kept >= 0 && pipe(ends) == 0);
    must(dup2(ends[1], stream) >= 0);
    must(log_setup("test", format, "info"));
}

static void heard(void)
{
    ssize_t n;

    must(dup2(kept, stream) >= 0);
    close(kept);
    close(ends[1]);
    got_n = 0;
    while ((n = read(ends[0], got + got_n, sizeof got - 1 - got_n)) > 0)
        got_n += (size_t)n;
    got[got_n] = 0;
    close(ends[0]);
}

/* One line as it is written. */
static void capture(enum log_format format, const char *event, const char *text)
{
    listen_to(format);
    log_event(LOG_WARN, event, LOG_STR("a", text), LOG_STR("b", text),
              LOG_UINT("n", 7));
    heard();
}

static bool is_one_clean_line(void)
{
    for (size_t i = 0; i + 1 < got_n; i++)
        if ((unsigned char)got[i] < 0x20 || got[i] == 0x7f)
            return false;
    return got_n > 0 && got[got_n - 1] == '\n';
}

static bool is_json(void)
{
    json_t *j  = json_loadb(got, got_n, 0, NULL);
    bool    ok = json_is_object(j);

    json_decref(j);
    return ok;
}

static void hold(const char *text)
{
    capture(LOG_PLAIN, text, text);
    CHECK(is_one_clean_line());
    capture(LOG_BRIEF, text, text);
    CHECK(is_one_clean_line());
    capture(LOG_JSON, text, text);
    CHECK(is_one_clean_line());
    CHECK(is_json());
}

TEST(texts_of_strangers_stay_in_their_line)
{
    hold("plain");
    hold("");
    hold("two\nlines and \x1b[31m colours \x7f \t \"quoted\" \\ back");
    hold("\xff\xfe not UTF-8 \xc3");
    hold("C1: \xc2\x9b"
         "31m and caf\xc3\xa9");
    CHECK(!strstr(got, "\xc2\x9b"));
    CHECK(strstr(got, "caf\xc3\xa9") != NULL);
}

TEST(long_texts_are_cut)
{
    static char text[20000];

    memset(text, 'x', sizeof text - 1);
    hold(text);
    CHECK(strstr(got, "xxx...") != NULL);
    CHECK(strstr(got, "\"n\":7") != NULL);
    memset(text, 1, sizeof text - 1);
    hold(text);
    CHECK(strstr(got, "\"n\":7") != NULL);
    listen_to(LOG_JSON);
    log_event(LOG_WARN, text, LOG_STR("a", text), LOG_STR("b", text),
              LOG_STR("c", text), LOG_STR("d", text));
    heard();
    CHECK(is_one_clean_line());
    CHECK(is_json());
    CHECK(got_n <= 4096);
    CHECK(strstr(got, "\"cut\":true") != NULL);
    for (size_t i = 0; i + 2 < sizeof text; i += 2)
        memcpy(text + i, "\xc3\xa9", 2);
    hold(text);
    hold(text + 1);
}

static const char *member(const char *name)
{
    static char text[256];
    json_t     *j = json_loadb(got, got_n, 0, NULL);

    snprintf(text, sizeof text, "%s",
             j ? json_string_value(json_object_get(j, name)) : "no JSON");
    json_decref(j);
    return text;
}

TEST(an_object_names_level_service_and_org)
{
    capture(LOG_JSON, "happened", "x");
    CHECK_STR(member("msg"), "happened", "a command's, on standard error");
    is_collected = true;
    log_collected("Acme \"Rail\"");
    capture(LOG_JSON, "happened", "x");
    CHECK_STR(member("level"), "warn");
    CHECK_STR(member("service"), "test");
    CHECK_STR(member("org"), "Acme \"Rail\"");
    CHECK_STR(member("msg"), "happened");
    CHECK_STR(member("a"), "x");
    CHECK_EQ(strlen(member("ts")), strlen("2006-01-02T15:04:05.000Z"));
}

static size_t lines(void)
{
    size_t n = 0;

    for (size_t i = 0; i < got_n; i++)
        n += got[i] == '\n';
    return n;
}

static void many(size_t n, const char *event, const char *text)
{
    for (size_t i = 0; i < n; i++)
        log_event(LOG_INFO, event, LOG_STR("why", text), LOG_UINT("i", i));
}

static void repeat_as(enum log_format format, const char *told)
{
    log_limit_repeats();
    listen_to(format);
    many(1234 + REPEAT_SAME_MAX, "cannot", "refused");
    many(1, "cannot", "another reason");
    log_flush();
    heard();
    CHECK_EQ(lines(), REPEAT_SAME_MAX + 2);
    CHECK(strstr(got, "another reason") != NULL);
    CHECK(strstr(got, told) != NULL, "%s", got);
}

TEST(repeats_are_one_line_with_their_count)
{
    repeat_as(LOG_PLAIN, " cannot why=refused i=10 repeated=1234\n");
    repeat_as(LOG_JSON, "\"msg\":\"cannot\",\"why\":\"refused\",\"i\":10,"
                        "\"repeated\":1234}\n");
}

TEST(what_tells_of_repeats_is_whole_whatever_they_say)
{
    static char text[5000];

    memset(text, '"', sizeof text - 1);
    log_limit_repeats();
    listen_to(LOG_JSON);
    many(REPEAT_SAME_MAX, text, text);
    heard();
    listen_to(LOG_JSON);
    many(1, text, text);
    log_flush();
    heard();
    CHECK_EQ(lines(), 1);
    CHECK(is_json());
    CHECK(strstr(got, "\"repeated\":1}") != NULL);
}

TEST(every_height_is_told_and_a_bug_always)
{
    log_limit_repeats();
    listen_to(LOG_PLAIN);
    for (int i = 0; i < 100; i++)
        log_event(LOG_INFO, "committed", LOG_INT("height", i));
    for (int i = 0; i < 20; i++)
        log_event(LOG_BUG, "bug");
    log_flush();
    heard();
    CHECK_EQ(lines(), 120);
}

TEST(the_same_for_another_request_is_no_repeat)
{
    struct request_id id;
    char              text[16];

    log_limit_repeats();
    listen_to(LOG_PLAIN);
    for (int i = 0; i < 100; i++) {
        snprintf(text, sizeof text, "r%d", i);
        CHECK(request_id_take(&id, span_str(text)));
        log_request(id);
        log_event(LOG_INFO, "asked", LOG_STR("by", "api"));
    }
    log_request((struct request_id){ "" });
    log_flush();
    heard();
    CHECK_EQ(lines(), 100);
    CHECK(strstr(got, "asked request=r99 by=api\n") != NULL);
}

TEST(the_reason_of_an_end_is_told_although_it_repeats)
{
    log_limit_repeats();
    listen_to(LOG_PLAIN);
    for (int i = 0; i < REPEAT_SAME_MAX; i++)
        (void)!fail(ERR_DISK, "no room on %s", "/data");
    heard();
    listen_to(LOG_PLAIN);
    (void)!fail(ERR_DISK, "no room on %s", "/data");
    log_flush();
    heard();
    CHECK(strstr(got, "no room on /data") != NULL);
    CHECK(strstr(got, "repeated=1") != NULL);
}
