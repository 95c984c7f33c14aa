/* api: answers queries and accepts transactions over JSON-RPC.
 * Methods are in methods_*.c, sockets in shell.c; this file wires them. */
#include "api/shell.h"

int main(int argc, char **argv)
{
    struct shell shell = { 0 };
    struct svc  *svc   = svc_start("api", argc, argv);

    must_ok(shell_open(&shell, svc), "open the api");
    svc_run(svc);
    shell_close(&shell);
    return svc_stop(svc);
}
