/* The commands for operators: todo_node COMMAND ... */
#ifndef TOOLS_TOOLS_H
#define TOOLS_TOOLS_H

/* argv[0]: the command; the rest: its arguments. The exit status (tools/status.h). */
int tools_run(int argc, char **argv);

#endif
