/* seeds LIST DIR: for each line "target vectors member..." of LIST writes what
 * the vectors have under those names, at any depth, to DIR/target/.  Values
 * are bytes in hex; those that are not are texts. */
#include "base/base.h"
#include "base/text.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

enum { SEED_BYTES_MAX = 16384, SEEDS_MAX = 400 };

struct job {
    char   dir[512];
    char  *member[8];
    size_t members, written;
};

static void make_dir(const char *path)
{
    if (mkdir(path, 0777) != 0 && errno != EEXIST) {
        perror(path);
        exit(1);
    }
}

static void write_seed(struct job *j, const char *hex)
{
    static uint8_t bytes[SEED_BYTES_MAX];
    size_t         n = strlen(hex) / 2;
    char           path[600];
    FILE          *f;

    if (n == 0 || n > sizeof bytes || j->written >= SEEDS_MAX)
        return;
    if (!hex_decode(bytes, n, span_str(hex))) {
        n = strlen(hex) < sizeof bytes ? strlen(hex) : sizeof bytes;
        memcpy(bytes, hex, n);
    }
    snprintf(path, sizeof path, "%s/%zu-%zu", j->dir, j->written++, n);
    f = fopen(path, "wb");
    if (!f || fwrite(bytes, 1, n, f) != n || fclose(f) != 0) {
        perror(path);
        exit(1);
    }
}

static bool is_wanted(const struct job *j, const char *name)
{
    for (size_t i = 0; i < j->members; i++)
        if (strcmp(j->member[i], name) == 0)
            return true;
    return false;
}

static void walk(struct job *j, json_t *v)
{
    const char *name;
    json_t     *one;
    size_t      i;

    json_array_foreach(v, i, one)
    {
        walk(j, one);
    }
    json_object_foreach(v, name, one)
    {
        if (json_is_string(one) && is_wanted(j, name))
            write_seed(j, json_string_value(one));
        walk(j, one);
    }
}

static json_t *vectors(const char *name)
{
    char    cmd[512];
    FILE   *f;
    json_t *v;

    snprintf(cmd, sizeof cmd, "xz -dc tests/vectors/%s.json.xz", name);
    f = popen(cmd, "r");
    v = f ? json_loadf(f, JSON_ALLOW_NUL, NULL) : NULL;
    if (!v) {
        fprintf(stderr, "seeds: cannot read tests/vectors/%s.json.xz\n", name);
        exit(1);
    }
    pclose(f);
    return v;
}

static void run_line(char *line, const char *dir)
{
    static const char blanks[] = " \t\r\n";
    struct job        j        = { 0 };
    char             *target   = strtok(line, blanks), *from, *member;
    struct stat       st;
    json_t           *v;
    size_t            part = 0;

    if (!target || target[0] == '#')
        return;
    from = strtok(NULL, blanks);
    while ((member = strtok(NULL, blanks)) && j.members < COUNT(j.member))
        j.member[j.members++] = member;
    if (!from || j.members == 0)
        return;
    snprintf(j.dir, sizeof j.dir, "%s/%s", dir, target);
    make_dir(j.dir);
    do /* each line of a target has its own folder */
        snprintf(j.dir, sizeof j.dir, "%s/%s/%zu", dir, target, part++);
    while (stat(j.dir, &st) == 0);
    make_dir(j.dir);
    v = vectors(from);
    walk(&j, v);
    json_decref(v);
}

int main(int argc, char **argv)
{
    char  line[1024];
    FILE *f;

    if (argc != 3 || !(f = fopen(argv[1], "r"))) {
        fprintf(stderr, "usage: seeds LIST DIR\n");
        return 2;
    }
    make_dir(argv[2]);
    while (fgets(line, sizeof line, f))
        run_line(line, argv[2]);
    fclose(f);
    return 0;
}
