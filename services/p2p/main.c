/* p2p: authenticates peers, frames their messages and keeps count of their
 * manners.  Rules are in p2p.c, I/O in shell.c; this file only wires them. */
#include "p2p/shell.h"

int main(int argc, char **argv)
{
    static struct shell shell;
    struct svc         *svc = svc_start("p2p", argc, argv);

    svc_keep_secrets(svc);
    crypto_setup();
    must_ok(shell_open(&shell, svc), "open p2p");
    svc_run(svc);
    shell_close(&shell);
    return svc_stop(svc);
}
