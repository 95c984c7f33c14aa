/* ledger: the built-in application.
 * Rules are in ledger.c, I/O in shell.c; this file only wires them. */
#include "crypto/key.h"
#include "ledger/shell.h"

int main(int argc, char **argv)
{
    static struct shell shell;
    struct svc         *svc = svc_start("ledger", argc, argv);

    crypto_setup();
    must_ok(shell_open(&shell, svc), "open the ledger");
    svc_run(svc);
    shell_close(&shell);
    return svc_stop(svc);
}
