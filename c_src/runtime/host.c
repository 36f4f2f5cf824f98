/* Names of this machine. */
#include "runtime/host.h"

#include "base/error.h"
#include "wire/node_name.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
    HOST_MAX = 256,
    ALIVE_MAX = 63, /* as many as libei tells epmd */
};

static bool alive_ok(const char *alive, size_t size)
{
    static const char allowed[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_-";
    return size > 0 && size <= ALIVE_MAX && strspn(alive, allowed) >= size;
}

static int host_name(char host[HOST_MAX])
{
    if (gethostname(host, HOST_MAX) != 0)
        return -errno;
    host[HOST_MAX - 1] = '\0';
    return host[0] != '\0' ? 0 : ERR_NOT_FOUND;
}

static int host_short(char host[HOST_MAX])
{
    int status = host_name(host);
    if (status == 0)
        host[strcspn(host, ".")] = '\0';
    return status;
}

static int host_long(char host[HOST_MAX])
{
    int status = host_name(host);
    if (status != 0 || strchr(host, '.') != NULL)
        return status;
    const struct addrinfo hints = {.ai_flags = AI_CANONNAME, .ai_socktype = SOCK_STREAM};
    struct addrinfo *found;
    if (getaddrinfo(host, NULL, &hints, &found) != 0)
        return ERR_NOT_FOUND;
    const char *name = found->ai_canonname;
    if (name != NULL && strchr(name, '.') != NULL && strlen(name) < HOST_MAX)
        strcpy(host, name);
    else
        status = ERR_NOT_FOUND;
    freeaddrinfo(found);
    return status;
}

int host_node_name(const char *name, bool long_name, char node[HOST_NODE_NAME_MAX])
{
    char host[HOST_MAX] = "";
    const char *at = strchr(name, '@');
    size_t size = at != NULL ? (size_t)(at - name) : strlen(name);
    if (!alive_ok(name, size) || (at != NULL && strlen(at + 1) >= HOST_MAX))
        return ERR_BADARG;
    int status = 0;
    if (at != NULL)
        strcpy(host, at + 1);
    else
        status = long_name ? host_long(host) : host_short(host);
    if (status != 0)
        return status;
    if (!node_host_ok(slice_of_text(host)) || (!long_name && strchr(host, '.') != NULL))
        return ERR_BADARG;
    snprintf(node, HOST_NODE_NAME_MAX, "%.*s@%s", (int)size, name, host);
    return 0;
}
