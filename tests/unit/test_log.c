/* Lines of the log: texts of strangers stay inside them. */
#include "test.h"

#include "base/log.h"

#include <jansson.h>
#include <unistd.h>

static char   got[16384];
static size_t got_n;

/* One line as it is written. */
static void capture(enum log_format format, const char *event, const char *text)
{
    int     ends[2], kept = dup(STDERR_FILENO);
    ssize_t n;

    must(kept >= 0 && pipe(ends) == 0);
    must(dup2(ends[1], STDERR_FILENO) >= 0);
    must(log_setup("test", format, "info"));
    log_event(LOG_WARN, event, LOG_STR("a", text), LOG_STR("b", text),
              LOG_UINT("n", 7));
    must(dup2(kept, STDERR_FILENO) >= 0);
    close(kept);
    close(ends[1]);
    got_n = 0;
    while ((n = read(ends[0], got + got_n, sizeof got - 1 - got_n)) > 0)
        got_n += (size_t)n;
    got[got_n] = 0;
    close(ends[0]);
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
    CHECK(strstr(got, "\"cut\":true") != NULL);
    for (size_t i = 0; i + 2 < sizeof text; i += 2)
        memcpy(text + i, "\xc3\xa9", 2);
    hold(text);
    hold(text + 1);
}
