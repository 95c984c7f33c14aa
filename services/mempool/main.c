/* mempool: orders and bounds the transactions that wait for a block.
 * Rules are in mempool.c, I/O in shell.c; this file only wires them. */
#include "mempool/shell.h"

int main(int argc, char **argv)
{
    static struct shell shell;
    struct svc         *svc = svc_start("mempool", argc, argv);

    must_ok(shell_open(&shell, svc), "open the mempool");
    svc_run(svc);
    shell_close(&shell);
    return svc_stop(svc);
}
