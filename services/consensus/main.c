/* consensus: decides one block per height.
 * Rules are in consensus.c and its siblings (core.h), I/O in shell.c and its
 * siblings (shell.h); this file only wires them. */
#include "consensus/shell.h"

int main(int argc, char **argv)
{
    static struct shell shell;
    struct svc         *svc = svc_start("consensus", argc, argv);

    crypto_setup();
    must_ok(shell_open(&shell, svc), "open the WAL and the sockets");
    svc_run(svc);
    shell_close(&shell);
    return svc_stop(svc);
}
