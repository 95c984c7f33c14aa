/* store: sole owner of blocks, states and results on disk.
 * Layout is in store.c, the index of hashes in index.c and runs.c, saving and
 * reading in db.c and beside it, the bus in shell.c; this file wires them. */
#include "store/shell.h"

int main(int argc, char **argv)
{
    static struct shell shell;
    struct svc         *svc = svc_start("store", argc, argv);

    must_ok(shell_open(&shell, svc), "open the store");
    svc_run(svc);
    shell_close(&shell);
    return svc_stop(svc);
}
