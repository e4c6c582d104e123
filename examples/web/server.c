/* A web server of one page that counts its visits in /data/visits. */
#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static long count_visit(void) {
    long visits = 0;
    FILE *file = fopen("/data/visits", "r");
    if (file) {
        if (fscanf(file, "%ld", &visits) != 1) visits = 0;
        fclose(file);
    }
    if ((file = fopen("/data/visits", "w"))) {
        fprintf(file, "%ld\n", ++visits);
        fclose(file);
    }
    return visits;
}

static void stop(int signal) {
    printf("stopped by signal %d\n", signal);
    fflush(stdout);
    _exit(0);
}

int main(int argc, char **argv) {
    static char page[65536], request[4096], head[256];
    const char *port = getenv("PORT");
    FILE *file = argc > 1 ? fopen(argv[1], "r") : NULL;
    if (!file || !port) {
        fprintf(stderr, "usage: PORT=number server PAGE\n");
        return 2;
    }
    size_t size = fread(page, 1, sizeof page, file);
    signal(SIGTERM, stop);
    signal(SIGPIPE, SIG_IGN);

    int one = 1, listener = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(atoi(port))};
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 16)) {
        perror("server");
        return 1;
    }
    printf("serving on port %s\n", port);
    fflush(stdout);
    for (;;) {
        int client = accept(listener, NULL, NULL);
        if (client < 0) continue;
        if (read(client, request, sizeof request - 1) > 0) {
            long visits = count_visit();
            int length = snprintf(head, sizeof head, "<p>Visit number %ld</p>\n", visits);
            dprintf(client, "HTTP/1.0 200 OK\r\nContent-Type: text/html\r\nContent-Length: %zu\r\n\r\n", size + length);
            if (write(client, page, size) < 0 || write(client, head, length) < 0) perror("server");
            printf("visit %ld\n", visits);
            fflush(stdout);
        }
        close(client);
    }
}
